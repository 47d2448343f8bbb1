//! Apache Cassandra: one node with the tables and roles of `deploy/cassandra`, TLS with client
//! certificates, and a commit log that loses nothing it has acknowledged.
//!
//! The classes come through Maven, once; the node's first files are made once and copied. Both are
//! kept below cargo's target folder, so that later starts take a few seconds.

mod cql;
mod install;
mod node;
mod seed;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::kafka::Tuning;
use super::missing;
use crate::pki::{Issued, Pki, San};
use node::{Authenticator, Node};

pub use cql::{Cql, Verdict};
pub(in crate::engines) use seed::{beside, furnish};

/// The keyspace of the views.
pub const KEYSPACE: &str = "smarthome_views";
/// Who changes tables and roles.
pub const ADMIN: &str = "spiffe://smarthome/cassandra-admin";
/// Who writes the views.
pub const PROJECTOR: &str = "spiffe://smarthome/projector";
/// Who reads the views.
pub const PROJECTOR_SERVE: &str = "spiffe://smarthome/projector-serve";
/// Who takes expired rows away.
pub const PROJECTOR_PRUNE: &str = "spiffe://smarthome/projector-prune";

/// The name of a certificate that may change tables and roles.
pub(in crate::engines) fn admin() -> San {
    San::uri(ADMIN)
}

/// A node, stopped when dropped.
pub struct Cassandra {
    node: Node,
    roots: std::path::PathBuf,
    admin: Issued,
}

impl Cassandra {
    /// Starts a node with its files in `dir`, which is made where absent. None where this machine
    /// can't run one, which is said loudly.
    ///
    /// # Errors
    /// It does not start; or it can't be had, and `CI` is set.
    pub async fn start(dir: &Path, pki: &Pki) -> Result<Option<Self>> {
        Self::start_tuned(dir, pki, Tuning::Start).await
    }

    /// The same, with its virtual machine set up for this.
    ///
    /// # Errors
    /// As [`Cassandra::start`].
    pub async fn start_tuned(dir: &Path, pki: &Pki, tuning: Tuning) -> Result<Option<Self>> {
        if let Some(why) = install::lacking() {
            missing::report("Cassandra", &why)?;
            return Ok(None);
        }
        let installed = tokio::task::spawn_blocking(install::install).await??;
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        seed::plant(&installed, &dir).await?;
        let node = Node::start(&installed, &dir, pki, Authenticator::Certificate, tuning).await?;
        let admin = pki.issue_client("cassandra-admin", &[admin()])?;
        Ok(Some(Self {
            node,
            roots: pki.bundle().to_owned(),
            admin,
        }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// What `views.url` is to be.
    pub fn url(&self) -> String {
        format!("cassandra://{}/{KEYSPACE}", self.address())
    }

    /// Its process id.
    pub fn pid(&mut self) -> u32 {
        self.node.process().pid()
    }

    /// Makes one more keyspace with the tables and roles of `deploy/cassandra`, and gives its URL.
    ///
    /// # Errors
    /// The node refuses or can't be reached.
    pub async fn furnish(&self, keyspace: &str) -> Result<String> {
        furnish(&self.admin().await?, keyspace).await?;
        Ok(format!("cassandra://{}/{keyspace}", self.address()))
    }

    /// A client with this certificate.
    ///
    /// # Errors
    /// The node refuses it or can't be reached.
    pub async fn connect(&self, identity: &Issued) -> Result<Cql> {
        Cql::connect(self.address(), &self.roots, identity, None).await
    }

    /// A client that may do everything.
    ///
    /// # Errors
    /// The node can't be reached.
    pub async fn admin(&self) -> Result<Cql> {
        self.connect(&self.admin).await
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// It isn't running.
    pub fn kill9(&mut self) -> Result<()> {
        self.node.process().kill9().map(drop)
    }

    /// Stops it in its tracks.
    ///
    /// # Errors
    /// It isn't running.
    pub fn pause(&mut self) -> Result<()> {
        self.node.process().pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It isn't running.
    pub fn resume(&mut self) -> Result<()> {
        self.node.process().resume()
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// It isn't running or had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        self.node.stop().await.map(drop)
    }

    /// Starts it again, on the same files and ports, after it was stopped or killed.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.node.restart().await
    }
}
