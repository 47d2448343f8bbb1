//! Logins of one web page.

use std::sync::Arc;
use std::time::Instant;

use authn::token::{IdTokenVerifier, IssuerConfigError};
use axum::Router;
use axum::http::HeaderMap;
use tokio::sync::OnceCell;
use url::Url;

use crate::config::{Origin, WebLoginConfig};
use crate::cookie;
use crate::error::ProviderError;
use crate::handlers;
use crate::pending::Pendings;
use crate::provider::Provider;
use crate::session::Session;
use crate::sessions::Sessions;

/// Logins of one web page. A clone is the same.
#[derive(Clone)]
pub struct WebLogin(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) config: WebLoginConfig,
    /// Names of the cookies. Browsers keep cookies by host, whatever the port: so each page of an
    /// installation has its own.
    pub(crate) session_cookie: String,
    pub(crate) login_cookie: String,
    pub(crate) pending: Pendings,
    pub(crate) sessions: Sessions,
}

/// The issuer, asked for its metadata once it is needed.
pub(crate) struct Issuer {
    config: WebLoginConfig,
    pub(crate) verifier: IdTokenVerifier,
    found: OnceCell<Provider>,
}

/// Why there are no logins with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum WebLoginError {
    /// A rule between keys.
    #[error("{0}")]
    Rule(String),
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerConfigError),
}

impl WebLogin {
    /// Prepares; the issuer is first called for the first login. `name`, of letters and `-`, tells
    /// this page's cookies from others of the same host.
    ///
    /// # Errors
    /// [`WebLoginError`], which names the key.
    pub fn new(name: &str, config: WebLoginConfig) -> Result<Self, WebLoginError> {
        config.validate().map_err(WebLoginError::Rule)?;
        let asked = &config.provider;
        let verifier =
            IdTokenVerifier::new(&asked.issuer.0, &asked.client_id, asked.ca_file.as_deref())?;
        let issuer = Issuer {
            config: config.clone(),
            verifier,
            found: OnceCell::new(),
        };
        let limits = config.sessions.clone();
        Ok(Self(Arc::new(Inner {
            issuer: Arc::new(issuer),
            config,
            session_cookie: format!("__Host-{name}"),
            login_cookie: format!("__Host-{name}-login"),
            pending: Pendings::new(limits.most_pending, limits.pending),
            sessions: Sessions::new(limits),
        })))
    }

    /// `GET /login`, `GET /callback`, `POST /logout`. The page that holds them serves
    /// [`SIGNED_OUT`](crate::SIGNED_OUT) itself.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        handlers::routes(self.clone())
    }

    /// The session of a request, if its cookie has one.
    pub fn session(&self, headers: &HeaderMap) -> Option<Arc<Session>> {
        let id = cookie::read(headers, &self.0.session_cookie)?;
        self.0.sessions.find(id, Instant::now())
    }

    /// Where this page is.
    pub fn origin(&self) -> &Origin {
        &self.0.config.origin
    }

    /// The origin of the issuer, to which the answer to a logout's form leads: a page's
    /// `form-action` (CSP Level 3) has to allow it.
    pub fn issuer_origin(&self) -> String {
        let url = Url::parse(&self.0.config.provider.issuer.0);
        url.map(|url| url.origin().ascii_serialization())
            .unwrap_or_default()
    }
}

impl Issuer {
    pub(crate) async fn provider(&self) -> Result<&Provider, ProviderError> {
        let found = self
            .found
            .get_or_try_init(|| Provider::discover(&self.config.provider));
        found.await
    }
}
