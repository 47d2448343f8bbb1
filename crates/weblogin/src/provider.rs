//! The issuer: where it is asked (OpenID Connect Discovery 1.0), and what it answers.

use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenUrl,
};
use serde::Deserialize;
use url::Url;

use crate::answer::Code;
use crate::assertion::ClientKey;
use crate::carry::{Unsent, limited, sender};
use crate::config::ProviderConfig;
use crate::error::{ProviderError, RenewError};
use crate::random;
use crate::required::RequiredLogin;
use crate::tokens::{Client, Tokens};

/// An issuer, as it describes itself, and one client of it.
pub struct Provider {
    http: reqwest::Client,
    config: ProviderConfig,
    key: Option<ClientKey>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    end_session_endpoint: Option<Url>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// A request that the browser takes to the issuer, and what its answer is held against.
pub struct Asked {
    /// Where the browser goes.
    pub url: Url,
    /// What the answer must repeat.
    pub state: String,
    /// What the ID token must repeat.
    pub nonce: String,
    /// What the ID token must say of the login.
    pub required: RequiredLogin,
    verifier: PkceCodeVerifier,
    redirect: RedirectUrl,
}

impl Provider {
    /// Asks an issuer where it is to be asked.
    ///
    /// # Errors
    /// It can't be reached, or isn't what was configured.
    pub async fn discover(config: &ProviderConfig) -> Result<Self, ProviderError> {
        let http = authn::token::http_client(config.ca_file.as_deref(), false)?;
        let key = ClientKey::read(config)?;
        let name = config.issuer.0.trim_end_matches('/');
        let location = format!("{name}/.well-known/openid-configuration");
        let answer = http.get(&location).send().await;
        let answer = answer.map_err(|error| unreachable(&location, error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(ProviderError::Answered { location, status });
        }
        let body = limited(answer).await;
        let metadata = body
            .ok()
            .and_then(|body| serde_json::from_slice(&body).ok());
        let metadata: Option<Metadata> = metadata;
        let problem = match &metadata {
            None => Some("holds no metadata of an issuer".to_owned()),
            Some(metadata) => metadata.problem(&config.issuer.0),
        };
        match (metadata, problem) {
            (Some(metadata), None) => Ok(Self {
                http,
                config: config.clone(),
                key,
                metadata,
            }),
            (_, problem) => Err(ProviderError::Metadata {
                location,
                problem: problem.unwrap_or_default(),
            }),
        }
    }

    /// The issuer identifier.
    pub fn name(&self) -> &str {
        &self.metadata.issuer
    }

    /// Whether its answers say whose they are (RFC 9207, section 3).
    pub fn names_itself(&self) -> bool {
        self.metadata.authorization_response_iss_parameter_supported
    }

    /// A request for a code of such a login, to be answered at `redirect_uri`.
    ///
    /// # Errors
    /// `redirect_uri` is no URL.
    pub fn ask(
        &self,
        redirect_uri: &str,
        required: RequiredLogin,
    ) -> Result<Asked, url::ParseError> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned())?;
        let client = self
            .client()
            .set_auth_uri(self.metadata.authorization_endpoint.clone())
            .set_redirect_uri(redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = random::text();
        let scopes = self.config.scope.split_whitespace();
        let mut request = client
            .authorize_url(|| CsrfToken::new(random::text()))
            .add_scopes(scopes.map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.clone());
        for (name, value) in self.audiences().chain(required.parameters()) {
            request = request.add_extra_param(name, value);
        }
        let (url, state) = request.url();
        Ok(Asked {
            url,
            state: state.into_secret(),
            nonce,
            required,
            verifier,
            redirect,
        })
    }

    /// Exchanges the code.
    ///
    /// # Errors
    /// The issuer can't be reached, or refuses.
    pub async fn redeem(&self, code: Code, asked: Asked) -> Result<Tokens, ProviderError> {
        let client = self
            .client()
            .set_token_uri(self.metadata.token_endpoint.clone())
            .set_redirect_uri(asked.redirect);
        let code = AuthorizationCode::new(code.0);
        let mut request = client.exchange_code(code).set_pkce_verifier(asked.verifier);
        for (name, value) in self.audiences().chain(self.proof()?) {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&sender(&self.http)).await;
        answer.map_err(|error| self.failed(error))?.try_into()
    }

    /// Renews the tokens with a refresh token, which works once.
    ///
    /// # Errors
    /// [`RenewError`].
    pub async fn renew(&self, refresh_token: &str) -> Result<Tokens, RenewError> {
        let client = self
            .client()
            .set_token_uri(self.metadata.token_endpoint.clone());
        let token = RefreshToken::new(refresh_token.to_owned());
        let mut request = client.exchange_refresh_token(&token);
        for (name, value) in self.proof()? {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&sender(&self.http)).await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal)
                if *refusal.error() == BasicErrorResponseType::InvalidGrant =>
            {
                RenewError::Over
            }
            other => RenewError::Failed(self.failed(other)),
        })?;
        Ok(answer.try_into()?)
    }

    /// Where a browser ends its login at the issuer (OpenID Connect RP-Initiated Logout 1.0), where
    /// the issuer has that.
    pub fn end_session(&self, id_token: &str, back_to: &str) -> Option<Url> {
        let mut url = self.metadata.end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", back_to);
        Some(url)
    }

    fn client(&self) -> Client {
        Client::new(ClientId::new(self.config.client_id.clone()))
    }

    /// Who the token is for, as the configuration says it.
    fn audiences(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let resource = self.config.resource.clone();
        let audience = self.config.audience.clone();
        let resource = resource.map(|value| ("resource", value));
        resource
            .into_iter()
            .chain(audience.map(|value| ("audience", value)))
    }

    /// That it is this client, where it has a key.
    fn proof(&self) -> Result<impl Iterator<Item = (&'static str, String)> + use<>, ProviderError> {
        let endpoint = self.metadata.token_endpoint.as_str();
        let key = self.key.as_ref();
        let proof = key.map(|key| key.parameters(&self.config.client_id, endpoint));
        Ok(proof.transpose()?.into_iter().flatten())
    }

    fn failed(&self, error: RequestTokenError<Unsent, BasicErrorResponse>) -> ProviderError {
        let endpoint = self.metadata.token_endpoint.as_str();
        match error {
            RequestTokenError::ServerResponse(refusal) => {
                ProviderError::Refused(refusal.error().to_string())
            }
            RequestTokenError::Request(Unsent::Http(error)) => unreachable(endpoint, error),
            _ => ProviderError::Unreadable(endpoint.to_owned()),
        }
    }
}

impl Metadata {
    /// Why it can't be used.
    fn problem(&self, issuer: &str) -> Option<String> {
        if self.issuer != issuer {
            return Some(format!(
                "names another issuer, {:?}; write that as `issuer` in [login], if you trust it",
                self.issuer
            ));
        }
        let (login, token) = (self.authorization_endpoint.url(), self.token_endpoint.url());
        let endpoints = [Some(login), Some(token), self.end_session_endpoint.as_ref()];
        if endpoints
            .iter()
            .flatten()
            .any(|url| url.scheme() != "https")
        {
            return Some("names an endpoint that is not https".to_owned());
        }
        let methods = &self.code_challenge_methods_supported;
        let s256 = methods.iter().any(|method| method == "S256");
        (!s256).then(|| {
            "does not offer PKCE with S256 (RFC 7636), without which nobody logs in here".to_owned()
        })
    }
}

fn unreachable(location: &str, error: reqwest::Error) -> ProviderError {
    ProviderError::Unreachable {
        location: location.to_owned(),
        error: error.without_url(),
    }
}
