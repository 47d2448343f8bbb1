//! What hangs on one generation of the client certificate: the connections, and the tokens that
//! are bound to it (RFC 8705, section 3). A new certificate starts a new session, so no token is
//! ever sent with another certificate than its own.

use std::sync::Arc;
use std::time::Duration;

use authn::tls::ClientIdentity;
use domain::ComplexId;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, Request};
use serde::Serialize;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use crate::config::{ConfigError, PartnerConfig};
use crate::egress::{Call, Outgoing, Tally};
use crate::error::TokenRefused;
use crate::scope::Authority;
use crate::token::{Token, Tokens};
use crate::transport::{self, Exchange};

pub(crate) struct Session {
    pub(crate) config: Arc<PartnerConfig>,
    pub(crate) generation: u64,
    pub(crate) http: Client,
    /// Found by discovery, where it isn't configured.
    pub(crate) token_endpoint: OnceCell<Url>,
    tokens: Tokens,
    tally: Arc<Tally>,
}

/// A session with a token for one operation in one complex.
pub(crate) struct Authorised {
    session: Arc<Session>,
    authority: Authority,
    token: Arc<Token>,
}

impl Session {
    pub(crate) fn new(
        config: Arc<PartnerConfig>,
        identity: &ClientIdentity,
        tally: Arc<Tally>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tally,
            http: transport::client(&config, identity)?,
            generation: identity.generation,
            token_endpoint: OnceCell::new_with(config.token_endpoint.clone()),
            tokens: Tokens::default(),
            config,
        })
    }

    pub(crate) async fn authorise(
        self: Arc<Self>,
        authority: Authority,
        deadline: Instant,
    ) -> Result<Authorised, TokenRefused> {
        let token = self.tokens.get(&self, &authority, deadline).await?;
        Ok(Authorised {
            session: self,
            authority,
            token,
        })
    }

    /// A request to the path of `segments`, without a token.
    pub(crate) fn request(&self, method: Method, segments: &[&str]) -> Request {
        let mut url = self.config.base_url.clone();
        // The base is a URL with a host, so it has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        Request::new(method, url)
    }

    /// Sends one request, if all that it holds is declared, and says in the metrics how it went.
    pub(crate) async fn exchange(
        &self,
        call: Call,
        complex: Option<&ComplexId>,
        request: Request,
        limit: usize,
        deadline: Instant,
    ) -> (Exchange, Duration) {
        let started = Instant::now();
        let exchange = self
            .send(&self.http, call, complex, request, limit, deadline)
            .await;
        let latency = started.elapsed();
        metrics::histogram!(
            "partner_request_seconds",
            "partner" => self.config.partner.to_string(),
            "call" => call.as_str(),
            "answer" => exchange.label(),
        )
        .record(latency.as_secs_f64());
        (exchange, latency)
    }
}

impl Session {
    /// Sends one request over `http`, if all that it holds is declared, and counts its fields.
    pub(crate) async fn send(
        &self,
        http: &Client,
        call: Call,
        complex: Option<&ComplexId>,
        request: Request,
        limit: usize,
        deadline: Instant,
    ) -> Exchange {
        let outgoing = match Outgoing::declared(call, request) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::error!(partner = %self.config.partner, %error, "not sent");
                return Exchange::Undeclared;
            }
        };
        let (exchange, rows) = transport::exchange(http, outgoing, limit, deadline).await;
        if exchange != Exchange::NoConnection {
            self.tally.count(complex, call, &rows);
        }
        exchange
    }
}

impl Authorised {
    /// The token.
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// A request to the path of `segments`, with the token.
    pub(crate) fn request(&self, method: Method, segments: &[&str]) -> Request {
        let mut request = self.session.request(method, segments);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.token.header());
        request
    }

    /// Sends it once.
    pub(crate) async fn exchange(
        &self,
        call: Call,
        request: Request,
        limit: usize,
        deadline: Instant,
    ) -> (Exchange, Duration) {
        let complex = self.authority.complex.as_ref();
        let sent = self
            .session
            .exchange(call, complex, request, limit, deadline)
            .await;
        if matches!(&sent.0, Exchange::Answered(answer) if answer.status == 401) {
            self.session.tokens.forget(&self.authority, &self.token);
        }
        sent
    }
}

/// Puts `body` into `request` as JSON.
pub(crate) fn with_json(mut request: Request, body: &impl Serialize) -> Option<Request> {
    use reqwest::header::{CONTENT_TYPE, HeaderValue};
    let body = serde_json::to_vec(body).ok()?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, json);
    *request.body_mut() = Some(body.into());
    Some(request)
}
