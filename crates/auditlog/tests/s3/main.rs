//! Logs behind the S3 API: the tests of `tests/it` over it, and what only it can do.
#![allow(clippy::unwrap_used)]

mod bucket;
#[path = "../it/common/mod.rs"]
mod common;
mod elsewhere;
mod faults;
#[path = "../it/integrity.rs"]
mod integrity;
mod opening;
#[path = "../it/proofs.rs"]
mod proofs;
#[path = "../it/recovery.rs"]
mod recovery;
mod server;
mod tls;
#[path = "../it/writers.rs"]
mod writers;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use auditlog::{Access, open_s3};
use object_store::ObjectStore;

use crate::elsewhere::Elsewhere;
use crate::server::{Server, url};

/// One for all tests that don't make trouble.
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(Default::default()));

/// The storage of one test's log: a prefix of its own. It is opened as readers do, which can't
/// be told from a writer's afterwards, and saves the trials.
async fn fresh_storage() -> Arc<dyn ObjectStore> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("test/{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let (url, options) = match Elsewhere::named() {
        Some(elsewhere) => (elsewhere.url(&prefix), elsewhere.options()),
        None => (url(&prefix), SERVER.options()),
    };
    open_s3(&url, &options, Access::Read).await.unwrap()
}
