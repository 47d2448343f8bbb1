//! A whole site on one machine: issuer, partner, command-svc, webhook-gw and projector as
//! processes of their own, started from their own configuration files.

mod configs;
mod keys;
pub mod roles;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use url::Url;

use crate::pki::{Issued, Pki, San};
use crate::process::{Port, Process, Spec, free_port};

pub use keys::{Keys, ORIGIN};
pub use roles::{CLIENT_ID, PARTNER, PARTNER_DNS, REDIRECT_URI, SCOPE, USERS, User};

/// How long a process may take to say that it is ready. Only a broken one takes so long.
const READY: Duration = Duration::from_secs(90);

/// The processes of a site, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The development issuer.
    Issuer,
    /// The reference partner.
    Partner,
    /// command-svc.
    CommandSvc,
    /// webhook-gw.
    WebhookGw,
    /// projector, both roles.
    Projector,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 5] = [
        Part::Issuer,
        Part::Partner,
        Part::CommandSvc,
        Part::WebhookGw,
        Part::Projector,
    ];

    /// Name of its binary, its configuration and its log.
    pub fn name(self) -> &'static str {
        match self {
            Part::Issuer => "dev-issuer",
            Part::Partner => "reference-partner",
            Part::CommandSvc => "command-svc",
            Part::WebhookGw => "webhook-gw",
            Part::Projector => "projector",
        }
    }
}

/// Ports, held as long as the site stands.
#[derive(Debug)]
pub struct Ports {
    /// The issuer.
    pub issuer: Port,
    /// The partner's API.
    pub partner: Port,
    /// The partner's control API.
    pub control: Port,
    /// `AccessService`.
    pub access: Port,
    /// `RegistryService`.
    pub registry: Port,
    /// The webhook.
    pub webhook: Port,
    /// `AuditService` and `DeviceStatusService`.
    pub audit: Port,
    /// Admin listeners of the three processes.
    pub admin: [Port; 3],
}

/// Certificates of everybody.
#[derive(Debug)]
pub struct Certificates {
    /// Servers: issuer, partner, command-svc, webhook-gw, projector.
    pub servers: BTreeMap<Part, Issued>,
    /// command-svc towards the partner.
    pub command_svc: Issued,
    /// The partner towards webhook-gw.
    pub partner: Issued,
    /// The BFF.
    pub bff: Issued,
    /// The operators' tool.
    pub operator: Issued,
    /// The auditors' tool.
    pub auditor: Issued,
}

/// A site: its files, its ports, its running processes.
pub struct Site {
    /// Everything is below this folder.
    pub dir: PathBuf,
    /// The authority of all certificates.
    pub pki: Pki,
    /// Certificates.
    pub certificates: Certificates,
    /// Secrets and keys.
    pub keys: Keys,
    /// Ports.
    pub ports: Ports,
    running: BTreeMap<Part, Process>,
}

impl Site {
    /// Makes certificates, keys and configuration files below `dir`; starts nothing.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn prepare(dir: &Path) -> Result<Self> {
        for folder in ["config", "data", "logs"] {
            std::fs::create_dir_all(dir.join(folder))
                .with_context(|| format!("create {}", dir.join(folder).display()))?;
        }
        let dir = dir.canonicalize()?;
        let pki = Pki::create(&dir.join("pki"))?;
        let certificates = Certificates::issue(&pki)?;
        let keys = Keys::generate(&dir.join("keys"))?;
        let site = Self {
            pki,
            certificates,
            keys,
            ports: Ports::pick()?,
            running: BTreeMap::new(),
            dir,
        };
        configs::write(&site)?;
        Ok(site)
    }

    /// Starts every process and waits until each is ready. `progress` is told of each.
    ///
    /// # Errors
    /// A process does not start; the end of its log is part of the error.
    pub async fn start(&mut self, mut progress: impl FnMut(&str)) -> Result<()> {
        for part in Part::ALL {
            progress(part.name());
            self.start_part(part).await?;
        }
        Ok(())
    }

    /// Starts one process and waits until it is ready.
    ///
    /// # Errors
    /// It does not start; the end of its log is part of the error.
    pub async fn start_part(&mut self, part: Part) -> Result<()> {
        let mut process = self.spawn(part)?;
        let http = match part {
            Part::Issuer => dev_issuer::http_client(&std::fs::read(self.pki.bundle())?)?,
            _ => crate::http::plain()?,
        };
        process
            .wait_ready_http(&http, &self.ready_url(part)?, READY)
            .await?;
        self.running.insert(part, process);
        Ok(())
    }

    /// Starts one process, without waiting.
    fn spawn(&self, part: Part) -> Result<Process> {
        let log = self.dir.join("logs").join(format!("{}.log", part.name()));
        let mut spec = Spec::workspace(part.name(), log)?;
        if part == Part::Projector {
            spec = spec.arg("all");
        }
        Process::spawn(&spec.arg("--config").arg(self.config(part)))
    }

    /// Configuration file of a process.
    pub fn config(&self, part: Part) -> PathBuf {
        self.dir
            .join("config")
            .join(format!("{}.toml", part.name()))
    }

    /// A running process.
    ///
    /// # Errors
    /// It is not running.
    pub fn process(&mut self, part: Part) -> Result<&mut Process> {
        self.running
            .get_mut(&part)
            .with_context(|| format!("{} is not running", part.name()))
    }

    /// Kills a process as a power cut would.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill9(&mut self, part: Part) -> Result<()> {
        self.process(part)?.kill9()?;
        self.running.remove(&part);
        Ok(())
    }

    /// Asks a process to stop, and waits.
    ///
    /// # Errors
    /// It is not running, or had to be killed.
    pub async fn terminate(&mut self, part: Part) -> Result<()> {
        self.process(part)?.terminate().await?;
        self.running.remove(&part);
        Ok(())
    }

    /// Stops everything, last started first.
    ///
    /// # Errors
    /// A process had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        for part in Part::ALL.into_iter().rev() {
            if self.running.contains_key(&part) {
                self.terminate(part).await?;
            }
        }
        Ok(())
    }

    /// The issuer's URL.
    ///
    /// # Errors
    /// Never in practice: the URL is well formed.
    pub fn issuer(&self) -> Result<Url> {
        Ok(Url::parse(&format!(
            "https://localhost:{}",
            self.ports.issuer.number()
        ))?)
    }

    fn ready_url(&self, part: Part) -> Result<Url> {
        let admin = |index: usize| {
            format!(
                "http://127.0.0.1:{}/readyz",
                self.ports.admin[index].number()
            )
        };
        let text = match part {
            Part::Issuer => {
                return Ok(self.issuer()?.join("/.well-known/openid-configuration")?);
            }
            Part::Partner => format!("http://127.0.0.1:{}/readyz", self.ports.control.number()),
            Part::CommandSvc => admin(0),
            Part::WebhookGw => admin(1),
            Part::Projector => admin(2),
        };
        Ok(Url::parse(&text)?)
    }

    /// URL of the event log.
    pub fn log_url(&self) -> String {
        format!("sqlite://{}", self.dir.join("data/log.db").display())
    }

    /// URL of the view store.
    pub fn views_url(&self) -> String {
        format!("sqlite://{}", self.dir.join("data/views.db").display())
    }

    /// Folder of the audit log's tiles.
    pub fn tiles(&self) -> PathBuf {
        self.dir.join("data/tiles")
    }

    /// The partner's journal of physical openings.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("data/openings.jsonl")
    }
}

impl Ports {
    fn pick() -> Result<Self> {
        Ok(Self {
            issuer: free_port()?,
            partner: free_port()?,
            control: free_port()?,
            access: free_port()?,
            registry: free_port()?,
            webhook: free_port()?,
            audit: free_port()?,
            admin: [free_port()?, free_port()?, free_port()?],
        })
    }
}

impl Certificates {
    fn issue(pki: &Pki) -> Result<Self> {
        let mut servers = BTreeMap::new();
        for part in Part::ALL {
            servers.insert(
                part,
                pki.issue_server(&format!("{}-server", part.name()), &[])?,
            );
        }
        let client = |name: &str, san: &str| pki.issue_client(name, &[San::uri(san)]);
        Ok(Self {
            servers,
            command_svc: client("command-svc", roles::COMMAND_SVC_SAN)?,
            partner: pki.issue_client("partner", &[San::dns(roles::PARTNER_DNS)])?,
            bff: client("bff", roles::BFF_SAN)?,
            operator: client("operator", roles::OPERATOR_SAN)?,
            auditor: client("auditor", roles::AUDITOR_SAN)?,
        })
    }
}
