//! What a site keeps its log and its views on.

use std::path::Path;

use anyhow::Result;
#[cfg(not(feature = "cassandra"))]
use anyhow::bail;
use eventlog::{LogOptions, Topic};
use serde_json::{Value, json};
use url::Url;

#[cfg(feature = "cassandra")]
use crate::engines::cassandra::Cassandra;
use crate::engines::kafka::{Kafka, Layout};
use crate::pki::Pki;

use super::{Part, Site};

/// A pair of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// SQLite files.
    Embedded,
    /// Apache Kafka and Apache Cassandra.
    Cluster,
}

/// Running engines, stopped when dropped.
pub enum Engines {
    /// Files need no process.
    Embedded,
    /// Apache Kafka and Apache Cassandra.
    Cluster(Box<Cluster>),
}

/// Apache Kafka and Apache Cassandra.
pub struct Cluster {
    /// The event log.
    pub kafka: Kafka,
    /// The view store.
    #[cfg(feature = "cassandra")]
    pub cassandra: Cassandra,
}

impl Engines {
    /// Starts them, side by side. None where this machine can't run one, which is said loudly.
    ///
    /// # Errors
    /// One does not start; or one can't be had, and `CI` is set.
    pub async fn start(pair: Pair, dir: &Path, pki: &Pki) -> Result<Option<Self>> {
        match pair {
            Pair::Embedded => Ok(Some(Self::Embedded)),
            Pair::Cluster => cluster(dir, pki).await,
        }
    }
}

#[cfg(feature = "cassandra")]
async fn cluster(dir: &Path, pki: &Pki) -> Result<Option<Engines>> {
    let layout = Layout::brokers(1);
    let (kafka_dir, cassandra_dir) = (dir.join("kafka"), dir.join("cassandra"));
    let (kafka, cassandra) = tokio::try_join!(
        Kafka::start(&kafka_dir, pki, &layout),
        Cassandra::start(&cassandra_dir, pki),
    )?;
    let cluster = kafka
        .zip(cassandra)
        .map(|(kafka, cassandra)| Cluster { kafka, cassandra });
    Ok(cluster.map(Box::new).map(Engines::Cluster))
}

#[cfg(not(feature = "cassandra"))]
async fn cluster(dir: &Path, pki: &Pki) -> Result<Option<Engines>> {
    let _ = (dir, pki, Layout::brokers(1));
    bail!("this build has no cluster engines: build it with the features that `cargo xtask` names")
}

/// `[log]` of a process.
pub(super) fn log(site: &Site, part: Part) -> Result<Value> {
    let Engines::Cluster(cluster) = &site.engines else {
        return Ok(json!({ "url": site.log_url(), "options": { "session_timeout": "3s" } }));
    };
    let (appends, reads): (&[&str], &[&str]) = match part {
        Part::CommandSvc => (
            &["access.events.v1", "registry.events.v1", "subjects.v1"],
            &["access.events.v1", "registry.events.v1", "subjects.v1"],
        ),
        Part::WebhookGw => (
            &[
                "access.events.v1",
                "device.status.v1",
                "ingress.rejected.v1",
            ],
            &["registry.events.v1"],
        ),
        Part::Projector => (
            &[],
            &["access.events.v1", "registry.events.v1", "device.status.v1"],
        ),
        _ => (&[], &["subjects.v1"]),
    };
    let identity = &site.certificates.services[&part];
    Ok(json!({
        "url": cluster.kafka.url()?,
        "options": {
            // One broker serves one machine: there is nobody to replicate to.
            "kafka": {
                "ca": site.pki.bundle(),
                "certificate": identity.certificate,
                "private_key": identity.private_key,
                "appends": appends,
                "reads": reads,
                "min_insync_replicas": 1,
            },
        },
    }))
}

/// Where the log is and how somebody who may read all of it opens it.
///
/// # Errors
/// Never in practice: the addresses are well formed.
pub fn observed(site: &Site) -> Result<(Url, LogOptions)> {
    let Engines::Cluster(cluster) = &site.engines else {
        return Ok((site.log_url().parse()?, LogOptions::default()));
    };
    let admin = cluster.kafka.admin();
    let options = json!({ "kafka": {
        "ca": site.pki.bundle(),
        "certificate": admin.certificate,
        "private_key": admin.private_key,
        "reads": Topic::ALL.map(Topic::name),
        "min_insync_replicas": 1,
    } });
    Ok((cluster.kafka.url()?, serde_json::from_value(options)?))
}

/// `[views]` of a projector.
pub(super) fn views(site: &Site, part: Part) -> Value {
    #[cfg(feature = "cassandra")]
    if let Engines::Cluster(cluster) = &site.engines {
        let identity = &site.certificates.services[&part];
        return json!({
            "url": cluster.cassandra.url(),
            "cassandra": { "tls": {
                "certificate": identity.certificate,
                "private_key": identity.private_key,
                "server_roots": site.pki.bundle(),
            } },
        });
    }
    let _ = part;
    json!({ "url": site.views_url() })
}
