//! Consumer groups of the local adapters. The table of a group, and every change
//! of it, is pure ([`GroupTable`]); a store keeps it and applies the changes one
//! at a time.

mod heartbeat;
mod liveness;
mod subscription;
mod table;

pub(crate) use subscription::join;
pub(crate) use table::{GroupTable, Member, Ownership, TopicPartition};
