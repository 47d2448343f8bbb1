//! The development issuer, as its binary.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use authn::token::TokenError;
use harness::engines::apps::{APPS, OWNER};
use harness::pki::Pki;
use harness::process::{Port, Process, Spec, free_port};
use harness::site::REDIRECT_URI;
use serde_json::json;
use tempfile::TempDir;

use super::server::{Server, Unheard};
use crate::support::PATIENCE;

/// A running one, with its files.
pub(crate) struct DevIssuer {
    // Dropped first: no process outlives its folder.
    process: Process,
    spec: Spec,
    port: Port,
    pki: Pki,
    _dir: TempDir,
}

impl DevIssuer {
    async fn launch(spec: &Spec, port: &Port, pki: &Pki) -> Result<Process> {
        let mut process = Process::spawn(spec)?;
        let http = dev_issuer::http_client(&std::fs::read(pki.bundle())?)?;
        let ready = format!("{}/jwks", issuer(port)).parse()?;
        process.wait_ready_http(&http, &ready, PATIENCE).await?;
        Ok(process)
    }
}

impl Server for DevIssuer {
    const UNHEARD: Unheard = Unheard::Refused;
    // Not a JWT.
    const REFRESH_TOKEN: TokenError = TokenError::Malformed("not three parts");
    // They name no client but as the audience.
    const ID_TOKEN: TokenError = TokenError::ClientNotAllowed;

    async fn start(access_token_ttl: Duration) -> Result<Option<Self>> {
        let (dir, port) = (tempfile::tempdir()?, free_port()?);
        let pki = Pki::create(&dir.path().join("pki"))?;
        let tls = pki.issue_server("dev-issuer", &[])?;
        let clients = APPS.map(|app| {
            json!({
                "client_id": app.client_id,
                "redirect_uris": [REDIRECT_URI],
                "scopes": ["openid", "access"],
                "audience": app.audience,
            })
        });
        let config = json!({
            "listen": port.address(),
            "issuer": issuer(&port),
            "signing_key_file": dir.path().join("signing.pem"),
            "access_token_ttl_secs": access_token_ttl.as_secs(),
            "tls": { "certificate_file": tls.certificate, "private_key_file": tls.private_key },
            "clients": clients,
            "users": [{ "username": OWNER.username, "password": OWNER.password, "sub": OWNER.sub }],
        });
        let file = dir.path().join("dev-issuer.toml");
        std::fs::write(&file, toml::to_string(&config)?)?;
        let spec = Spec::workspace("dev-issuer", dir.path().join("log"))?
            .arg("--config")
            .arg(&file);
        Ok(Some(Self {
            process: Self::launch(&spec, &port, &pki).await?,
            spec,
            port,
            pki,
            _dir: dir,
        }))
    }

    fn issuer(&self) -> String {
        issuer(&self.port)
    }

    fn roots(&self) -> &Path {
        self.pki.bundle()
    }

    async fn rotate(&mut self) -> Result<()> {
        let http = dev_issuer::http_client(&std::fs::read(self.pki.bundle())?)?;
        let url = format!("{}/dev/rotate", self.issuer());
        http.post(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// It keeps no key but the newest when it ends.
    async fn withdraw(&mut self) -> Result<()> {
        self.process.terminate().await?;
        self.process = Self::launch(&self.spec, &self.port, &self.pki).await?;
        Ok(())
    }
}

fn issuer(port: &Port) -> String {
    format!("https://localhost:{}", port.number())
}
