//! Engines that stand already, shared by many sites: each site lodges there with topics and groups
//! of its own by a prefix, and with a keyspace of its own.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use url::Url;

use super::cassandra::{self, Cassandra, Cql};
use super::kafka::{self, Kafka, Operator};
use super::variables::{AUTHORITY, CASSANDRA, KAFKA};
use crate::pki::Pki;

/// Calls Kafka's commands for all sites of this process, one call at a time.
static OPERATOR: Mutex<Option<Operator>> = Mutex::new(None);

/// Where the engines are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    brokers: Vec<String>,
    node: SocketAddr,
    authority: PathBuf,
}

/// What one site has there. It stays until it is given back.
#[derive(Debug)]
pub struct Lodging {
    standing: Standing,
    /// Before the names of its topics and groups.
    pub prefix: String,
    keyspace: String,
}

impl Standing {
    /// These, as long as they run.
    pub fn of(kafka: &Kafka, cassandra: &Cassandra, authority: &Pki) -> Self {
        Self {
            brokers: kafka.addresses(),
            node: cassandra.address(),
            authority: authority.dir().to_owned(),
        }
    }

    /// Those that the environment names, if it names any.
    ///
    /// # Errors
    /// It names one and not the other, or an address is malformed.
    pub fn from_env() -> Result<Option<Self>> {
        let named = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (named(KAFKA), named(CASSANDRA), named(AUTHORITY)) {
            (None, None, None) => Ok(None),
            (Some(brokers), Some(node), Some(authority)) => Ok(Some(Self {
                brokers: brokers.split(',').map(str::to_owned).collect(),
                node: node
                    .parse()
                    .with_context(|| format!("{CASSANDRA}={node} is no address:port"))?,
                authority: authority.into(),
            })),
            _ => bail!("set all of {KAFKA}, {CASSANDRA} and {AUTHORITY}, or none"),
        }
    }

    /// What names them in the environment of a test.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            (KAFKA, self.brokers.join(",")),
            (CASSANDRA, self.node.to_string()),
            (AUTHORITY, self.authority.display().to_string()),
        ]
    }

    /// The folder of the authority that they trust.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// How many acknowledgements topics here ask for at least.
    pub fn min_insync_replicas(&self) -> usize {
        if self.brokers.len() < 3 { 1 } else { 2 }
    }

    /// Makes topics, rights and tables for one site whose certificates come from `pki`.
    ///
    /// # Errors
    /// An engine refuses, or can't be reached.
    pub async fn lodge(&self, pki: &Pki) -> Result<Lodging> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let lodging = Lodging {
            standing: self.clone(),
            prefix: format!("t{}.", &name[..12]),
            keyspace: format!("{}_t{}", cassandra::KEYSPACE, &name[..12]),
        };
        let (arrival, _) = kafka::residence(self.brokers.len(), &lodging.prefix);
        tokio::try_join!(self.calls(arrival), async {
            let cql = self.cql(pki).await?;
            cassandra::furnish(&cql, &lodging.keyspace).await
        })?;
        Ok(lodging)
    }

    async fn cql(&self, pki: &Pki) -> Result<Cql> {
        let admin = pki.issue_client("cassandra-admin", &[cassandra::admin()])?;
        Cql::connect(self.node, pki.bundle(), &admin, None).await
    }

    async fn calls(&self, calls: Vec<String>) -> Result<()> {
        let standing = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut operator = OPERATOR.lock().unwrap_or_else(PoisonError::into_inner);
            let present = match operator.take() {
                Some(present) => present,
                None => standing.operator()?,
            };
            operator.insert(present).make(&calls)
        })
        .await?
    }

    fn operator(&self) -> Result<Operator> {
        let file = |name: &str| self.authority.join(name);
        Operator::start(
            &self.brokers.join(","),
            &file("ca.crt"),
            &file("kafka-admin.pem"),
            &self.authority,
        )
    }
}

impl Lodging {
    /// What `log.url` is to be.
    ///
    /// # Errors
    /// An address is malformed.
    pub fn log(&self) -> Result<Url> {
        kafka::url(&self.standing.brokers)
    }

    /// What `views.url` is to be.
    pub fn views(&self) -> String {
        format!("cassandra://{}/{}", self.standing.node, self.keyspace)
    }

    /// Takes away what was made for this site.
    ///
    /// # Errors
    /// An engine refuses, or can't be reached.
    pub async fn leave(self, pki: &Pki) -> Result<()> {
        let (_, removal) = kafka::residence(self.standing.brokers.len(), &self.prefix);
        tokio::try_join!(self.standing.calls(removal), async {
            let cql = self.standing.cql(pki).await?;
            for keyspace in [cassandra::beside(&self.keyspace), self.keyspace] {
                cql.run(&format!("DROP KEYSPACE {keyspace}")).await?;
            }
            anyhow::Ok(())
        })?;
        Ok(())
    }
}
