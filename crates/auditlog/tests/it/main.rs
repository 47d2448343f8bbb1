//! The audit log as its users see it: in memory, in a folder, killed, tampered with, and checked
//! by another implementation.
#![allow(clippy::unwrap_used)]

mod common;
mod folder;
mod integrity;
mod notes;
mod overtaken;
mod proofs;
mod published;
mod recovery;
mod rotation;
mod walks;
mod writers;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;

/// The storage of one test's log.
async fn fresh_storage() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}
