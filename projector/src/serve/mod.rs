//! Role `serve`: answers auditors over gRPC from trees and views that it can't write.

mod alarms;
mod audit;
mod auth;
mod call;
mod completeness;
mod console;
mod devices;
mod export;
mod fields;
mod freshness;
mod identities;
mod leaf;
mod logs;
pub mod paging;
mod parse;
mod people;
mod probe;
mod queries;
mod reads;
mod residents;
mod search;
mod statistics;
mod status;
pub mod tiles;
mod wanted;
pub mod watch;
mod who_read;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authn::peer::AllowedPeers;
use authn::tls::{Protocol, ServerTls, TlsListener};
use authn::token::AccessTokenVerifier;
use domain::id::ComplexId;
use eventlog::Topic;
use proto::access::audit_service_server::{AuditServiceServer, SERVICE_NAME as AUDIT};
use proto::access::device_status_service_server::{
    DeviceStatusServiceServer, SERVICE_NAME as DEVICES,
};
use proto::access::resident_service_server::{ResidentServiceServer, SERVICE_NAME as RESIDENTS};
use service::Context;
use service::health::Health;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::service::InterceptorLayer;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;

use crate::config::{Config, ExportsConfig, ViewsConfig};
use crate::store::{self, StoreError, ViewReader};
use crate::tiles as storage;
use audit::Audit;
use auth::{OwnerGate, PeerGate, TokenGate};
use call::Calls;
use console::Console;
use devices::Devices;
pub use freshness::Freshness;
use identities::Identities;
use logs::Logs;
use paging::PageKey;
use probe::Probes;
use reads::Reads;
use residents::Residents;
use tiles::{Published, PublishedTiles};
use watch::{Feeds, Head};

/// Largest request, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;
/// Largest answer, in bytes.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
/// Calls at once on one connection.
const STREAMS: u32 = 100;
/// Largest request headers, in bytes; an access token is a few thousand.
const LARGEST_HEADERS: u32 = 32 * 1024;
/// How often certificates are looked at.
const RELOAD: Duration = Duration::from_secs(30);
/// How often a silent peer is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// What the services answer from.
struct Serving {
    calls: Calls,
    tokens: TokenGate,
    views: Arc<dyn ViewReader>,
    logs: Logs,
    identities: Arc<Identities>,
    reads: Arc<Reads>,
    paging: PageKey,
    freshness: Freshness,
    /// Places for watchers, and what they share.
    watches: Arc<Semaphore>,
    heads: Feeds<ComplexId, Head>,
    devices: Feeds<ComplexId, watch::Devices>,
    /// Places for exports, and their limits.
    exporting: Arc<Semaphore>,
    exports: ExportsConfig,
    archive_keys: auditarchive::Keys,
    /// Partitions of the event log.
    partitions: NonZeroU32,
    shutdown: CancellationToken,
}

/// The role, ready to run.
pub struct Serve {
    serving: Arc<Serving>,
    verifiers: Vec<AccessTokenVerifier>,
    peers: AllowedPeers,
    residents: Option<(AllowedPeers, OwnerGate)>,
    tls: Arc<ServerTls>,
    graceful_age: Option<Duration>,
    listener: TlsListener,
    published: Option<PublishedTiles>,
    console: Option<Console>,
    probes: Probes,
    health: Health,
    shutdown: CancellationToken,
}

/// Opens all that the role needs.
///
/// # Errors
/// What is wrong in the configuration, or can't be opened.
pub async fn prepare(config: &Config, context: &Context) -> anyhow::Result<Serve> {
    let probes = Probes::register(&context.health);
    let sections = config.for_serve().map_err(anyhow::Error::msg)?;
    let serve = sections.serve;
    let log = eventlog::open(&sections.log.url, sections.log.options.clone()).await?;
    let verifier = AccessTokenVerifier::new(serve.issuer.clone())?;
    let stop = context.shutdown.clone();
    let identities = Identities::follow(Arc::clone(&log), &serve.identities, stop)
        .context("section `[serve.identities]`")?;
    let identities = Arc::new(identities);
    let tokens = TokenGate::new(verifier.clone(), Arc::clone(&identities));
    let reads = Arc::new(Reads::new(log));
    let mut verifiers = vec![verifier.clone()];
    let residents = match &serve.residents {
        Some(config) => {
            let verifier = AccessTokenVerifier::new(config.issuer.clone())?;
            verifiers.push(verifier.clone());
            let owners = TokenGate::new(verifier, Arc::clone(&identities));
            Some((config.peers.clone(), OwnerGate::new(owners)))
        }
        None => None,
    };
    let stored = storage::to_read(sections.tiles).await?;
    let origin = &sections.audit.origin;
    let trusted = sections.audit.verifier()?;
    let logs = || Logs::new(Arc::clone(&stored), origin.clone(), trusted.clone());
    let archive_keys = export::keys(trusted.vkeys(), sections.records)?;
    let serving = Serving {
        calls: Calls::new(serve.calls, serve.call_timeout),
        tokens: tokens.clone(),
        views: views(sections.views).await?,
        logs: logs(),
        identities,
        reads: Arc::clone(&reads),
        paging: PageKey::load(&serve.paging.key_file)?,
        freshness: sections.status.clone(),
        watches: Arc::new(Semaphore::new(serve.watches)),
        exporting: Arc::new(Semaphore::new(serve.exports.at_once)),
        exports: serve.exports.clone(),
        archive_keys,
        heads: Feeds::default(),
        devices: Feeds::default(),
        partitions: sections.log.options.partitions,
        shutdown: context.shutdown.clone(),
    };
    let published = match &serve.tiles {
        Some(config) => {
            let published = Published::new(config, logs(), tokens, reads, serve.call_timeout);
            Some(PublishedTiles::open(config, published).await?)
        }
        None => None,
    };
    let serving = Arc::new(serving);
    let console = match &serve.console {
        Some(config) => {
            let (config, serving) = (config.clone(), Arc::clone(&serving));
            Some(Console::open(config, serving, trusted, origin.clone()).await?)
        }
        None => None,
    };
    let tls = ServerTls::load(serve.tls.clone(), Protocol::Grpc)?;
    let tcp = TcpListener::bind(serve.listen).await;
    let tcp = tcp.with_context(|| format!("can't listen on `serve.listen` {}", serve.listen))?;
    Ok(Serve {
        serving,
        verifiers,
        peers: serve.peers.clone(),
        residents,
        graceful_age: serve.limits.graceful_age(),
        listener: TlsListener::new(tcp, Arc::clone(&tls), serve.limits.clone())?,
        tls,
        published,
        console,
        probes,
        health: context.health.clone(),
        shutdown: context.shutdown.clone(),
    })
}

/// A reader that the store has not refused. One that is merely away is waited for, since readers
/// may start first; a certificate or a right that is wrong is said now.
async fn views(config: &ViewsConfig) -> anyhow::Result<Arc<dyn ViewReader>> {
    let reader = store::open_configured_reader(config)?;
    match reader.progress(Topic::AccessEvents, 0).await {
        Err(error @ StoreError::Refused(_)) => Err(error.into()),
        _ => Ok(reader),
    }
}

impl Serve {
    /// The listener's address; its port is the real one where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// The address on which the audit log is published, if it is.
    pub fn tiles_addr(&self) -> Option<SocketAddr> {
        self.published.as_ref().map(PublishedTiles::local_addr)
    }

    /// The address of the auditors' console, if there is one.
    pub fn console_addr(&self) -> Option<SocketAddr> {
        self.console.as_ref().map(Console::local_addr)
    }

    /// Serves until shutdown; calls in flight are finished.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let (reporter, grpc_health) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(AUDIT)
            .with_service_name(DEVICES)
            .with_service_name(RESIDENTS)
            .with_service_name("grpc.health.v1.Health")
            .build_v1()?;
        // Each service has callers of its own; anybody of them may ask how the server is.
        let auditors = PeerGate::new(self.peers.clone());
        let audit = AuditServiceServer::new(Audit(Arc::clone(&self.serving)))
            .max_decoding_message_size(LARGEST_REQUEST)
            .max_encoding_message_size(LARGEST_ANSWER);
        let devices = DeviceStatusServiceServer::new(Devices(Arc::clone(&self.serving)))
            .max_decoding_message_size(LARGEST_REQUEST)
            .max_encoding_message_size(LARGEST_ANSWER);
        let everybody = match &self.residents {
            Some((peers, _)) => self.peers.and(peers),
            None => self.peers,
        };
        let residents = self.residents.map(|(peers, owners)| {
            let serving = Arc::clone(&self.serving);
            let residents = ResidentServiceServer::new(Residents { serving, owners })
                .max_decoding_message_size(LARGEST_REQUEST)
                .max_encoding_message_size(LARGEST_ANSWER);
            InterceptedService::new(residents, PeerGate::new(peers))
        });
        let mut server = Server::builder()
            .max_concurrent_streams(STREAMS)
            .http2_max_header_list_size(LARGEST_HEADERS)
            .http2_keepalive_interval(Some(KEEPALIVE));
        if let Some(age) = self.graceful_age {
            server = server.max_connection_age(age);
        }
        let server = server
            .layer(InterceptorLayer::new(PeerGate::new(everybody)))
            .add_service(grpc_health)
            .add_service(reflection)
            .add_service(InterceptedService::new(audit, auditors.clone()))
            .add_service(InterceptedService::new(devices, auditors))
            .add_optional_service(residents);
        tracing::info!(address = %self.listener.local_addr(), "serving auditors");
        let stop = self.shutdown.clone().cancelled_owned();
        let served = server.serve_with_incoming_shutdown(self.listener, stop);
        let served = async { Ok(served.await?) };
        let published = async {
            match self.published {
                Some(published) => published.run(self.shutdown.clone()).await,
                None => Ok(()),
            }
        };
        let console = async {
            match self.console {
                Some(console) => console.run(self.shutdown.clone()).await,
                None => Ok(()),
            }
        };
        tokio::select! {
            served = async { tokio::try_join!(served, published, console) } => served.map(|_| ()),
            never = self.probes.run(&self.serving, &self.verifiers) => match never {},
            never = probe::mirror(self.health, reporter) => match never {},
            () = self.tls.reload_every(RELOAD) => anyhow::bail!("certificates are no longer watched"),
        }
    }
}
