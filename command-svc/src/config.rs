//! The configuration file of command-svc.

use std::net::SocketAddr;
use std::time::Duration;

use authn::peer::AllowedPeers;
use authn::record::{RecordSignerConfig, RecordTrust};
use authn::tls::{ListenerLimits, TlsFiles};
use authn::token::IssuerConfig;
use eventlog::LogConfig;
use serde::Deserialize;
use service::config::{ProcessConfig, ProcessSettings};

use crate::admission::RatesConfig;
use crate::egress::EgressConfig;
use crate::gate::GateConfig;
use crate::privileges::PrivilegesConfig;
use crate::provision::ProvisioningConfig;
use crate::rekey::SubjectsConfig;

/// Everything that command-svc can be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Admin listener, logs, shutdown.
    pub process: ProcessSettings,
    /// The event log.
    pub log: LogConfig,
    /// The BFF's listener.
    pub access: ListenConfig,
    /// The operators' listener.
    pub registry: ListenConfig,
    /// Who issues owners' access tokens.
    pub issuer: IssuerConfig,
    /// Who issues operators' access tokens.
    pub operators: IssuerConfig,
    /// Whose signed records are believed.
    pub records: RecordTrust,
    /// The key that signs this process' records.
    pub signer: RecordSignerConfig,
    /// Snapshots of the registry; absent, it is folded from its beginning at each start.
    pub snapshot: Option<records::SnapshotConfig>,
    /// Keys of personal data.
    pub keys: privacy::KeyFiles,
    /// The partners.
    pub partners: Vec<partner::PartnerConfig>,
    /// How often partners are asked for what they must refuse.
    #[serde(default)]
    pub privileges: PrivilegesConfig,
    /// How partners are kept at what they should hold.
    #[serde(default)]
    pub provisioning: ProvisioningConfig,
    /// How often what left to partners is recorded.
    #[serde(default)]
    pub egress: EgressConfig,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// How personal data is looked after.
    #[serde(default)]
    pub subjects: SubjectsConfig,
}

/// One mTLS listener.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// Address and port.
    pub address: SocketAddr,
    /// Certificate, key, and the roots of client certificates.
    pub tls: TlsFiles,
    /// Subject alternative names of the clients that may call.
    pub allowed_peers: AllowedPeers,
    /// Connections and handshakes.
    #[serde(default)]
    pub connections: ListenerLimits,
}

/// Bounds on what this process takes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Commands in flight; more are refused with UNAVAILABLE.
    pub in_flight: usize,
    /// The longest that a command may take, whatever the client allows.
    #[serde(with = "service::config::duration")]
    pub ceiling: Duration,
    /// How much of that is kept for asking the partner's fence.
    #[serde(with = "service::config::duration")]
    pub fence_reserve: Duration,
    /// How long after its expiry an open command is left to the instance that sent it.
    #[serde(with = "service::config::duration")]
    pub reconcile_after: Duration,
    /// Largest gRPC message in bytes.
    pub message_bytes: usize,
    /// Active guest passes that an owner may have; more are refused. A little more can be made
    /// where several instances are asked at once.
    pub guest_passes: usize,
    /// How often one caller, and one owner or guest, may ask.
    pub rates: RatesConfig,
    /// What each partner may hold up.
    pub partner: GateConfig,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 1024,
            ceiling: Duration::from_secs(10),
            fence_reserve: Duration::from_secs(2),
            reconcile_after: Duration::from_secs(3),
            message_bytes: 256 * 1024,
            guest_passes: 50,
            rates: RatesConfig::default(),
            partner: GateConfig::default(),
        }
    }
}

impl ProcessConfig for Config {
    const NAME: &'static str = "command-svc";
    const ENV_PREFIX: &'static str = "COMMAND_SVC";

    fn process(&self) -> &ProcessSettings {
        &self.process
    }

    fn validate(&self) -> Result<(), String> {
        if self.limits.in_flight == 0 {
            return Err("limits.in_flight must be at least 1".to_owned());
        }
        if self.limits.fence_reserve >= self.limits.ceiling {
            return Err("limits.fence_reserve must be less than limits.ceiling".to_owned());
        }
        self.limits.partner.validate()?;
        self.subjects.validate()?;
        self.provisioning.validate()?;
        for (index, partner) in self.partners.iter().enumerate() {
            if self.partners[..index]
                .iter()
                .any(|other| other.partner == partner.partner)
            {
                return Err(format!("partners: {} is configured twice", partner.partner));
            }
        }
        Ok(())
    }
}
