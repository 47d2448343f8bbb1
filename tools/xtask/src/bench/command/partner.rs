//! A partner that does nothing but answer, after as long as it is told to. The reference partner
//! journals each opening on the disk, which would be measured instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use authn::tls::{ListenerLimits, Protocol, ServerTls, TlsFiles, TlsListener};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use harness::site::{Part, Site};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use service::config::SecretFile;
use tokio::net::TcpListener;

/// The partner, running.
pub(super) struct Partner {
    url: String,
    delay_ms: AtomicU64,
    opened: AtomicU64,
}

impl Partner {
    /// Starts it where the site's partner belongs.
    ///
    /// # Errors
    /// The port is taken, or the certificate can't be used.
    pub(super) async fn start(site: &Site) -> Result<Arc<Self>> {
        let issued = &site.certificates.servers[&Part::Partner];
        let files = TlsFiles {
            certificate: issued.certificate.clone().into(),
            private_key: SecretFile::new(issued.private_key.clone()),
            client_roots: site.pki.bundle().to_owned().into(),
            client_revocations: None,
        };
        let tls = ServerTls::load(files, Protocol::Http)?;
        let tcp = TcpListener::bind(site.ports.partner.address()).await?;
        let limits = ListenerLimits {
            max_connection_age: None,
            ..ListenerLimits::default()
        };
        let listener = TlsListener::new(tcp, tls, limits).context("the partner's port")?;
        let partner = Arc::new(Self {
            url: format!("https://localhost:{}", site.ports.partner.number()),
            delay_ms: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/oauth/token", post(token))
            .route("/v1/complexes/{complex}/devices/{device}/open", post(open))
            .with_state(Arc::clone(&partner));
        // Ends with the runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(partner)
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// From now on an opening takes so long.
    pub(super) fn answer_after(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay_ms.store(delay, Ordering::Relaxed);
    }

    /// How often it has opened.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

/// RFC 8414.
async fn metadata(State(partner): State<Arc<Partner>>) -> Json<Value> {
    Json(json!({
        "issuer": partner.url,
        "token_endpoint": format!("{}/oauth/token", partner.url),
        "token_endpoint_auth_methods_supported": ["tls_client_auth"],
        "tls_client_certificate_bound_access_tokens": true,
    }))
}

#[derive(Deserialize)]
struct TokenRequest {
    scope: String,
}

async fn token(Form(request): Form<TokenRequest>) -> Json<Value> {
    Json(json!({
        "access_token": "of-the-benchmark",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": request.scope,
    }))
}

async fn open(State(partner): State<Arc<Partner>>) -> Json<Value> {
    let delay = partner.delay_ms.load(Ordering::Relaxed);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let number = partner.opened.fetch_add(1, Ordering::Relaxed);
    Json(json!({
        "result": "executed",
        "code": "opened",
        "partner_ref": format!("R-{number}"),
        "at": Timestamp::now(),
    }))
}
