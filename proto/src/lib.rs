//! The contracts as Rust types, generated from the .proto files beside this crate.
//! Documentation of each field stands in those files.

// The nesting mirrors the protobuf packages: generated code refers to itself by it.
#[allow(missing_docs, clippy::all, clippy::unwrap_used, unreachable_pub)]
mod smarthome {
    pub mod events {
        pub mod v1 {
            tonic::include_proto!("smarthome.events.v1");
        }
    }
    pub mod access {
        pub mod v1 {
            tonic::include_proto!("smarthome.access.v1");
        }
    }
}

/// gRPC services, `smarthome.access.v1`.
pub use smarthome::access::v1 as access;
/// Records of the event log, `smarthome.events.v1`.
pub use smarthome::events::v1 as events;

/// Encoded `FileDescriptorSet` of everything here, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
