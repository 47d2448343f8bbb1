//! Access tokens: OAuth 2.0 client credentials (RFC 6749, section 4.4), the client known by its
//! certificate (RFC 8705), one token for each scope and complex (RFC 8707).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ComplexId;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use oauth2::basic::{BasicClient, BasicTokenType};
use oauth2::{AuthType, ClientId, RequestTokenError, TokenResponse, TokenUrl};
use reqwest::header::HeaderValue;
use tokio::time::{Instant, timeout_at};

use crate::discovery;
use crate::egress::Call;
use crate::error::TokenRefused;
use crate::scope::Authority;
use crate::session::Session;
use crate::transport::{ANSWER_LIMIT, Exchange};

/// The most tokens that are kept.
const CAPACITY: usize = 4096;

/// Between two tries to replace a token that is still good.
const RETRY: Duration = Duration::from_secs(1);

/// An access token, as the header that it is sent in.
pub(crate) struct Token {
    header: HeaderValue,
    /// From here on another one is fetched while this one goes on.
    ageing: Instant,
    /// From here on it isn't used.
    ended: Instant,
    /// By then it has expired at the partner, whatever time the answer took; none where that is
    /// too far away to be told.
    pub(crate) expired: Option<Instant>,
}

impl Token {
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

type Flight = Shared<BoxFuture<'static, Result<Arc<Token>, TokenRefused>>>;

/// The token of one authority, and the request for the next one. There is one at a time.
#[derive(Default)]
struct Slot {
    token: Option<Arc<Token>>,
    flight: Option<Flight>,
    /// Before this no token that is still good is replaced.
    not_before: Option<Instant>,
}

/// All tokens of a session; bounded.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<Authority, Arc<Mutex<Slot>>>>,
}

impl Tokens {
    /// A token for `authority`: a kept one, or a new one that all who wait for it share.
    pub(crate) async fn get(
        &self,
        session: &Arc<Session>,
        authority: &Authority,
        deadline: Instant,
    ) -> Result<Arc<Token>, TokenRefused> {
        let slot = self.slot(authority);
        let flight = {
            let now = Instant::now();
            let mut state = lock(&slot);
            let kept = state.token.clone().filter(|token| now < token.ended);
            if let Some(token) = &kept
                && (now < token.ageing || state.not_before.is_some_and(|until| now < until))
            {
                return Ok(Arc::clone(token));
            }
            let flight = match &state.flight {
                Some(flight) => flight.clone(),
                None => {
                    let flight = take_off(session, authority, &slot);
                    state.flight = Some(flight.clone());
                    flight
                }
            };
            if let Some(token) = kept {
                return Ok(token);
            }
            flight
        };
        timeout_at(deadline, flight)
            .await
            .unwrap_or(Err(TokenRefused::DeadlinePassed))
    }

    /// Drops `token`: the partner doesn't know it any more.
    pub(crate) fn forget(&self, authority: &Authority, token: &Arc<Token>) {
        let slot = self.slot(authority);
        let mut state = lock(&slot);
        state.token.take_if(|kept| Arc::ptr_eq(kept, token));
    }

    fn slot(&self, authority: &Authority) -> Arc<Mutex<Slot>> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(authority) {
            return Arc::clone(slot);
        }
        if slots.len() >= CAPACITY {
            make_room(&mut slots);
        }
        Arc::clone(slots.entry(authority.clone()).or_default())
    }
}

/// Drops the tokens that have ended, or else the one that ends first.
fn make_room(slots: &mut HashMap<Authority, Arc<Mutex<Slot>>>) {
    let now = Instant::now();
    let end = |slot: &Mutex<Slot>| lock(slot).token.as_ref().map(|token| token.ended);
    slots.retain(|_, slot| end(slot).is_some_and(|end| now < end));
    if slots.len() >= CAPACITY {
        let first = slots.iter().min_by_key(|(_, slot)| end(slot));
        if let Some(authority) = first.map(|(authority, _)| authority.clone()) {
            slots.remove(&authority);
        }
    }
}

/// Starts asking for a token, in a task of its own: whoever waits may give up, it goes on.
fn take_off(session: &Arc<Session>, authority: &Authority, slot: &Arc<Mutex<Slot>>) -> Flight {
    let (session, authority, slot) = (Arc::clone(session), authority.clone(), Arc::clone(slot));
    let flight = async move {
        let fetched = fetch(Arc::clone(&session), &authority).await.map(Arc::new);
        let mut state = lock(&slot);
        state.flight = None;
        match &fetched {
            Ok(token) => {
                state.token = Some(Arc::clone(token));
                state.not_before = None;
            }
            Err(refused) => {
                state.not_before = Some(Instant::now() + RETRY);
                tracing::warn!(
                    partner = %session.config.partner,
                    scope = authority.scope.as_str(),
                    %refused,
                    "no access token"
                );
            }
        }
        fetched
    }
    .boxed()
    .shared();
    tokio::spawn(flight.clone());
    flight
}

async fn fetch(session: Arc<Session>, authority: &Authority) -> Result<Token, TokenRefused> {
    let asked = Instant::now();
    let deadline = asked + session.config.request_ceiling;
    let endpoint = session
        .token_endpoint
        .get_or_try_init(|| discovery::token_endpoint(&session, deadline))
        .await?;
    let client = BasicClient::new(ClientId::new(session.config.client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(endpoint.clone()));
    let scope = authority.scope.as_str();
    let mut request = client
        .exchange_client_credentials()
        .add_scope(oauth2::Scope::new(scope.to_owned()));
    if let Some(resource) = authority.resource() {
        request = request.add_extra_param("resource", resource);
    }
    let complex = &authority.complex;
    let http = |request| send(Arc::clone(&session), complex.clone(), request, deadline);
    let response = request.request_async(&http).await.map_err(refusal)?;

    if !matches!(response.token_type(), BasicTokenType::Bearer) {
        return Err(TokenRefused::Unintelligible);
    }
    // What is granted must be what was asked for; a server may also drop a scope silently.
    let granted: Option<BTreeSet<&str>> = response
        .scopes()
        .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect());
    if granted != Some(BTreeSet::from([scope])) {
        return Err(TokenRefused::OtherScope);
    }
    let lifetime = response.expires_in().filter(|lifetime| !lifetime.is_zero());
    let lifetime = lifetime.ok_or(TokenRefused::Unintelligible)?;
    let expired = Instant::now().checked_add(lifetime);
    // A day is enough for any token, and keeps the sums below within bounds.
    let lifetime = lifetime.min(Duration::from_secs(24 * 60 * 60));
    let mut header = HeaderValue::try_from(format!("Bearer {}", response.access_token().secret()))
        .map_err(|_| TokenRefused::Unintelligible)?;
    header.set_sensitive(true);
    Ok(Token {
        header,
        ageing: asked + lifetime * 3 / 4,
        ended: asked + lifetime - (lifetime / 10).min(Duration::from_secs(5)),
        expired,
    })
}

/// No answer that the `oauth2` crate could read.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer(TokenRefused);

/// The `oauth2` crate's request, over our own client.
async fn send(
    session: Arc<Session>,
    complex: Option<ComplexId>,
    request: oauth2::HttpRequest,
    deadline: Instant,
) -> Result<oauth2::HttpResponse, NoAnswer> {
    let request =
        reqwest::Request::try_from(request).map_err(|_| NoAnswer(TokenRefused::Unintelligible))?;
    let (exchange, _) = session
        .exchange(
            Call::Token,
            complex.as_ref(),
            request,
            ANSWER_LIMIT,
            deadline,
        )
        .await;
    match exchange {
        Exchange::Answered(answer) if answer.status < 500 => http::Response::builder()
            .status(answer.status)
            .body(answer.body)
            .map_err(|_| NoAnswer(TokenRefused::Unintelligible)),
        Exchange::Cut => Err(NoAnswer(TokenRefused::Unintelligible)),
        _ => Err(NoAnswer(TokenRefused::Unavailable)),
    }
}

/// What went wrong; without the answer's text, which may hold a token.
fn refusal(error: RequestTokenError<NoAnswer, oauth2::basic::BasicErrorResponse>) -> TokenRefused {
    match error {
        RequestTokenError::Request(NoAnswer(why)) => why,
        RequestTokenError::ServerResponse(response) => {
            TokenRefused::Refused(match response.error().as_ref() {
                "invalid_request" => "token_invalid_request",
                "invalid_client" => "token_invalid_client",
                "unauthorized_client" => "token_unauthorized_client",
                "unsupported_grant_type" => "token_unsupported_grant_type",
                "invalid_scope" => "token_invalid_scope",
                "invalid_target" => "token_invalid_target",
                _ => "token_refused",
            })
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => TokenRefused::Unintelligible,
    }
}

/// What is kept here is whole at every step, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
