//! The configuration file.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use authn::record::RecordTrust;
use authn::tls::{ListenerLimits, TlsFiles};
use domain::PartnerId;
use eventlog::LogConfig;
use jiff::SignedDuration;
use serde::Deserialize;
use service::config::{ConfigPath, ProcessConfig, ProcessSettings, SecretFile, duration};

use crate::backfill::BackfillConfig;
use crate::gateway::Limits;
use crate::listen::PaceLimits;
use crate::quota::Quota;

/// Room that a record needs beside an event's sealed body, in bytes.
const RECORD_OVERHEAD: usize = 4096;
/// Longest time after which an event may still count as being in time.
const MAX_LATENESS: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Most that may be kept of bodies.
const MAX_QUEUED_BYTES: usize = 1 << 30;
/// Shortest time in which a client can be asked to do something.
const SHORTEST: Duration = Duration::from_millis(100);

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Most bytes of a body.
    #[serde(default = "defaults::max_body")]
    pub max_body: usize,
    /// Most events in a batch.
    #[serde(default = "defaults::max_batch")]
    pub max_batch: usize,
    /// Most requests in flight; one more is answered 503 at once.
    #[serde(default = "defaults::max_in_flight")]
    pub max_in_flight: usize,
    /// Most events, of all requests, that wait to be recorded; where one more has no room, its
    /// request is answered 503 at once. `log.options.queue_capacity` unless set.
    pub max_queued_records: Option<usize>,
    /// Most bytes of bodies, of all requests, that are being read or wait to be recorded; a request
    /// whose body has no room is answered 503 before it is read. What a process keeps of a request is
    /// a few times as large.
    #[serde(default = "defaults::max_queued_bytes")]
    pub max_queued_bytes: usize,
    /// How long a body may take to arrive.
    #[serde(default = "defaults::body_timeout", with = "duration")]
    pub body_timeout: Duration,
    /// After how long an event is marked late.
    #[serde(default = "defaults::lateness", with = "duration")]
    pub lateness: Duration,
    /// How many of its last deliveries each partner is shown.
    #[serde(default = "defaults::deliveries_kept")]
    pub deliveries_kept: usize,
    /// Where partners call.
    pub listen: ListenConfig,
    /// The event log.
    pub log: LogConfig,
    /// Whose registry events are believed.
    pub records: RecordTrust,
    /// Snapshots of the registry; absent, it is folded from its beginning at each start.
    pub snapshot: Option<records::SnapshotConfig>,
    /// What becomes of rejected events.
    pub rejected: RejectedConfig,
    /// Partners that may send.
    pub partners: Vec<PartnerConfig>,
    /// How gaps in what partners deliver are filled; absent, nobody looks for gaps.
    pub backfill: Option<BackfillConfig>,
    /// What every process has.
    pub process: ProcessSettings,
}

/// `[listen]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// Address and port.
    pub address: SocketAddr,
    /// Certificates on both sides.
    pub tls: TlsFiles,
    /// Limits on connections.
    #[serde(default)]
    pub limits: ListenerLimits,
    /// How long a request's headers may take to come whole, from its first byte, and the first
    /// request's from the handshake.
    #[serde(default = "defaults::header_timeout", with = "duration")]
    pub header_timeout: Duration,
    /// How long a connection may rest between two requests.
    #[serde(default = "defaults::idle_timeout", with = "duration")]
    pub idle_timeout: Duration,
    /// How often the files of certificates and of webhook secrets are looked at.
    #[serde(default = "defaults::reload_every", with = "duration")]
    pub reload_every: Duration,
}

/// `[rejected]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedConfig {
    /// File with the operators' HPKE public key, base64url: rejected events are sealed to it.
    pub operators_key: ConfigPath,
}

/// One of `[[partners]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerConfig {
    /// Its id in the registry.
    pub id: PartnerId,
    /// Files with its active secrets, `whsec_...` each: one, or several during a rotation.
    pub secrets: Vec<SecretFile>,
    /// Its share.
    #[serde(default)]
    pub quota: Quota,
}

impl Config {
    /// What one request, and all of them together, may take.
    pub fn limits(&self) -> Limits {
        Limits {
            max_body: self.max_body,
            max_batch: self.max_batch,
            max_in_flight: self.max_in_flight,
            body_timeout: self.body_timeout,
            lateness: SignedDuration::try_from(self.lateness).unwrap_or(SignedDuration::MAX),
        }
    }

    /// The most events that wait to be recorded.
    pub fn queued_records(&self) -> usize {
        let most = self.max_queued_records;
        most.unwrap_or(self.log.options.queue_capacity)
    }
}

impl ListenConfig {
    /// How long a connection may wait for a request.
    pub fn pace(&self) -> PaceLimits {
        PaceLimits {
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
        }
    }
}

impl ProcessConfig for Config {
    const NAME: &'static str = "webhook-gw";
    const ENV_PREFIX: &'static str = "WEBHOOK_GW";

    fn process(&self) -> &ProcessSettings {
        &self.process
    }

    fn validate(&self) -> Result<(), String> {
        self.log
            .options
            .validate()
            .map_err(|error| format!("`log.options`: {error}"))?;
        let most = self
            .log
            .options
            .max_record_bytes
            .saturating_sub(RECORD_OVERHEAD);
        if self.max_body == 0 || self.max_body > most {
            // Or a large event could never be recorded, and would be sent again for ever.
            return Err(format!(
                "`max_body` must be 1 to {most}, which is `log.options.max_record_bytes` less {RECORD_OVERHEAD}"
            ));
        }
        let queued = self.queued_records();
        if queued == 0 || queued > self.log.options.queue_capacity {
            return Err(
                "`max_queued_records` must be 1 to `log.options.queue_capacity`".to_owned(),
            );
        }
        if self.max_batch == 0 || self.max_batch > queued {
            // Or it could never be taken, and would be sent again for ever.
            return Err("`max_batch` must be 1 to `max_queued_records`, which is \
                 `log.options.queue_capacity` unless set"
                .to_owned());
        }
        if self.max_queued_bytes < self.max_body || self.max_queued_bytes > MAX_QUEUED_BYTES {
            return Err(format!(
                "`max_queued_bytes` must be `max_body` to {MAX_QUEUED_BYTES}"
            ));
        }
        if self.listen.header_timeout < SHORTEST || self.listen.idle_timeout < SHORTEST {
            return Err(
                "`listen.header_timeout` and `listen.idle_timeout` must be at least 100ms"
                    .to_owned(),
            );
        }
        if self.max_in_flight == 0 || self.max_in_flight > 1_000_000 {
            return Err("`max_in_flight` must be 1 to 1000000".to_owned());
        }
        if self.deliveries_kept > 1000 {
            return Err("`deliveries_kept` must be at most 1000".to_owned());
        }
        if self.lateness > MAX_LATENESS {
            return Err("`lateness` must be at most 366 days".to_owned());
        }
        if self.partners.is_empty() {
            return Err("`partners` is empty; name at least one, or nobody can send".to_owned());
        }
        let mut seen = HashSet::new();
        for partner in &self.partners {
            if !seen.insert(&partner.id) {
                return Err(format!(
                    "`partners` names `{}` twice; list its secrets once",
                    partner.id
                ));
            }
            if partner.quota.max_in_flight == 0 {
                return Err(format!(
                    "`partners`: `{}` may have nothing in flight; `quota.max_in_flight` must be at least 1",
                    partner.id
                ));
            }
            if partner.quota.max_connections == 0 {
                return Err(format!(
                    "`partners`: `{}` may have no connection; `quota.max_connections` must be at least 1",
                    partner.id
                ));
            }
            if partner.secrets.is_empty() {
                return Err(format!(
                    "`partners`: `{}` has no secret; name a file",
                    partner.id
                ));
            }
        }
        let senders: Vec<&PartnerId> = self.partners.iter().map(|it| &it.id).collect();
        let backfill = self.backfill.as_ref();
        backfill.map_or(Ok(()), |backfill| backfill.validate(&senders))
    }
}

mod defaults {
    use std::time::Duration;

    pub(super) const fn max_body() -> usize {
        256 * 1024
    }

    pub(super) const fn max_batch() -> usize {
        100
    }

    pub(super) const fn max_in_flight() -> usize {
        256
    }

    pub(super) const fn max_queued_bytes() -> usize {
        64 << 20
    }

    pub(super) const fn header_timeout() -> Duration {
        Duration::from_secs(10)
    }

    /// Longer than clients usually keep idle connections, so that it is they who close them and no
    /// request meets a closing one.
    pub(super) const fn idle_timeout() -> Duration {
        Duration::from_secs(120)
    }

    pub(super) const fn body_timeout() -> Duration {
        Duration::from_secs(10)
    }

    pub(super) const fn lateness() -> Duration {
        Duration::from_secs(24 * 60 * 60)
    }

    pub(super) const fn deliveries_kept() -> usize {
        100
    }

    pub(super) const fn reload_every() -> Duration {
        Duration::from_secs(30)
    }
}

#[cfg(test)]
mod tests;
