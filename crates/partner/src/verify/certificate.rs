//! A connection without a client certificate: the TLS handshake has to fail.

use std::sync::Arc;
use std::time::Duration;

use authn::tls::ClientIdentity;
use domain::ComplexId;
use reqwest::Request;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use super::check::{CheckName, Unclear, Verdict};
use super::judge::judge;
use crate::egress::Call;
use crate::error::NotSent;
use crate::session::Session;
use crate::text::PartnerText;
use crate::transport::{self, ANSWER_LIMIT};

/// How long a server may take to say that the certificate is missing, before it is asked by HTTP.
const QUIET: Duration = Duration::from_secs(1);

/// What the handshake alone shows.
enum Handshake {
    /// The server ended it.
    Refused,
    /// The connection stands.
    Stands,
    /// Neither.
    Failed(Unclear),
}

/// Connects without a certificate. Where the partner lets that stand, sends `request`.
pub(super) async fn without_certificate(
    session: &Session,
    identity: &ClientIdentity,
    complex: &ComplexId,
    request: Request,
    deadline: Instant,
) -> Verdict {
    let bare = Arc::new(identity.without_certificate());
    let handshake = timeout_at(deadline, shake(session, Arc::clone(&bare)))
        .await
        .unwrap_or(Handshake::Failed(Unclear::NoAnswer));
    match handshake {
        Handshake::Refused => Verdict::Refused {
            status: None,
            code: PartnerText::default(),
        },
        Handshake::Failed(why) => Verdict::Unclear(why),
        Handshake::Stands => {
            let identity = ClientIdentity {
                config: bare,
                ..identity.clone()
            };
            match transport::client(&session.config, &identity) {
                Ok(http) => {
                    let asked = session.send(
                        &http,
                        Call::VerifyOpen,
                        Some(complex),
                        request,
                        ANSWER_LIMIT,
                        deadline,
                    );
                    judge(CheckName::OpenWithoutCertificate, &asked.await)
                }
                Err(_) => Verdict::Unclear(Unclear::NotSent(NotSent::NoConnection)),
            }
        }
    }
}

/// In TLS 1.3 a client is done before the server has looked at its certificate: the server's word
/// comes with the first read (RFC 8446, section 4.4.2.4). Nothing is written meanwhile, else a
/// reset could overtake it.
async fn shake(session: &Session, config: Arc<rustls::ClientConfig>) -> Handshake {
    let unreachable = Handshake::Failed(Unclear::NotSent(NotSent::NoConnection));
    let base = &session.config.base_url;
    let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else {
        return unreachable;
    };
    let host = host.trim_matches(['[', ']']).to_owned();
    let Ok(name) = ServerName::try_from(host.clone()) else {
        return unreachable;
    };
    let connect = TcpStream::connect((host, port));
    let Ok(Ok(stream)) = timeout(session.config.connect_timeout, connect).await else {
        return unreachable;
    };
    let mut stream = match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => stream,
        Err(error) if is_alert(&error) => return Handshake::Refused,
        Err(_) => return unreachable,
    };
    match timeout(QUIET, stream.read_u8()).await {
        Err(_) => Handshake::Stands,
        Ok(Err(error)) if is_alert(&error) => Handshake::Refused,
        Ok(_) => Handshake::Failed(Unclear::NoAnswer),
    }
}

/// Whether the server said no, rather than the network.
fn is_alert(error: &std::io::Error) -> bool {
    let inner = error.get_ref();
    let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}
