//! The service's end of the webhook: mTLS, signatures verified by the `standardwebhooks` crate.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Pki, SECRET, eventually};

#[derive(Debug, Clone)]
pub struct Received {
    pub id: String,
    pub content_type: String,
    pub verified: bool,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Planned = Arc<Mutex<VecDeque<(u16, Option<&'static str>)>>>;

#[derive(Clone, Default)]
pub struct Receiver {
    received: Arc<Mutex<Vec<Received>>>,
    /// Answers to give first, with `Retry-After`; then 200.
    planned: Planned,
}

impl Receiver {
    /// Binds a port before the partner's configuration is written.
    pub async fn bind() -> (Self, TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        (Self::default(), listener, url)
    }

    pub fn plan(&self, status: u16, retry_after: Option<&'static str>) {
        self.planned
            .lock()
            .unwrap()
            .push_back((status, retry_after));
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until a message satisfies.
    pub async fn wait(&self, wanted: impl Fn(&Received) -> bool) -> Received {
        eventually(|| async { self.received().into_iter().find(|message| wanted(message)) }).await
    }

    pub fn serve(&self, listener: TcpListener, pki: &Pki) {
        let (certificate, key) = pki.issue("dns:localhost");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(pki.roots()), provider.clone());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let router = Router::new()
            .route("/v1/events", post(take))
            .with_state(self.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, service) =
                    (acceptor.clone(), TowerToHyperService::new(router.clone()));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let verified = Webhook::new(SECRET)
        .unwrap()
        .verify(&body, &headers)
        .is_ok();
    receiver.received.lock().unwrap().push(Received {
        id: text("webhook-id"),
        content_type: text("content-type"),
        verified,
        body: body.to_vec(),
    });
    match receiver.planned.lock().unwrap().pop_front() {
        Some((status, retry_after)) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            if let Some(wait) = retry_after {
                response
                    .headers_mut()
                    .insert("retry-after", wait.parse().unwrap());
            }
            response
        }
        None if !verified => StatusCode::UNAUTHORIZED.into_response(),
        None => {
            axum::Json(json!({"verdicts": [{"index": 0, "verdict": "accepted"}]})).into_response()
        }
    }
}
