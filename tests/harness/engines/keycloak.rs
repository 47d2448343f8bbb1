//! Keycloak, an authorization server: one for all tests of this process, each with a realm of its own.
//!
//! It comes through Maven, once, and is kept below cargo's target folder.

mod install;
mod node;
mod operator;
mod realm;
mod seed;
mod site;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::sync::OnceCell;
use uuid::Uuid;

use self::install::Installed;
use self::node::Node;
use super::missing;
use crate::pki::Pki;
use crate::site::Site;

use self::realm::Contents;
pub use self::realm::Realm;

/// A run's folder is `run-<id>`.
const RUN: &str = "run-";

/// A running server. The one that tests share ends with their process.
pub struct Keycloak {
    // Dropped first: no process outlives its folder.
    node: Node,
    pki: Pki,
    _folder: Folder,
}

impl Keycloak {
    /// A new realm on the server that this process shares, whose access tokens live so long. None where
    /// this machine can't run the server, which is said loudly.
    ///
    /// # Errors
    /// It does not start; or it can't be had, and `CI` is set.
    pub async fn realm(access_token_ttl: Duration) -> Result<Option<Realm>> {
        if let Some(why) = Self::lacking() {
            missing::report("Keycloak", &why)?;
            return Ok(None);
        }
        let contents = Contents::apps(access_token_ttl);
        Realm::create(Self::shared().await?, contents)
            .await
            .map(Some)
    }

    /// A new realm on that server for everybody of a site, with the site's pages as its clients.
    ///
    /// # Errors
    /// It can't be had, or does not start.
    pub async fn realm_of(site: &Site) -> Result<Realm> {
        Realm::create(Self::shared().await?, Contents::site(site)?).await
    }

    /// Why this machine can't run it, if it can't.
    pub fn lacking() -> Option<String> {
        install::lacking()
    }

    async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Result<Keycloak, String>> = OnceCell::const_new();
        let started = SHARED.get_or_init(|| async {
            let started = Self::start().await;
            // Whoever comes next is told the same, and need not wait for it to fail again.
            started.map_err(|error| format!("{error:#}"))
        });
        started.await.as_ref().map_err(|error| anyhow!("{error}"))
    }

    async fn start() -> Result<Self> {
        let installed = tokio::task::spawn_blocking(install::install).await??;
        let folder = Folder::new(&installed)?;
        let pki = Pki::create(&folder.path.join("pki"))?;
        seed::plant(&installed, &folder.path).await?;
        Ok(Self {
            node: Node::start(&installed, &folder.path, &pki).await?,
            pki,
            _folder: folder,
        })
    }
}

/// A run's files. A process that was killed, or that shares its server to its end, leaves its folder
/// behind; the next run takes it away.
struct Folder {
    path: PathBuf,
    /// Held as long as the run lasts.
    _lock: File,
}

impl Folder {
    fn new(installed: &Installed) -> Result<Self> {
        sweep(&installed.dir)?;
        let path = installed.dir.join(format!("{RUN}{}", Uuid::new_v4()));
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        let lock = File::create(path.join("lock"))?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The next run does it otherwise.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let over = || File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
        if name.is_some_and(|name| name.starts_with(RUN)) && over() {
            fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}
