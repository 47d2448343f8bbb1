//! A partner that answers as it is told, and remembers what it was asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::registry::Perimeter;
use domain::vocabulary::Operation;
use jiff::Timestamp;
use partner::{PartnerClient, PartnerConfig, PerimeterClient};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use crate::http::{Asked, read, whole};
use crate::pki::Pki;

/// What to do with a request.
pub(crate) enum Reply {
    /// A whole answer; the connection stays.
    Answer(u16, &'static str, String),
    /// A whole answer; the connection is closed after it.
    AnswerAndClose(u16, &'static str, String),
    /// These bytes and a proper end of TLS.
    Raw(Vec<u8>),
    /// These bytes and a reset.
    RawAndReset(Vec<u8>),
    /// Nothing, until the client gives up.
    Hang,
}

pub(crate) fn json(body: impl Into<String>) -> Reply {
    Reply::Answer(200, "application/json", body.into())
}

pub(crate) fn problem(status: u16, slug: &str) -> Reply {
    let body =
        format!(r#"{{"type":"urn:smarthome:problem:{slug}","title":"{slug}","status":{status}}}"#);
    Reply::Answer(status, "application/problem+json", body)
}

pub(crate) const EXECUTED: &str =
    r#"{"result":"executed","code":"opened","partner_ref":"R-1","at":"2026-11-24T10:00:00Z"}"#;

/// A token for exactly what was asked for.
pub(crate) fn token(asked: &Asked, lifetime: u64) -> Reply {
    let scope = asked.parameter("scope").unwrap();
    let resource = asked.parameter("resource").unwrap_or_default();
    json(format!(
        r#"{{"access_token":"token-{scope}-{resource}","token_type":"Bearer","expires_in":{lifetime},"scope":"{scope}"}}"#
    ))
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The partner's server.
pub(crate) struct Partner {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    pki: Pki,
}

impl Partner {
    /// Answers all but tokens with `script`.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with_tokens(|asked| token(asked, 300), script).await
    }

    pub(crate) async fn start_with_tokens(
        tokens: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let pki = Pki::new();
        let config = pki.server();
        Self::start_as(pki, config, move |asked: &Asked| {
            if asked.is_token() {
                tokens(asked)
            } else {
                script(asked)
            }
        })
        .await
    }

    pub(crate) async fn start_as(
        pki: Pki,
        config: Arc<ServerConfig>,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::default();
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(config),
            Arc::new(script),
            Arc::clone(&asked),
        ));
        Self {
            address,
            asked,
            pki,
        }
    }

    pub(crate) fn pki(&self) -> &Pki {
        &self.pki
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn tokens_asked(&self) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(Asked::is_token);
        asked
    }

    /// All requests but those for tokens.
    pub(crate) fn calls(&self) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| !asked.is_token());
        asked
    }

    pub(crate) fn config(&self) -> PartnerConfig {
        let base_url = url(self.address);
        PartnerConfig {
            partner: "gatekeeper".parse().unwrap(),
            token_endpoint: Some(base_url.join("/oauth/token").unwrap()),
            base_url,
            client_id: "command-svc".to_owned(),
            tls: self.pki.client(),
            connect_timeout: Duration::from_secs(5),
            request_ceiling: Duration::from_secs(20),
        }
    }

    pub(crate) fn client(&self) -> PartnerClient {
        PartnerClient::new(self.config()).unwrap()
    }

    pub(crate) fn sunrise(&self) -> PerimeterClient {
        self.client().within(&sunrise(), Timestamp::now()).unwrap()
    }
}

pub(crate) fn url(address: SocketAddr) -> Url {
    format!("https://{address}").parse().unwrap()
}

/// A perimeter with all there is.
pub(crate) fn sunrise() -> Perimeter {
    Perimeter {
        partner: "gatekeeper".parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        operations: Operation::ALL.to_vec(),
        credentials: true,
        not_before: None,
        not_after: None,
        closed: false,
    }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(15)
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    let mut connection = 0;
    while let Ok((tcp, _)) = listener.accept().await {
        let (tls, script, asked) = (tls.clone(), Arc::clone(&script), Arc::clone(&asked));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(tcp).await else {
                return;
            };
            // An end of any kind is an end.
            let _ = converse(stream, connection, &*script, &asked).await;
        });
        connection += 1;
    }
}

async fn converse(
    mut stream: TlsStream<TcpStream>,
    connection: usize,
    script: &Script,
    log: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.map_or_else(Vec::new, |chain| chain[0].to_vec());
    while let Some(mut asked) = read(&mut stream).await? {
        asked.connection = connection;
        asked.certificate.clone_from(&certificate);
        log.lock().unwrap().push(asked.clone());
        let reply = script(&asked);
        let close = matches!(reply, Reply::AnswerAndClose(..));
        match reply {
            Reply::Answer(status, media, body) | Reply::AnswerAndClose(status, media, body) => {
                stream.write_all(&whole(status, media, &body)).await?;
                stream.flush().await?;
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Reply::RawAndReset(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                stream.get_ref().0.set_zero_linger()?;
                return Ok(());
            }
            Reply::Hang => std::future::pending().await,
        }
        if close {
            return stream.shutdown().await;
        }
    }
    Ok(())
}
