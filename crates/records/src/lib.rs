//! Domain events to log records and back: protobuf, CloudEvents headers, signatures; and
//! following a topic into a fold.
//!
//! The one place that knows both the domain's types and their wire form.

mod basis_codec;
mod decode;
mod egress_codec;
mod encode;
mod entity_key;
mod follow;
mod gap_codec;
mod provisioning_codec;
mod read_codec;
mod reader;
mod registry_codec;
mod registry_follower;
mod snapshot;
mod time;
mod unverified;
mod wire;

pub use basis_codec::basis_from_wire;
pub use decode::FieldError;
pub use encode::{key_of, to_record, to_signed_record};
pub use entity_key::{entity_key_from_text, entity_key_to_text};
pub use follow::Follower;
pub use reader::{EventReader, Unreadable};
pub use registry_codec::{
    change_from_wire, change_to_wire, entity_to_wire, window_from_wire, window_to_wire,
};
pub use registry_follower::RegistryFollower;
pub use snapshot::{
    Digest, Marks, Snapshot, SnapshotConfig, SnapshotError, Snapshots, keep as keep_snapshots,
};
pub use time::{timestamp_from_wire, timestamp_to_wire};
pub use unverified::unverified;
