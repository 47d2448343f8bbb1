//! A server's database with its tables and its operator, made once and copied for each server.
//!
//! It holds private keys: it stays below cargo's target folder.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::install::Installed;
use super::node::Node;
use crate::pki::Pki;

/// Puts the database of a server into `dir`.
pub(super) async fn plant(installed: &Installed, dir: &Path) -> Result<()> {
    let seed = installed.dir.join("seed");
    if !seed.is_dir() {
        let half = installed.dir.join("seed.half");
        let _ = fs::remove_dir_all(&half);
        let pki = Pki::create(&half.join("pki"))?;
        let mut node = Node::start(installed, &half, &pki).await?;
        node.stop().await?;
        fs::rename(&half, &seed).context("keep Keycloak's database")?;
    }
    let database = dir.join("h2");
    fs::create_dir_all(&database).with_context(|| format!("create {}", database.display()))?;
    for entry in fs::read_dir(seed.join("h2"))? {
        let entry = entry?;
        fs::copy(entry.path(), database.join(entry.file_name()))
            .with_context(|| format!("copy {}", entry.path().display()))?;
    }
    Ok(())
}
