//! One mTLS gRPC listener with health and reflection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authn::tls::{Protocol, ServerTls, TlsListener};
use service::health::Health;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tracing::info;

use crate::config::ListenConfig;

/// How often certificates are looked at again.
const RELOAD: Duration = Duration::from_secs(10);
/// How often idle connections are probed.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Binds, then serves `routes` until `shutdown`.
///
/// # Errors
/// The address or the certificate can't be used.
pub(crate) async fn serve(
    name: &'static str,
    config: ListenConfig,
    routes: Routes,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let tls = ServerTls::load(config.tls, Protocol::Grpc).with_context(|| format!("{name}.tls"))?;
    let tcp = TcpListener::bind(config.address)
        .await
        .with_context(|| format!("{name}.address {}", config.address))?;
    let graceful_age = config.connections.graceful_age();
    let listener = TlsListener::new(tcp, Arc::clone(&tls), config.connections)?;
    info!(listener = name, address = %listener.local_addr(), "listening");

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let report = async move {
        let mut status = health.subscribe();
        loop {
            let ready = status.borrow_and_update().is_ready();
            let serving = if ready {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            reporter.set_service_status("", serving).await;
            if status.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let mut server = Server::builder();
    if let Some(age) = graceful_age {
        server = server.max_connection_age(age);
    }
    let served = server
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_routes(routes.add_service(health_service).add_service(reflection))
        .serve_with_incoming_shutdown(listener, shutdown.cancelled_owned());
    tokio::select! {
        served = served => Ok(served?),
        () = report => Ok(()),
        () = tls.reload_every(RELOAD) => Ok(()),
    }
}
