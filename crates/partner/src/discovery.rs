//! Where tokens are asked for, from the authorization server's metadata (RFC 8414).

use reqwest::{Method, Request};
use tokio::time::Instant;
use url::Url;

use crate::egress::Call;
use crate::error::TokenRefused;
use crate::outcome::json;
use crate::session::Session;
use crate::transport::{ANSWER_LIMIT, Exchange};
use crate::wire::AuthorizationServer;

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// Asks the partner; nothing is remembered here.
pub(crate) async fn token_endpoint(
    session: &Session,
    deadline: Instant,
) -> Result<Url, TokenRefused> {
    let mut url = session.config.base_url.clone();
    url.set_path(WELL_KNOWN);
    let request = Request::new(Method::GET, url);
    let (exchange, _) = session
        .exchange(Call::Discovery, None, request, ANSWER_LIMIT, deadline)
        .await;
    match exchange {
        Exchange::Answered(answer) if answer.status == 200 => json::<AuthorizationServer>(&answer)
            .and_then(|metadata| accept(metadata, &session.config.base_url))
            .ok_or(TokenRefused::Unintelligible),
        Exchange::Answered(answer) if answer.status < 500 => Err(TokenRefused::Unintelligible),
        Exchange::Cut => Err(TokenRefused::Unintelligible),
        _ => Err(TokenRefused::Unavailable),
    }
}

/// The token endpoint, if the metadata are those of the server that was asked (RFC 8414,
/// section 3.3) and it gives certificate-bound tokens to clients known by their certificate.
fn accept(metadata: AuthorizationServer, issuer: &Url) -> Option<Url> {
    let told: Url = metadata.issuer.parse().ok()?;
    let methods = &metadata.token_endpoint_auth_methods_supported;
    if told != *issuer
        || !metadata.tls_client_certificate_bound_access_tokens
        || !methods.iter().any(|method| method == "tls_client_auth")
    {
        return None;
    }
    // The alias is the one for clients with certificates (RFC 8705, section 5).
    let alias = metadata.mtls_endpoint_aliases;
    let endpoint = alias.and_then(|alias| alias.token_endpoint);
    let endpoint: Url = endpoint.unwrap_or(metadata.token_endpoint).parse().ok()?;
    (endpoint.scheme() == "https" && endpoint.fragment().is_none()).then_some(endpoint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn endpoint(change: impl FnOnce(&mut serde_json::Value)) -> Option<String> {
        let mut metadata = serde_json::json!({
            "issuer": "https://partner.example",
            "token_endpoint": "https://partner.example/oauth/token",
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "tls_client_auth"],
            "tls_client_certificate_bound_access_tokens": true,
            "something_else": 1,
        });
        change(&mut metadata);
        let metadata = serde_json::from_value(metadata).unwrap();
        accept(metadata, &"https://partner.example/".parse().unwrap()).map(Into::into)
    }

    #[test]
    fn metadata_must_be_the_right_servers_and_promise_bound_tokens() {
        let plain = "https://partner.example/oauth/token".to_owned();
        assert_eq!(endpoint(|_| ()), Some(plain));
        assert_eq!(
            endpoint(|m| {
                m["mtls_endpoint_aliases"] =
                    serde_json::json!({"token_endpoint": "https://mtls.partner.example/token"});
            }),
            Some("https://mtls.partner.example/token".to_owned())
        );
        type Change = fn(&mut serde_json::Value);
        let wrong: [Change; 5] = [
            |m| m["issuer"] = "https://other.example".into(),
            |m| m["issuer"] = "https://partner.example/tenant".into(),
            |m| m["token_endpoint"] = "http://partner.example/oauth/token".into(),
            |m| m["tls_client_certificate_bound_access_tokens"] = false.into(),
            |m| m["token_endpoint_auth_methods_supported"] = serde_json::json!(["none"]),
        ];
        for change in wrong {
            assert_eq!(endpoint(change), None);
        }
    }
}
