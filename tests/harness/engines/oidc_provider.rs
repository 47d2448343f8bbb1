//! oidc-provider, an authorization server on Node.js: one for each test.
//!
//! It comes through npm, once, and is kept below cargo's target folder.

mod install;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::apps::{APPS, OWNER};
use super::missing;
use crate::pki::Pki;
use crate::process::{Port, Process, Spec, free_port};
use crate::site::REDIRECT_URI;

/// Only a broken one takes so long.
const READY: Duration = Duration::from_secs(60);

/// A running server with the apps of [`APPS`] and one user, stopped when dropped.
pub struct OidcProvider {
    _process: Process,
    port: Port,
    pki: Pki,
    http: reqwest::Client,
}

impl OidcProvider {
    /// Starts a server with its files in `dir`, whose access tokens live so long. None where this machine
    /// can't run one, which is said loudly.
    ///
    /// # Errors
    /// It does not start; or it can't be had, and `CI` is set.
    pub async fn start(dir: &Path, access_token_ttl: Duration) -> Result<Option<Self>> {
        if let Some(why) = install::lacking() {
            missing::report("oidc-provider", &why)?;
            return Ok(None);
        }
        let program = tokio::task::spawn_blocking(install::install).await??;
        let (port, pki) = (free_port()?, Pki::create(&dir.join("pki"))?);
        let server = pki.issue_server("oidc-provider", &[])?;
        let wish = json!({
            "port": port.number(),
            "issuer": issuer(&port),
            "certificate": server.certificate,
            "private_key": server.private_key,
            "cookie_key": Uuid::new_v4(),
            "access_token_ttl": access_token_ttl.as_secs(),
            "redirect_uri": REDIRECT_URI,
            "apps": APPS.map(|app| json!({ "client_id": app.client_id, "audience": app.audience })),
            "user": { "username": OWNER.username, "password": OWNER.password, "sub": OWNER.sub },
        });
        let file = dir.join("oidc-provider.json");
        fs::write(&file, wish.to_string()).with_context(|| format!("write {}", file.display()))?;
        let spec = Spec::program("node", dir.join("oidc-provider.log"))
            .arg(program)
            .arg(&file);
        let mut process = Process::spawn(&spec)?;
        let http = dev_issuer::http_client(&fs::read(pki.bundle())?)?;
        let ready = Url::parse(&issuer(&port))?.join("/.well-known/openid-configuration")?;
        process
            .wait_ready_http(&http, &ready, READY)
            .await
            .context("start oidc-provider")?;
        Ok(Some(Self {
            _process: process,
            port,
            pki,
            http,
        }))
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> String {
        issuer(&self.port)
    }

    /// What vouches for its server certificate.
    pub fn roots(&self) -> &Path {
        self.pki.bundle()
    }

    /// Signs with a new key from now on; the old one stays published.
    ///
    /// # Errors
    /// The call is refused.
    pub async fn rotate(&self) -> Result<()> {
        self.tell("rotate").await
    }

    /// Withdraws every signing key but the newest.
    ///
    /// # Errors
    /// The call is refused.
    pub async fn withdraw(&self) -> Result<()> {
        self.tell("withdraw").await
    }

    async fn tell(&self, what: &str) -> Result<()> {
        let url = format!("{}/test/{what}", self.issuer());
        self.http.post(url).send().await?.error_for_status()?;
        Ok(())
    }
}

fn issuer(port: &Port) -> String {
    format!("https://localhost:{}", port.number())
}
