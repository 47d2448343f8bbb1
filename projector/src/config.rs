//! Configuration: one file for all roles; a role asks only for the sections that it needs.

mod console;
mod exports;
mod published;
mod tiles;
mod witnesses;

use std::net::SocketAddr;
use std::time::Duration;

use auditlog::{CheckpointVerifier, LogId, Origin};
use authn::peer::AllowedPeers;
use authn::record::RecordTrust;
use authn::tls::{ListenerLimits, TlsFiles};
use authn::token::IssuerConfig;
use eventlog::LogConfig;
use serde::Deserialize;
use service::config::{ConfigPath, ProcessSettings, SecretFile};
use url::Url;

use crate::prune::PeriodHold;
use crate::serve::Freshness;
use crate::store;

pub use console::ConsoleConfig;
pub use exports::ExportsConfig;
pub use published::PublishedConfig;
pub use tiles::TilesConfig;
#[cfg(feature = "s3")]
pub use tiles::{Encryption, S3Config};
pub use witnesses::{WitnessConfig, WitnessesConfig};

/// What the environment's overrides begin with.
pub const ENV_PREFIX: &str = "PROJECTOR";

/// A configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Health, metrics, logs, shutdown.
    pub process: ProcessSettings,
    /// The event log.
    pub log: LogConfig,
    /// The view store.
    pub views: Option<ViewsConfig>,
    /// The audit log's storage.
    pub tiles: Option<TilesConfig>,
    /// Whose signed records are believed.
    pub records: Option<RecordTrust>,
    /// The audit log's name and key.
    pub audit: Option<AuditConfig>,
    /// Role `project`.
    pub project: Option<ProjectConfig>,
    /// Role `serve`.
    pub serve: Option<ServeConfig>,
    /// What `projector prune` must not take away.
    #[serde(default)]
    pub prune: PruneConfig,
    /// When devices are stale; role `serve`.
    #[serde(default)]
    pub status: Freshness,
}

/// `[views]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsConfig {
    /// `sqlite:///absolute/path`, or `cassandra://host,host:port/keyspace`.
    pub url: Url,
    /// `[views.cassandra]`, where the URL is of that kind.
    #[cfg(feature = "cassandra")]
    pub cassandra: Option<store::CassandraOptions>,
}

/// `[prune]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneConfig {
    /// `[[prune.holds]]`: periods of complexes that are kept whatever their age.
    pub holds: Vec<PeriodHold>,
}

/// `[audit]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// What the origin of every log begins with, such as `smarthome.example/audit`.
    pub origin: String,
    /// File with the verification key (C2SP signed-note `vkey`) of the checkpoints; with several, one a
    /// line, while keys are changed: the one that signs now first.
    pub verification_key: ConfigPath,
}

/// `[project]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// File with the key that signs checkpoints.
    pub signing_key: SecretFile,
    /// File with the key that will sign them, and signs beside it until then.
    pub next_signing_key: Option<SecretFile>,
    /// Records that are projected at once, at most.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// How long a batch waits for more records.
    #[serde(default = "default_linger", with = "service::config::duration")]
    pub linger: Duration,
    /// `[project.witnesses]`: who is shown checkpoints; nobody without it.
    pub witnesses: Option<WitnessesConfig>,
    /// Logs of a partition that stay open between batches, at most.
    #[serde(default = "default_open_logs")]
    pub open_logs: usize,
}

fn default_batch() -> usize {
    2048
}

fn default_linger() -> Duration {
    Duration::from_millis(20)
}

fn default_open_logs() -> usize {
    256
}

/// `[serve]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeConfig {
    /// Address of the gRPC listener.
    pub listen: SocketAddr,
    /// Names of the client certificates that may call.
    pub peers: AllowedPeers,
    /// `[serve.tls]`.
    pub tls: TlsFiles,
    /// `[serve.limits]` of the listener.
    #[serde(default)]
    pub limits: ListenerLimits,
    /// Calls at once; one more is refused.
    #[serde(default = "default_calls")]
    pub calls: usize,
    /// Watches at once; one more is refused.
    #[serde(default = "default_watches")]
    pub watches: usize,
    /// How long a call may take, whatever its deadline.
    #[serde(default = "default_call_timeout", with = "service::config::duration")]
    pub call_timeout: Duration,
    /// `[serve.issuer]` of the auditors' access tokens.
    pub issuer: IssuerConfig,
    /// `[serve.identities]`.
    pub identities: IdentitiesConfig,
    /// `[serve.paging]`.
    pub paging: KeyFileConfig,
    /// `[serve.residents]`: who may ask in residents' names; nobody without it.
    pub residents: Option<ResidentsConfig>,
    /// `[serve.exports]`.
    #[serde(default)]
    pub exports: ExportsConfig,
    /// `[serve.tiles]`: the listener on which the audit log is published; none without it.
    pub tiles: Option<PublishedConfig>,
    /// `[serve.console]`: the listener of the auditors' pages; none without it.
    pub console: Option<ConsoleConfig>,
}

fn default_calls() -> usize {
    256
}

fn default_watches() -> usize {
    64
}

fn default_call_timeout() -> Duration {
    Duration::from_secs(10)
}

/// `[serve.residents]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidentsConfig {
    /// Names of the client certificates that may call `ResidentService`: the BFFs'.
    pub peers: AllowedPeers,
    /// `[serve.residents.issuer]` of the owners' access tokens.
    pub issuer: IssuerConfig,
}

/// `[serve.identities]`: keyrings as command-svc has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitiesConfig {
    /// Opens user ids.
    pub key_file: SecretFile,
    /// Finds the reference of a user, to record who reads.
    pub lookup_key_file: SecretFile,
}

/// A section that names a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFileConfig {
    /// The key's file.
    pub key_file: SecretFile,
}

/// The sections of role `project`.
pub struct ProjectSections<'a> {
    /// `[log]`.
    pub log: &'a LogConfig,
    /// `[views]`.
    pub views: &'a ViewsConfig,
    /// `[tiles]`.
    pub tiles: &'a TilesConfig,
    /// `[records]`.
    pub records: &'a RecordTrust,
    /// `[audit]`.
    pub audit: &'a AuditConfig,
    /// `[project]`.
    pub project: &'a ProjectConfig,
}

/// The sections of role `serve`.
pub struct ServeSections<'a> {
    /// `[log]`.
    pub log: &'a LogConfig,
    /// `[views]`.
    pub views: &'a ViewsConfig,
    /// `[tiles]`.
    pub tiles: &'a TilesConfig,
    /// `[records]`, to be named in archives.
    pub records: Option<&'a RecordTrust>,
    /// `[audit]`.
    pub audit: &'a AuditConfig,
    /// `[serve]`.
    pub serve: &'a ServeConfig,
    /// `[status]`.
    pub status: &'a Freshness,
}

impl Config {
    /// What role `project` needs.
    ///
    /// # Errors
    /// A text that names the missing section or the wrong key.
    pub fn for_project(&self) -> Result<ProjectSections<'_>, String> {
        let project = needed(&self.project, "project")?;
        in_range("project.batch", project.batch, 1..=100_000)?;
        in_range("project.open_logs", project.open_logs, 1..=1_000_000)?;
        if let Some(witnesses) = &project.witnesses {
            witnesses.check()?;
        }
        Ok(ProjectSections {
            log: self.log()?,
            views: self.views()?,
            tiles: self.tiles()?,
            records: self.records()?,
            audit: self.audit()?,
            project,
        })
    }

    /// What role `serve` needs.
    ///
    /// # Errors
    /// A text that names the missing section or the wrong key.
    pub fn for_serve(&self) -> Result<ServeSections<'_>, String> {
        let serve = needed(&self.serve, "serve")?;
        in_range("serve.calls", serve.calls, 1..=1_000_000)?;
        in_range("serve.watches", serve.watches, 0..=100_000)?;
        in_range("serve.exports.at_once", serve.exports.at_once, 0..=1_000)?;
        if let Some(tiles) = &serve.tiles {
            in_range("serve.tiles.requests", tiles.requests, 1..=1_000_000)?;
        }
        if let Some(console) = &serve.console {
            in_range("serve.console.requests", console.requests, 1..=1_000_000)?;
            console.check()?;
        }
        Ok(ServeSections {
            log: self.log()?,
            views: self.views()?,
            tiles: self.tiles()?,
            records: self.records.as_ref(),
            audit: self.audit()?,
            serve,
            status: &self.status,
        })
    }

    /// `[log]`.
    ///
    /// # Errors
    /// A text that names the wrong key.
    pub fn log(&self) -> Result<&LogConfig, String> {
        let options = self.log.options.validate();
        options.map_err(|error| format!("`log.options`: {error}"))?;
        Ok(&self.log)
    }

    /// `[records]`.
    ///
    /// # Errors
    /// A text that names the missing section.
    pub fn records(&self) -> Result<&RecordTrust, String> {
        needed(&self.records, "records")
    }

    /// `[views]`.
    ///
    /// # Errors
    /// A text that names the missing section or the wrong key.
    pub fn views(&self) -> Result<&ViewsConfig, String> {
        let views = needed(&self.views, "views")?;
        store::check(views).map_err(|error| format!("`views`: {error}"))?;
        Ok(views)
    }

    /// `[tiles]`.
    ///
    /// # Errors
    /// A text that names the missing section or the wrong key.
    pub fn tiles(&self) -> Result<&TilesConfig, String> {
        let tiles = needed(&self.tiles, "tiles")?;
        tiles.check()?;
        Ok(tiles)
    }

    /// `[audit]`.
    ///
    /// # Errors
    /// As [`tiles`](Self::tiles).
    pub fn audit(&self) -> Result<&AuditConfig, String> {
        let audit = needed(&self.audit, "audit")?;
        let probe = LogId::new("access.events.v1", "global");
        probe
            .and_then(|log| Origin::new(&audit.origin, &log))
            .map_err(|error| format!("`audit.origin`: {error}"))?;
        Ok(audit)
    }
}

impl AuditConfig {
    /// The keys that check checkpoints.
    ///
    /// # Errors
    /// Their file can't be read or holds no such keys.
    pub fn verifier(&self) -> anyhow::Result<CheckpointVerifier> {
        use anyhow::Context as _;
        let file = &self.verification_key;
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("can't read `audit.verification_key` {}", file.display()))?;
        CheckpointVerifier::from_vkeys(&text)
            .with_context(|| format!("`audit.verification_key` {}", file.display()))
    }
}

fn needed<'a, T>(section: &'a Option<T>, name: &str) -> Result<&'a T, String> {
    section
        .as_ref()
        .ok_or_else(|| format!("section `[{name}]` is missing; this role needs it"))
}

fn in_range(key: &str, value: usize, range: std::ops::RangeInclusive<usize>) -> Result<(), String> {
    match range.contains(&value) {
        true => Ok(()),
        false => Err(format!(
            "`{key}` must be {} to {}",
            range.start(),
            range.end()
        )),
    }
}
