//! The server's process.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result};
use url::Url;

use super::install::Installed;
use super::operator;
use crate::pki::Pki;
use crate::process::{Port, Process, Spec, free_port};

/// Only a broken one takes so long; the first start makes all tables.
const READY: Duration = Duration::from_secs(300);
/// After SIGTERM it writes out what it holds.
const GRACE: Duration = Duration::from_secs(60);

/// A running server.
pub(super) struct Node {
    process: Process,
    port: Port,
}

impl Node {
    /// Starts a server on the database in `dir`, which is made where absent, and waits until it answers.
    pub(super) async fn start(installed: &Installed, dir: &Path, pki: &Pki) -> Result<Self> {
        let port = free_port()?;
        let server = pki.issue_server("keycloak", &[])?;
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let spec = Spec::program(installed.program(), dir.join("keycloak.log"))
            .args(["start", "--optimized", "--cache=local"])
            .arg(format!(
                "--db-url=jdbc:h2:file:{};NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE",
                dir.join("h2/keycloak").display()
            ))
            .arg(format!("--hostname=https://localhost:{}", port.number()))
            .args(["--http-enabled=false", "--http-host=127.0.0.1"])
            .arg(format!("--https-port={}", port.number()))
            .arg(option("https-certificate-file", &server.certificate))
            .arg(option("https-certificate-key-file", &server.private_key))
            .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
            .env("KC_BOOTSTRAP_ADMIN_CLIENT_ID", operator::CLIENT_ID)
            .env("KC_BOOTSTRAP_ADMIN_CLIENT_SECRET", operator::SECRET)
            .grace(GRACE);
        let mut process = Process::spawn(&spec)?;
        let http = dev_issuer::http_client(&std::fs::read(pki.bundle())?)?;
        let url = root(&port)?.join("/realms/master/.well-known/openid-configuration")?;
        process
            .wait_ready_http(&http, &url, READY)
            .await
            .context("start Keycloak")?;
        Ok(Self { process, port })
    }

    pub(super) fn root(&self) -> Result<Url> {
        root(&self.port)
    }

    pub(super) async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate().await
    }
}

fn root(port: &Port) -> Result<Url> {
    Ok(format!("https://localhost:{}", port.number()).parse()?)
}
