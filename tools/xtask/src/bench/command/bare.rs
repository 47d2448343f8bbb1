//! The limit: a service that answers the same call with the same parts and nothing else. gRPC over
//! mTLS, a record appended and awaited, a call to the partner over mTLS, another record. It decides
//! nothing, signs nothing, believes everybody, and must never be more than a yardstick.

#[cfg(feature = "cluster")]
pub(in crate::bench) mod kafka;
mod log;
mod service;
mod sqlite;

use std::path::Path;

use anyhow::{Context as _, Result};
use eventlog::Record;
use harness::process::{Port, Process, Spec, free_port};
use harness::site::{Part, Site};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::log::LogConfig;

pub(in crate::bench) use self::service::run;

/// How long it may take to start. Only a broken one takes so long.
const READY: std::time::Duration = std::time::Duration::from_secs(60);

/// What a record that is appended looks like: one of command-svc's, its value left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::bench) struct Sample {
    pub(in crate::bench) key: String,
    pub(in crate::bench) headers: Vec<(String, String)>,
    /// Of the value.
    pub(in crate::bench) bytes: usize,
}

impl Sample {
    /// A record of the same shape.
    pub(in crate::bench) fn of(record: &Record) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = record.headers.iter();
        Self {
            key: text(&record.key),
            headers: headers
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            bytes: record.value.as_ref().map_or(0, |value| value.len()),
        }
    }
}

/// The service, running.
pub(super) struct Bare {
    /// Of `AccessService`.
    pub(super) port: Port,
    /// Of its metrics.
    pub(super) admin: Port,
    pub(super) process: Process,
    log: LogConfig,
}

impl Bare {
    /// Starts it on a log of its own, beside the site's.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(
        site: &mut Site,
        partner: &str,
        samples: &[Sample; 2],
    ) -> Result<Self> {
        let log = LogConfig::beside(site)?;
        log.create().await?;
        let (port, admin) = (free_port()?, free_port()?);
        let [server, client] = [
            &site.certificates.servers[&Part::CommandSvc],
            &site.certificates.services[&Part::CommandSvc],
        ];
        let config = json!({
            "process": { "admin": { "listen": admin.address() } },
            "listen": port.address(),
            "certificate": server.certificate,
            "private_key": server.private_key,
            "client_roots": site.pki.bundle(),
            "partner": partner,
            "partner_tls": {
                "certificate": client.certificate,
                "private_key": client.private_key,
                "server_roots": site.pki.bundle(),
            },
            "log": log,
            "records": samples,
        });
        let file = site.dir.join("config/bare.toml");
        std::fs::write(&file, toml::to_string(&config)?)?;
        let process = spawn(&file, &site.dir.join("logs/bare.log"), &admin).await?;
        Ok(Self {
            port,
            admin,
            process,
            log,
        })
    }

    /// How many records it has appended.
    ///
    /// # Errors
    /// The log can't be asked.
    pub(super) async fn records(&self) -> Result<u64> {
        self.log.count().await
    }
}

async fn spawn(config: &Path, log: &Path, admin: &Port) -> Result<Process> {
    let this = std::env::current_exe().context("find the running executable")?;
    let spec = Spec::program(this, log)
        .args(["bench", "bare", "--config"])
        .arg(config);
    let mut process = Process::spawn(&spec)?;
    let ready = format!("http://{}/readyz", admin.address()).parse()?;
    let http = harness::http::plain()?;
    process.wait_ready_http(&http, &ready, READY).await?;
    Ok(process)
}
