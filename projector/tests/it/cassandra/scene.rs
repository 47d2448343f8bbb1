//! A node with its certificates.

use std::path::Path;
use std::sync::Arc;

use harness::engines::cassandra::{Cassandra, KEYSPACE, PROJECTOR, PROJECTOR_SERVE};
use harness::pki::{Issued, Pki, San};
use projector::config::ViewsConfig;
use projector::store::{self, ViewReader, ViewStore};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// Every table that rows are written to.
pub const TABLES: [&str; 25] = [
    "access",
    "access_by_time",
    "access_buckets",
    "access_by_event",
    "claims",
    "completions",
    "digests",
    "observations",
    "alarms",
    "alarm_buckets",
    "reads",
    "read_buckets",
    "hours",
    "statuses",
    "status_buckets",
    "device_states",
    "devices_by_complex",
    "leaves",
    "leaf_buckets",
    "unreadable",
    "sequences",
    "sequence_buckets",
    "progress",
    "heads",
    "halts",
];

/// One node at a time: a small machine can't carry more.
static TURN: Mutex<()> = Mutex::const_new(());

pub struct Scene {
    pub node: Cassandra,
    pub pki: Pki,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    /// None where the machine can't run a node.
    pub async fn start() -> Option<Self> {
        let turn = TURN.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::create(&folder.path().join("pki")).unwrap();
        let node = Cassandra::start(&folder.path().join("node"), &pki)
            .await
            .unwrap()?;
        Some(Self {
            node,
            pki,
            folder,
            _turn: turn,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn identity(&self, name: &str, uri: &str) -> Issued {
        self.pki.issue_client(name, &[San::uri(uri)]).unwrap()
    }

    /// The section `[views]` of a process with this certificate, as text.
    pub fn section(&self, identity: &Issued, roots: &Pki) -> String {
        section(self.node.url(), identity, roots)
    }

    /// The section `[views]` of a process with this certificate.
    pub fn views(&self, identity: &Issued, roots: &Pki) -> ViewsConfig {
        views(self.folder(), &self.section(identity, roots))
    }

    pub async fn writer(&self) -> Arc<dyn ViewStore> {
        let identity = self.identity("projector", PROJECTOR);
        let views = self.views(&identity, &self.pki);
        store::open_configured(&views).await.unwrap()
    }

    pub fn reader(&self) -> Arc<dyn ViewReader> {
        let identity = self.identity("projector-serve", PROJECTOR_SERVE);
        let views = self.views(&identity, &self.pki);
        store::open_configured_reader(&views).unwrap()
    }

    /// Empties every table of the first generation, which serves again.
    pub async fn empty(&self) {
        let admin = self.node.admin().await.unwrap();
        let emptied = TABLES.map(|table| {
            let admin = &admin;
            async move {
                let cql = format!("TRUNCATE {KEYSPACE}.{table}");
                admin.run(&cql).await.unwrap();
            }
        });
        futures::future::join_all(emptied).await;
        let first = format!(
            "UPDATE {KEYSPACE}.generations SET serving = 1, building = null WHERE name = 'views' IF EXISTS"
        );
        admin.run(&first).await.unwrap();
    }
}

/// The section `[views]` for a store at `url`, as text.
pub fn section(url: impl std::fmt::Display, identity: &Issued, roots: &Pki) -> String {
    format!(
        "[views]\nurl = \"{url}\"\n\
         [views.cassandra]\nrequest_timeout = \"2s\"\nconnect_timeout = \"2s\"\n\
         [views.cassandra.tls]\ncertificate = \"{}\"\nprivate_key = \"{}\"\n\
         server_roots = \"{}\"\n",
        identity.certificate.display(),
        identity.private_key.display(),
        roots.bundle().display(),
    )
}

/// The section as a process reads it.
pub fn views(folder: &Path, section: &str) -> ViewsConfig {
    #[derive(serde::Deserialize)]
    struct File {
        views: ViewsConfig,
    }
    let file = folder.join(format!("{}.toml", Uuid::now_v7()));
    std::fs::write(&file, section).unwrap();
    let loaded: File = service::config::load(&file, "NONE").unwrap();
    loaded.views
}
