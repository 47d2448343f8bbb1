//! The issuer as a client sees it: its metadata, its answers, and how requests get there.

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AuthUrl, ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields, StandardRevocableToken,
    StandardTokenResponse, TokenUrl,
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{protocol, refusal};
use crate::error::Error;

/// The issuer's metadata, as far as a client needs it.
#[derive(Deserialize)]
pub(super) struct Provider {
    issuer: String,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
}

impl Provider {
    pub(super) async fn discover(http: &reqwest::Client, issuer: &Url) -> Result<Self, Error> {
        let name = issuer.as_str().trim_end_matches('/');
        let url = format!("{name}/.well-known/openid-configuration");
        let answer = http.get(url).send().await.map_err(Error::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(refusal("discovery", answer.status()));
        }
        let provider: Self = answer
            .json()
            .await
            .map_err(|_| protocol("discovery", "the metadata can't be read"))?;
        if provider.issuer.trim_end_matches('/') != name {
            return Err(protocol("discovery", "it names another issuer"));
        }
        Ok(provider)
    }

    pub(super) fn client(&self, client_id: &str) -> Client {
        oauth2::Client::new(ClientId::new(client_id.to_owned()))
            .set_auth_uri(self.authorization_endpoint.clone())
            .set_token_uri(self.token_endpoint.clone())
    }

    /// The code in the redirect, once it is certain whose answer it is (RFC 9207, section 2.4).
    pub(super) fn code(
        &self,
        answer: &Url,
        redirect_uri: &str,
        state: &str,
    ) -> Result<String, Error> {
        let step = "login";
        let one = |name: &str| {
            let mut values = answer.query_pairs().filter(|(key, _)| key == name);
            let value = values.next().map(|(_, value)| value.into_owned());
            value.filter(|_| values.next().is_none())
        };
        let mut target = answer.clone();
        target.set_query(None);
        let mut expected =
            Url::parse(redirect_uri).map_err(|_| protocol(step, "the redirect URI is no URL"))?;
        expected.set_query(None);
        if target != expected {
            return Err(protocol(
                step,
                "it leads elsewhere than to the redirect URI",
            ));
        }
        if one("state").as_deref() != Some(state) {
            return Err(protocol(step, "the state isn't the one that was sent"));
        }
        if one("iss").as_ref() != Some(&self.issuer) {
            return Err(protocol(step, "it comes from another issuer"));
        }
        if let Some(reason) = one("error") {
            return Err(Error::Refused { step, reason });
        }
        one("code").ok_or(protocol(step, "it holds no code"))
    }
}

pub(super) type Response = StandardTokenResponse<IdTokenField, BasicTokenType>;

pub(super) type Client = oauth2::Client<
    BasicErrorResponse,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct IdTokenField {
    pub(super) id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

/// Carries the protocol library's requests; it brings no client for this version of the HTTP library.
pub(super) async fn send(
    http: &reqwest::Client,
    request: oauth2::HttpRequest,
) -> Result<oauth2::HttpResponse, reqwest::Error> {
    let mut answer = http.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut response = oauth2::HttpResponse::new(answer.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
