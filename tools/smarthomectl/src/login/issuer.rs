//! The issuer: where it is asked (OpenID Connect Discovery 1.0), and what it answers.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse, BasicTokenType};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse as _, TokenUrl,
};
use serde::Deserialize;
use url::Url;

use super::kept::Kept;
use crate::config::LoginConfig;

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// An issuer, as it describes itself.
pub(super) struct Issuer {
    http: reqwest::Client,
    client_id: ClientId,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// A request that the browser takes to the issuer, and what its answer is held against.
pub(super) struct Asked {
    pub(super) url: Url,
    pub(super) state: CsrfToken,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

/// Why a token is not renewed.
pub(super) enum Refused {
    /// The login has ended; only a new one helps.
    Over,
    /// It may work another time.
    Failed(anyhow::Error),
}

impl Issuer {
    /// Asks an issuer where it is to be asked.
    pub(super) async fn discover(wanted: &LoginConfig) -> Result<Self> {
        let http = authn::token::http_client(wanted.ca_file.as_deref(), false)?;
        let name = wanted.issuer.0.trim_end_matches('/');
        let location = format!("{name}/.well-known/openid-configuration");
        let answer = http.get(&location).send().await;
        let answer = answer.map_err(|error| unreachable(&location, error))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "{location} answered {status}; look at `issuer` in [login]"
        );
        let metadata: Metadata = serde_json::from_slice(&limited(answer).await?)
            .ok()
            .with_context(|| format!("{location} holds no metadata of an issuer"))?;
        ensure!(
            metadata.issuer == wanted.issuer.0,
            "{location} names another issuer, {:?}; write that as `issuer` in [login], if you trust \
             it",
            metadata.issuer
        );
        let endpoints = [
            metadata.authorization_endpoint.url(),
            metadata.token_endpoint.url(),
        ];
        ensure!(
            endpoints.iter().all(|url| url.scheme() == "https"),
            "{location} names an endpoint that is not https"
        );
        let methods = &metadata.code_challenge_methods_supported;
        ensure!(
            methods.iter().any(|method| method == "S256"),
            "{name} does not offer PKCE with S256 (RFC 7636), without which nobody logs in here"
        );
        Ok(Self {
            http,
            client_id: ClientId::new(wanted.client_id.clone()),
            metadata,
        })
    }

    /// The issuer identifier.
    pub(super) fn name(&self) -> &str {
        &self.metadata.issuer
    }

    /// Whether its answers say whose they are (RFC 9207, section 3).
    pub(super) fn names_itself(&self) -> bool {
        self.metadata.authorization_response_iss_parameter_supported
    }

    /// A request for a code.
    pub(super) fn ask(&self, redirect_uri: &str, wanted: &LoginConfig) -> Result<Asked> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned())?;
        let client = BasicClient::new(self.client_id.clone())
            .set_auth_uri(self.metadata.authorization_endpoint.clone())
            .set_redirect_uri(redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = wanted.scope.split_whitespace();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes.map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge);
        for (name, value) in audiences(wanted) {
            request = request.add_extra_param(name, value);
        }
        let (url, state) = request.url();
        Ok(Asked {
            url,
            state,
            verifier,
            redirect,
        })
    }

    /// Exchanges the code.
    pub(super) async fn redeem(
        &self,
        code: AuthorizationCode,
        asked: Asked,
        wanted: &LoginConfig,
    ) -> Result<BasicTokenResponse> {
        let client = BasicClient::new(self.client_id.clone())
            .set_token_uri(self.metadata.token_endpoint.clone())
            .set_redirect_uri(asked.redirect);
        let mut request = client.exchange_code(code).set_pkce_verifier(asked.verifier);
        for (name, value) in audiences(wanted) {
            request = request.add_extra_param(name, value);
        }
        let tokens = request.request_async(&self.sender()).await;
        let tokens = tokens.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal) => {
                anyhow!(
                    "the issuer gave no token: {}; log in again",
                    refusal.error()
                )
            }
            other => self.failed(other),
        })?;
        usable(tokens)
    }

    /// Renews a token.
    pub(super) async fn renew(&self, kept: &Kept) -> Result<BasicTokenResponse, Refused> {
        let Some(token) = kept.refresh_token.clone() else {
            return Err(Refused::Over);
        };
        let client = BasicClient::new(self.client_id.clone())
            .set_token_uri(self.metadata.token_endpoint.clone());
        let token = RefreshToken::new(token);
        let request = client.exchange_refresh_token(&token);
        let tokens = request.request_async(&self.sender()).await;
        let tokens = tokens.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal)
                if *refusal.error() == BasicErrorResponseType::InvalidGrant =>
            {
                Refused::Over
            }
            RequestTokenError::ServerResponse(refusal) => {
                Refused::Failed(anyhow!("the issuer refused: {}", refusal.error()))
            }
            other => Refused::Failed(self.failed(other)),
        })?;
        usable(tokens).map_err(Refused::Failed)
    }

    /// Carries the protocol library's requests, and owns all that it needs.
    fn sender(&self) -> impl Fn(oauth2::HttpRequest) -> Carried + use<> {
        let http = self.http.clone();
        move |request| send(http.clone(), request).boxed()
    }

    fn failed<T: oauth2::ErrorResponse>(
        &self,
        error: RequestTokenError<Unsent, T>,
    ) -> anyhow::Error {
        let endpoint = self.metadata.token_endpoint.as_str();
        match error {
            RequestTokenError::Request(Unsent::Http(error)) => unreachable(endpoint, error),
            _ => anyhow!("{endpoint} gave an answer that can't be read; try again"),
        }
    }
}

type Carried = BoxFuture<'static, Result<oauth2::HttpResponse, Unsent>>;

async fn send(
    http: reqwest::Client,
    request: oauth2::HttpRequest,
) -> Result<oauth2::HttpResponse, Unsent> {
    let request = request.try_into().map_err(|_| Unsent::Other)?;
    let answer = http.execute(request).await;
    let answer = answer.map_err(|error| Unsent::Http(error.without_url()))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = limited(answer).await.map_err(|_| Unsent::Other)?;
    let mut response = oauth2::HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// What did not come back.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error(transparent)]
    Http(reqwest::Error),
    #[error("no answer that can be read")]
    Other,
}

/// Who the token is for, as the configuration says it.
fn audiences(wanted: &LoginConfig) -> impl Iterator<Item = (&'static str, String)> {
    let resource = wanted.resource.clone().map(|value| ("resource", value));
    let audience = wanted.audience.clone().map(|value| ("audience", value));
    resource.into_iter().chain(audience)
}

fn usable(tokens: BasicTokenResponse) -> Result<BasicTokenResponse> {
    if !matches!(tokens.token_type(), BasicTokenType::Bearer) {
        bail!("the issuer gave a token that is not a bearer token; it can't be used here");
    }
    Ok(tokens)
}

async fn limited(mut answer: reqwest::Response) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        ensure!(
            body.len() + chunk.len() <= MAX_ANSWER,
            "the answer is too long"
        );
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(location: &str, error: reqwest::Error) -> anyhow::Error {
    let error = anyhow::Error::from(error.without_url());
    error.context(format!(
        "can't reach {location}; look at `issuer` and `ca_file` in [login], and at the network"
    ))
}
