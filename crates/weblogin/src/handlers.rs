//! The addresses of logging in and out.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use url::Url;

use crate::answer::{AnswerError, code, one};
use crate::cookie;
use crate::error::{ProviderError, whole};
use crate::extract::Posted;
use crate::random;
use crate::required::RequiredLogin;
use crate::session::Session;
use crate::web::WebLogin;

/// Begins a login; `?to=/path` says where to go then, [`RequiredLogin::address`] how fresh and strong it
/// must be.
pub const LOGIN: &str = "/login";
/// Ends a session; takes a form with `csrf` alone.
pub const LOGOUT: &str = "/logout";
/// A page that whoever uses this crate serves: after a logout, and after a login that came to nothing,
/// with `?reason=` and one of `refused`, `expired`, `unavailable`, `full`, `weak`.
pub const SIGNED_OUT: &str = "/signed-out";
/// Where the issuer sends browsers back to.
const CALLBACK: &str = "/callback";
/// Longest address within the page that is gone back to, in bytes.
const LONGEST_PATH: usize = 1024;

const PRIVATE: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Why a login came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("it is none that this browser has begun, or it took too long, or was answered already")]
    Unknown,
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the ID token is not good: {0}")]
    IdToken(&'static str),
    #[error("it is older or weaker than was asked for")]
    Weak,
    #[error("there are as many sessions as `sessions.most` allows")]
    Full,
}

impl Failed {
    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "expired",
            Self::Answer(_) | Self::IdToken(_) | Self::Provider(ProviderError::Refused(_)) => {
                "refused"
            }
            Self::Provider(_) => "unavailable",
            Self::Weak => "weak",
            Self::Full => "full",
        }
    }
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>(web: WebLogin) -> Router<S> {
    Router::new()
        .route(LOGIN, get(login))
        .route(CALLBACK, get(callback))
        .route(LOGOUT, post(logout))
        .with_state(web)
}

async fn login(State(web): State<WebLogin>, RawQuery(query): RawQuery) -> Response {
    match begin(&web, query.as_deref()).await {
        Ok((url, browser)) => {
            let cookies = set(&[(&web.0.login_cookie, &browser)]);
            (PRIVATE, cookies, Redirect::to(url.as_str())).into_response()
        }
        Err(failed) => gone_wrong(&failed),
    }
}

async fn begin(web: &WebLogin, query: Option<&str>) -> Result<(Url, String), Failed> {
    let wanted = target(web, LOGIN, query).ok_or(Failed::Unknown)?;
    let to = one(&wanted, "to").filter(|to| within(to));
    let to = to.unwrap_or_else(|| "/".to_owned());
    let required = RequiredLogin::of(&wanted).ok_or(Failed::Unknown)?;
    let provider = web.0.issuer.provider().await?;
    let asked = provider.ask(&web.origin().at(CALLBACK), required);
    let asked = asked.map_err(|_| Failed::Unknown)?;
    let (url, browser) = (asked.url.clone(), random::text());
    web.0.pending.begin(asked, &browser, to, Instant::now());
    Ok((url, browser))
}

async fn callback(
    State(web): State<WebLogin>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match finish(&web, &headers, query.as_deref()).await {
        Ok((id, to)) => {
            count("ok");
            let cookies = set(&[(&web.0.session_cookie, &id), (&web.0.login_cookie, "")]);
            (PRIVATE, cookies, Redirect::to(&to)).into_response()
        }
        Err(failed) => gone_wrong(&failed),
    }
}

/// The id of the new session, and where to go.
async fn finish(
    web: &WebLogin,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(String, String), Failed> {
    let target = target(web, CALLBACK, query).ok_or(Failed::Unknown)?;
    let state = one(&target, "state").ok_or(Failed::Unknown)?;
    let browser = cookie::read(headers, &web.0.login_cookie).ok_or(Failed::Unknown)?;
    let pending = web.0.pending.take(&state, browser, Instant::now());
    let pending = pending.ok_or(Failed::Unknown)?;
    let provider = web.0.issuer.provider().await?;
    let code = code(&target, provider)?;
    let nonce = pending.asked.nonce.clone();
    let required = pending.asked.required.clone();
    let tokens = provider.redeem(code, pending.asked).await?;
    let id_token = tokens.id_token.clone();
    let id_token = id_token.ok_or(Failed::IdToken("there is none"))?;
    let checked = web.0.issuer.verifier.verify(&id_token).await;
    let checked = checked.map_err(|error| Failed::IdToken(error.reason()))?;
    if !checked
        .nonce
        .is_some_and(|told| random::same(&told, &nonce))
    {
        return Err(Failed::IdToken("its nonce is of another login"));
    }
    let acr = checked.acr.as_deref();
    if !required.is_met(checked.auth_time, acr, Timestamp::now()) {
        return Err(Failed::Weak);
    }
    let issuer = Arc::clone(&web.0.issuer);
    let session = Session::new(issuer, checked.subject, id_token, tokens);
    // Whoever was logged in here before is not any more, and their id is nobody's.
    if let Some(before) = cookie::read(headers, &web.0.session_cookie) {
        web.0.sessions.end(before);
    }
    let id = web.0.sessions.begin(Arc::new(session), Instant::now());
    Ok((id.map_err(|_| Failed::Full)?, pending.to))
}

async fn logout(State(web): State<WebLogin>, headers: HeaderMap, posted: Posted) -> Response {
    if let Some(id) = cookie::read(&headers, &web.0.session_cookie) {
        web.0.sessions.end(id);
    }
    let id_token = posted.session.id_token().await;
    // Here it is over, whatever the issuer says.
    let provider = web.0.issuer.provider().await.ok();
    let back = web.origin().at(SIGNED_OUT);
    let at_issuer = provider.and_then(|provider| provider.end_session(&id_token, &back));
    let next = at_issuer.map_or_else(|| SIGNED_OUT.to_owned(), String::from);
    let cookies = set(&[(&web.0.session_cookie, "")]);
    (PRIVATE, cookies, Redirect::to(&next)).into_response()
}

fn gone_wrong(failed: &Failed) -> Response {
    let reason = failed.reason();
    tracing::info!(reason, error = whole(failed), "a login came to nothing");
    count(reason);
    let page = format!("{SIGNED_OUT}?reason={reason}");
    (PRIVATE, Redirect::to(&page)).into_response()
}

fn set(cookies: &[(&String, &str)]) -> AppendHeaders<Vec<(HeaderName, axum::http::HeaderValue)>> {
    let values = cookies
        .iter()
        .filter_map(|(name, value)| Some((header::SET_COOKIE, cookie::set(name, value)?)));
    AppendHeaders(values.collect())
}

fn target(web: &WebLogin, path: &str, query: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(&web.origin().at(path)).ok()?;
    url.set_query(query);
    Some(url)
}

/// A path of this page, which no browser takes for another host's.
fn within(to: &str) -> bool {
    let mut bytes = to.bytes();
    to.len() <= LONGEST_PATH
        && bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && to
            .bytes()
            .all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\')
}

fn count(result: &'static str) {
    metrics::counter!("web_logins_total", "result" => result).increment(1);
}
