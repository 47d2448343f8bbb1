//! What a site keeps its log and its views on.

use anyhow::Result;
use eventlog::LogOptions;
#[cfg(feature = "cassandra")]
use eventlog::Topic;
use serde_json::{Value, json};
use url::Url;

#[cfg(feature = "cassandra")]
use super::cluster::Cluster;
use super::{Part, Site};

/// A pair of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// SQLite files.
    Embedded,
    /// Apache Kafka and Apache Cassandra.
    Cluster,
}

/// What a site stands on.
pub enum Engines {
    /// Files need no process.
    Embedded,
    /// Apache Kafka and Apache Cassandra.
    #[cfg(feature = "cassandra")]
    Cluster(Box<Cluster>),
}

/// `[log]` of a process.
#[cfg_attr(not(feature = "cassandra"), expect(unused_variables))]
pub(super) fn log(site: &Site, part: Part) -> Value {
    match &site.engines {
        Engines::Embedded => json!({
            "url": site.log_url(),
            "options": { "session_timeout": "3s" },
        }),
        #[cfg(feature = "cassandra")]
        Engines::Cluster(cluster) => {
            let identity = &site.certificates.services[&part];
            let (appends, reads) = job(part);
            json!({
                "url": cluster.log,
                "options": {
                    "kafka": {
                        "ca": site.pki.bundle(),
                        "certificate": identity.certificate,
                        "private_key": identity.private_key,
                        "appends": appends,
                        "reads": reads,
                        "min_insync_replicas": cluster.min_insync_replicas,
                        "prefix": cluster.prefix,
                    },
                },
            })
        }
    }
}

/// What a process appends to and what it reads.
#[cfg(feature = "cassandra")]
fn job(part: Part) -> (&'static [&'static str], &'static [&'static str]) {
    match part {
        Part::CommandSvc => (
            &[
                "access.events.v1",
                "registry.events.v1",
                "subjects.v1",
                "ingress.rejected.v1",
            ],
            &["access.events.v1", "registry.events.v1", "subjects.v1"],
        ),
        Part::WebhookGw => (
            &[
                "access.events.v1",
                "device.status.v1",
                "ingress.rejected.v1",
            ],
            &[
                "registry.events.v1",
                "access.events.v1",
                "device.status.v1",
                "ingress.rejected.v1",
            ],
        ),
        Part::Projector => (
            &[],
            &[
                "access.events.v1",
                "registry.events.v1",
                "device.status.v1",
                "ingress.rejected.v1",
                "audit.reads.v1",
            ],
        ),
        _ => (&["audit.reads.v1"], &["subjects.v1"]),
    }
}

/// Where the log is and how somebody who may read all of it opens it.
///
/// # Errors
/// Never in practice: the addresses are well formed.
pub fn observed(site: &Site) -> Result<(Url, LogOptions)> {
    match &site.engines {
        Engines::Embedded => Ok((site.log_url().parse()?, LogOptions::default())),
        #[cfg(feature = "cassandra")]
        Engines::Cluster(cluster) => {
            let options = json!({ "kafka": {
                "ca": site.pki.bundle(),
                "certificate": cluster.operator.certificate,
                "private_key": cluster.operator.private_key,
                "reads": Topic::ALL.map(Topic::name),
                "min_insync_replicas": cluster.min_insync_replicas,
                "prefix": cluster.prefix,
            } });
            Ok((cluster.log.clone(), serde_json::from_value(options)?))
        }
    }
}

/// `[views]` of a projector.
#[cfg_attr(not(feature = "cassandra"), expect(unused_variables))]
pub(super) fn views(site: &Site, part: Part) -> Value {
    match &site.engines {
        Engines::Embedded => json!({ "url": site.views_url() }),
        #[cfg(feature = "cassandra")]
        Engines::Cluster(cluster) => {
            let identity = &site.certificates.services[&part];
            json!({
                "url": cluster.views,
                "cassandra": { "tls": {
                    "certificate": identity.certificate,
                    "private_key": identity.private_key,
                    "server_roots": site.pki.bundle(),
                } },
            })
        }
    }
}
