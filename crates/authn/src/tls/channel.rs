//! gRPC over the TLS of every client here, which tonic's own does not offer: version 1.3, revocation, and
//! certificates that change. So tonic is told that there is none, and the connector makes it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use super::ClientTls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The port of an endpoint that names none.
const HTTPS: u16 = 443;

/// Connects now, for one errand; `call` is how long each call may take.
///
/// # Errors
/// Nobody listens, or is somebody else.
pub async fn connect(
    tls: &Arc<ClientTls>,
    uri: &Uri,
    call: Duration,
) -> Result<Channel, tonic::transport::Error> {
    let config = tls.current().config.clone();
    endpoint(uri, call)?
        .connect_with_connector(connector(config, uri))
        .await
}

/// Connects with the first call, and again where a connection is lost, with the certificate of that
/// moment.
///
/// # Errors
/// No host to connect to.
pub fn lazy(
    tls: &Arc<ClientTls>,
    uri: &Uri,
    call: Duration,
) -> Result<Channel, tonic::transport::Error> {
    let config = Arc::new(tls.following());
    Ok(endpoint(uri, call)?.connect_with_connector_lazy(connector(config, uri)))
}

fn endpoint(uri: &Uri, call: Duration) -> Result<Endpoint, tonic::transport::Error> {
    let authority = uri.authority().map(ToString::to_string);
    let endpoint = Endpoint::from_shared(format!("http://{}", authority.unwrap_or_default()))?;
    Ok(endpoint
        .origin(uri.clone())
        .connect_timeout(CONNECT)
        .timeout(call))
}

fn connector(
    config: Arc<ClientConfig>,
    uri: &Uri,
) -> impl Service<Uri, Response = TokioIo<TlsStream<TcpStream>>, Error = io::Error, Future: Send>
+ Send
+ use<> {
    let connector = TlsConnector::from(config);
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let host = host.to_owned();
    let port = uri.port_u16().unwrap_or(HTTPS);
    tower::service_fn(move |_: Uri| {
        let (connector, host) = (connector.clone(), host.clone());
        async move {
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let stream = TcpStream::connect((host, port)).await?;
            let stream = connector.connect(name, stream).await?;
            Ok(TokioIo::new(stream))
        }
    })
}
