//! The parts put together.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::api::{self, Api, Failing};
use crate::attestation::Attestor;
use crate::clock::Clock;
use crate::command::{Desk, Limits, RecoveryError};
use crate::config::{Config, ConfigError};
use crate::control::{self, Control};
use crate::credentials::Credentials;
use crate::devices::Fleet;
use crate::events::Book;
use crate::journal::{Journal, JournalError};
use crate::oauth::{AuthorizationServer, EndpointFailure, Laxity, Tokens};
use crate::received::Received;
use crate::store::{Store, StoreError};
use crate::token_key::WrappingKey;
use crate::webhooks::{Dispatcher, Sender};
use crate::{housekeeping, listener, tls};

/// Why the partner can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something that is configured can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal can't be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What the last run left in progress can't be settled.
    #[error("recovery: {0}")]
    Recovery(#[from] RecoveryError),
    /// An address can't be listened on.
    #[error("listening on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A running partner.
pub struct Partner {
    /// Address of the mTLS listener.
    pub api: SocketAddr,
    /// Address of the control listener.
    pub control: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What is read from files besides the configuration.
struct Material {
    server: Arc<rustls::ServerConfig>,
    attestor: Arc<Attestor>,
    sender: Option<Arc<Sender>>,
    received: Option<Arc<Received>>,
}

fn material(config: &Config) -> Result<Material, ConfigError> {
    let received = config.control.received.as_deref().map(Received::open);
    let received = received
        .transpose()
        .map_err(|error| ConfigError::new(format!("control.received: {error}")))?;
    let sender = config.webhook.as_ref();
    let sender = sender
        .map(|webhook| Sender::new(webhook, received.clone()))
        .transpose()?;
    Ok(Material {
        received,
        server: Arc::new(tls::server(&config.api)?),
        attestor: Arc::new(Attestor::new(config)?),
        sender: sender.map(Arc::new),
    })
}

/// Reads certificates, keys and secrets as starting would, and starts nothing.
///
/// # Errors
/// [`ConfigError`] naming what can't be used.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    material(config).map(|_| ())
}

/// Adds a key version to the keyring of a stopped partner and re-encrypts what it holds.
///
/// # Errors
/// [`StoreError`]; in particular while a partner has the store open.
pub async fn rotate_keys(config: &Config) -> Result<u32, StoreError> {
    let now = jiff::Timestamp::now();
    Store::open(&config.store, now)?.rotate(now).await
}

impl Partner {
    /// Starts everything; settles first what the last run left in progress.
    ///
    /// # Errors
    /// [`StartError`] saying what can't be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let material = material(&config)?;
        let clock = Arc::new(Clock::new());
        let store = Store::open(&config.store, clock.now())?;
        let journal = Arc::new(Journal::open(&config.journal.path)?);
        let desk = Arc::new(desk(&config, store.clone(), journal, clock.clone()));
        let recovered = desk.recover().await?;
        if recovered > 0 {
            tracing::warn!(recovered, "commands left in progress were settled");
        }
        let (api_listener, api) = bind(config.api.listen).await?;
        let (control_listener, control) = bind(config.control.listen).await?;
        let tokens = Arc::new(Tokens::load(store.clone()).await?);
        let authorization = Arc::new(AuthorizationServer {
            issuer: issuer(&config, api)?,
            clients: config.clients.clone(),
            ttl: config.oauth.token_ttl,
            tokens: tokens.clone(),
            clock: clock.clone(),
            failure: EndpointFailure::default(),
            laxity: Laxity::default(),
        });
        let wrapping = Arc::new(store.run(WrappingKey::open).await?);

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (attestor, failing) = (material.attestor, Arc::new(Failing::default()));
        let credentials = Credentials {
            store: store.clone(),
        };
        let state = Api {
            authorization: authorization.clone(),
            desk: desk.clone(),
            credentials: credentials.clone(),
            wrapping,
            attestor: attestor.clone(),
            failing: failing.clone(),
        };
        let routes = api::router(state, material.received);
        let connections = config.api.max_connections;
        tasks.spawn(listener::serve(
            api_listener,
            material.server,
            routes,
            connections,
            stop.clone(),
        ));
        let sender = material.sender.clone();
        let routes = control::router(Control {
            desk: desk.clone(),
            authorization,
            attestor,
            credentials,
            failing,
            sender,
        });
        let quit = stop.clone();
        tasks.spawn(async move {
            let service = routes.into_make_service_with_connect_info::<SocketAddr>();
            let serving = axum::serve(control_listener, service);
            let ended = serving
                .with_graceful_shutdown(async move { quit.cancelled().await })
                .await;
            if let Err(error) = ended {
                tracing::error!(%error, "control listener ended");
            }
        });
        tasks.spawn(housekeeping::run(
            desk.clone(),
            tokens,
            config.store.key_rotation_days,
            stop.clone(),
        ));
        if let (Some(webhook), Some(sender)) = (config.webhook, material.sender) {
            let kept = config.store.deliveries_kept;
            let bell: Arc<Notify> = desk.outbox_bell.clone();
            let dispatcher = Dispatcher {
                store,
                clock,
                sender,
                config: webhook,
                kept,
                bell,
            };
            tasks.spawn(dispatcher.run(stop.clone()));
        }
        tasks.close();
        tracing::info!(%api, %control, "listening");
        Ok(Self {
            api,
            control,
            stop,
            tasks,
        })
    }

    /// Stops: no new connections, open requests end within a few seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn desk(config: &Config, store: Store, journal: Arc<Journal>, clock: Arc<Clock>) -> Desk {
    let book = Book {
        withheld: Arc::default(),
        partner: config.partner.clone(),
        kept: config.store.events_kept,
        send: config.webhook.is_some(),
    };
    let limits = Limits {
        in_progress: config.api.max_commands_in_progress,
        cancel_wait: config.api.cancel_wait,
        max_validity: config.api.max_validity,
    };
    Desk::new(
        store,
        journal,
        Arc::new(Fleet::new(&config.complexes)),
        book,
        clock,
        limits,
    )
}

fn issuer(config: &Config, bound: SocketAddr) -> Result<Url, ConfigError> {
    match &config.api.issuer {
        Some(issuer) => Ok(issuer.clone()),
        None => Url::parse(&format!("https://{bound}"))
            .map_err(|error| ConfigError::new(format!("api.issuer: {error}"))),
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
