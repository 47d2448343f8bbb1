//! A client and its browser: logs in the way a person does, over HTTPS, through no other door.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oauth2::basic::BasicErrorResponse;
use oauth2::{
    AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, TokenResponse,
};
use reqwest::StatusCode;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use url::Url;

use crate::error::Error;

mod browser;
mod provider;

pub use browser::{Arrival, Browser};
use provider::{Provider, Response, send};

/// What a login or a refresh yields. Its `Debug` shows no token.
#[derive(Clone)]
pub struct Tokens {
    /// For resource servers (RFC 9068).
    pub access_token: String,
    /// For the next [`refresh`]; each works once.
    pub refresh_token: Option<String>,
    /// Where the scope holds `openid`.
    pub id_token: Option<String>,
    /// How long the access token is valid.
    pub expires_in: Option<Duration>,
    /// What was granted, which is what was asked for.
    pub scope: String,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// An HTTP client that trusts this CA alone, speaks TLS 1.3, and follows no redirect: the redirect at
/// the end of a login is for the caller, and its address may lead nowhere.
///
/// # Errors
/// [`Error::Tls`]: the PEM text holds no usable certificate.
pub fn http_client(ca_pem: &[u8]) -> Result<reqwest::Client, Error> {
    let unusable = || Error::Tls("the CA bundle holds no usable certificate".to_owned());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|_| unusable())?;
        roots.add(certificate).map_err(|_| unusable())?;
    }
    if roots.is_empty() {
        return Err(unusable());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .https_only(true)
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(Error::Unreachable)
}

/// Logs in with the Authorization Code grant and PKCE, at this issuer or any other whose login is a form
/// with a password. `scope` is a space-separated list.
/// `http` must not follow redirects, as [`http_client`]'s doesn't.
///
/// # Errors
/// The issuer can't be reached, refuses, or breaks the protocol: another state or issuer in its
/// answer, another scope than was asked for.
pub async fn login(
    http: &reqwest::Client,
    issuer: &Url,
    client_id: &str,
    redirect_uri: &str,
    username: &str,
    password: &str,
    scope: &str,
) -> Result<Tokens, Error> {
    let provider = Provider::discover(http, issuer).await?;
    let redirect = RedirectUrl::new(redirect_uri.to_owned())
        .map_err(|_| protocol("authorization request", "the redirect URI is no URL"))?;
    let client = provider.client(client_id).set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(scope.split(' ').map(|token| Scope::new(token.to_owned())))
        .set_pkce_challenge(challenge)
        .url();

    let mut browser = Browser::new(http.clone());
    let arrival = browser.visit(url, redirect_uri, (username, password));
    let code = provider.code(&arrival.await?.url, redirect_uri, state.secret())?;

    let response = client
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .request_async(&|request| send(http, request))
        .await
        .map_err(|error| refused("code", error))?;
    let tokens = Tokens::new(&response, scope);
    if !same_scope(&tokens.scope, scope) {
        return Err(protocol(
            "code",
            "it granted another scope than was asked for",
        ));
    }
    Ok(tokens)
}

/// Exchanges a refresh token for new tokens; the old one works no more.
///
/// # Errors
/// The issuer can't be reached, refuses, or breaks the protocol.
pub async fn refresh(
    http: &reqwest::Client,
    issuer: &Url,
    client_id: &str,
    refresh_token: &str,
) -> Result<Tokens, Error> {
    let provider = Provider::discover(http, issuer).await?;
    let response = provider
        .client(client_id)
        .exchange_refresh_token(&RefreshToken::new(refresh_token.to_owned()))
        .request_async(&|request| send(http, request))
        .await
        .map_err(|error| refused("refresh token", error))?;
    Ok(Tokens::new(&response, ""))
}

impl Tokens {
    /// A response without a scope grants what was asked for (RFC 6749, section 5.1).
    fn new(response: &Response, asked: &str) -> Self {
        let scope = response.scopes().map(|scopes| {
            let tokens: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
            tokens.join(" ")
        });
        Self {
            access_token: response.access_token().secret().clone(),
            refresh_token: response.refresh_token().map(|token| token.secret().clone()),
            id_token: response.extra_fields().id_token.clone(),
            expires_in: response.expires_in(),
            scope: scope.unwrap_or_else(|| asked.to_owned()),
        }
    }
}

fn same_scope(a: &str, b: &str) -> bool {
    let set = |text: &str| {
        let mut tokens: Vec<_> = text.split(' ').map(str::to_owned).collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    };
    set(a) == set(b)
}

fn refused(
    step: &'static str,
    error: RequestTokenError<reqwest::Error, BasicErrorResponse>,
) -> Error {
    match error {
        RequestTokenError::ServerResponse(response) => Error::Refused {
            step,
            reason: response.error().to_string(),
        },
        RequestTokenError::Request(error) => Error::Unreachable(error),
        // Their texts may quote the body.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            protocol(step, "the token response can't be read")
        }
    }
}

fn refusal(step: &'static str, status: StatusCode) -> Error {
    Error::Refused {
        step,
        reason: format!("status {status}"),
    }
}

fn protocol(step: &'static str, problem: &'static str) -> Error {
    Error::Protocol { step, problem }
}
