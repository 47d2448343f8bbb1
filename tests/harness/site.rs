//! A whole site on one machine: issuer, partner, command-svc, webhook-gw and projector as
//! processes of their own, started from their own configuration files.

mod certificates;
#[cfg(feature = "cassandra")]
pub mod cluster;
mod configs;
mod engines;
mod keys;
mod logins;
mod part;
mod ports;
mod prepare;
pub mod roles;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use url::Url;

use crate::engines::keycloak::Realm;
use crate::pki::Pki;
use crate::process::{Process, Spec};

pub use certificates::Certificates;
#[cfg(feature = "cassandra")]
use cluster::Cluster;
pub use engines::{Engines, Pair, observed};
pub use keys::{Keys, ORIGIN};
pub use part::Part;
pub use ports::Ports;
pub use roles::{
    CLIENT_ID, CONSOLE_CLIENT_ID, OPERATOR, PARTNER, PARTNER_DNS, REDIRECT_URI, SCOPE,
    TOOL_CLIENT_ID, USERS, User, WEB_CLIENT_ID,
};

/// How long a process may take to say that it is ready. Only a broken one takes so long.
const READY: Duration = Duration::from_secs(90);

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
    /// What log and views are kept on.
    pub engines: Engines,
    /// Where people log in; none where that is the development issuer.
    realm: Option<Realm>,
    running: BTreeMap<Part, Process>,
}

impl Site {
    /// Which engines it stands on.
    pub fn pair(&self) -> Pair {
        match self.engines {
            Engines::Embedded => Pair::Embedded,
            #[cfg(feature = "cassandra")]
            Engines::Cluster(_) => Pair::Cluster,
        }
    }

    /// Its processes, in the order in which they start.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Part::all(self.pair());
        parts.retain(|part| *part != Part::Issuer || self.realm.is_none());
        parts
    }

    /// The part that serves auditors.
    pub fn serving(&self) -> Part {
        match self.pair() {
            Pair::Embedded => Part::Projector,
            Pair::Cluster => Part::ProjectorServe,
        }
    }

    /// Where it stands on a cluster: that cluster.
    ///
    /// # Errors
    /// It stands on embedded engines.
    #[cfg(feature = "cassandra")]
    pub fn cluster(&mut self) -> Result<&mut Cluster> {
        match &mut self.engines {
            Engines::Cluster(cluster) => Ok(cluster),
            Engines::Embedded => anyhow::bail!("this site stands on embedded engines"),
        }
    }

    /// Takes away what it had on engines that others use too. Its processes must have ended.
    ///
    /// # Errors
    /// An engine refuses.
    pub async fn leave(&mut self) -> Result<()> {
        #[cfg(feature = "cassandra")]
        if let Engines::Cluster(cluster) = &mut self.engines {
            cluster.leave(&self.pki).await?;
        }
        Ok(())
    }

    /// Starts every process and waits until each is ready. `progress` is told of each.
    ///
    /// # Errors
    /// A process does not start; the end of its log is part of the error.
    pub async fn start(&mut self, mut progress: impl FnMut(&str)) -> Result<()> {
        for part in self.parts() {
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
        let spec = Spec::workspace(part.binary(), log)?
            .args(part.role(self.pair()))
            .arg("--config")
            .arg(self.config(part));
        Process::spawn(&spec)
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

    /// What was started and not stopped, last started first.
    pub fn running(&self) -> Vec<Part> {
        self.running.keys().rev().copied().collect()
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
        for part in self.running() {
            self.terminate(part).await?;
        }
        Ok(())
    }

    /// The auditors' console.
    pub fn console_url(&self) -> String {
        format!("https://localhost:{}", self.ports.console.number())
    }

    /// The residents' app.
    pub fn app_url(&self) -> String {
        format!("https://localhost:{}", self.ports.app.number())
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
            Part::ProjectorServe => admin(3),
            Part::CommandSvcTwin => admin(4),
            Part::ResidentApp => admin(5),
        };
        Ok(Url::parse(&text)?)
    }

    /// URL of the embedded event log.
    pub fn log_url(&self) -> String {
        format!("sqlite://{}", self.dir.join("data/log.db").display())
    }

    /// URL of the embedded view store.
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
