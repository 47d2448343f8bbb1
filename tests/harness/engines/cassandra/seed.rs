//! A node's files with `deploy/cassandra` applied to them, made once and copied for each node.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::super::kafka::Tuning;
use super::cql::Cql;
use super::install::Installed;
use super::node::{Authenticator, Node};
use super::{ADMIN, KEYSPACE};
use crate::pki::{Pki, San};

const KEYSPACE_CQL: &str = include_str!("../../../../deploy/cassandra/keyspace-one-node.cql");
const SCHEMA_CQL: &str = include_str!("../../../../deploy/cassandra/schema.cql");
const ROLES_CQL: &str = include_str!("../../../../deploy/cassandra/roles.cql");
const LOCK_CQL: &str = include_str!("../../../../deploy/cassandra/lock-default-role.cql");
/// What every new cluster has.
const DEFAULT: (&str, &str) = ("cassandra", "cassandra");
/// The default role is made in the background.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
/// What a node keeps.
const KEPT: [&str; 2] = ["data", "commitlog"];

/// Puts the files of a node with tables and roles into `dir`.
pub(super) async fn plant(installed: &Installed, dir: &Path) -> Result<()> {
    let seed = installed.dir.join(format!("seed-{}", name()));
    if !seed.is_dir() {
        let half = installed.dir.join("seed.half");
        let _ = fs::remove_dir_all(&half);
        make(installed, &half)
            .await
            .context("prepare Cassandra's tables and roles")?;
        fs::rename(&half, &seed).context("keep Cassandra's files")?;
    }
    for folder in KEPT {
        copy(&seed.join(folder), &dir.join(folder))?;
    }
    Ok(())
}

/// Applies the same files as a keyspace of another name.
pub(in crate::engines) async fn furnish(cql: &Cql, keyspace: &str) -> Result<()> {
    let named = |script: &str| script.replace(KEYSPACE, keyspace);
    cql.apply(&named(KEYSPACE_CQL)).await?;
    for keyspace in [keyspace.to_owned(), beside(keyspace)] {
        cql.enter(&keyspace).await?;
        cql.apply(SCHEMA_CQL).await?;
    }
    cql.enter(keyspace).await?;
    cql.apply(&named(ROLES_CQL)).await
}

/// The keyspace that every other generation of the views is in.
pub(in crate::engines) fn beside(keyspace: &str) -> String {
    format!("{keyspace}_b")
}

/// Changes with whatever is applied.
fn name() -> String {
    let mut hash = Sha256::new();
    for part in [
        KEYSPACE_CQL,
        SCHEMA_CQL,
        ROLES_CQL,
        LOCK_CQL,
        include_str!("cassandra.yaml"),
    ] {
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The first steps need passwords; what comes of them has none.
async fn make(installed: &Installed, dir: &Path) -> Result<()> {
    let pki = Pki::create(&dir.join("pki"))?;
    let admin = pki.issue_client("admin", &[San::uri(ADMIN)])?;
    let mut node =
        Node::start(installed, dir, &pki, Authenticator::Password, Tuning::Start).await?;
    let address = node.address();
    let cql = patiently(|| Cql::connect(address, pki.bundle(), &admin, Some(DEFAULT))).await?;
    cql.apply(KEYSPACE_CQL).await?;
    for keyspace in [beside(KEYSPACE), KEYSPACE.to_owned()] {
        cql.enter(&keyspace).await?;
        cql.apply(SCHEMA_CQL).await?;
    }
    cql.apply(ROLES_CQL).await?;
    drop(cql);
    node.stop().await?;
    drop(node);

    let mut node = Node::start(
        installed,
        dir,
        &pki,
        Authenticator::Certificate,
        Tuning::Start,
    )
    .await?;
    let address = node.address();
    let cql = patiently(|| Cql::connect(address, pki.bundle(), &admin, None)).await?;
    cql.apply(LOCK_CQL).await?;
    drop(cql);
    node.stop().await?;
    fs::remove_dir_all(dir.join("pki"))?;
    Ok(())
}

/// Tries to log in until the node knows the role.
async fn patiently<F>(connect: impl Fn() -> F) -> Result<Cql>
where
    F: Future<Output = Result<Cql>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match connect().await {
            Err(_) if Instant::now() < end => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |path: &PathBuf| format!("copy {}", path.display());
    fs::create_dir_all(to).with_context(|| failed(&to.to_owned()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| failed(&from))?;
        }
    }
    Ok(())
}
