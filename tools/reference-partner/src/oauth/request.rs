//! From the bytes of a token request to what it asks for, and whether the client may have it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::scope::ScopeSet;
use crate::config::Client;
use crate::ids::ComplexId;
use crate::tls::ClientCertificate;

/// Prefix of a complex as `resource` (RFC 8707).
const RESOURCE: &str = "urn:smarthome:complex:";
/// Parameters of other ways of authenticating, of which none may be present (RFC 6749 section 2.3).
const OTHER_AUTHENTICATION: [&str; 3] =
    ["client_secret", "client_assertion", "client_assertion_type"];

/// An error answer of the token endpoint (RFC 6749 section 5.2, RFC 8707 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct TokenError {
    error: &'static str,
    error_description: &'static str,
}

impl TokenError {
    pub(super) const fn new(error: &'static str, error_description: &'static str) -> Self {
        Self {
            error,
            error_description,
        }
    }

    pub(super) const INVALID_CLIENT: Self = Self::new(
        "invalid_client",
        "the certificate is not the one registered for client_id",
    );
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let status = match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        (
            status,
            [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))],
            Json(self),
        )
            .into_response()
    }
}

/// A request that may be granted, exactly as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) client_id: String,
    pub(super) scopes: ScopeSet,
    pub(super) complex: Option<ComplexId>,
}

/// Authenticates the client and checks what it asks for. Nothing is ever taken away from a
/// request: it is granted whole or refused.
pub(super) fn judge(
    body: &[u8],
    certificate: &ClientCertificate,
    clients: &[Client],
) -> Result<Granted, TokenError> {
    let parameters: Vec<(String, String)> =
        url::form_urlencoded::parse(body).into_owned().collect();
    let one = |name: &str| {
        let mut values = parameters
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty());
        match (values.next(), values.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
            _ => Err(TokenError::new(
                "invalid_request",
                "a parameter is there twice",
            )),
        }
    };
    if parameters
        .iter()
        .any(|(key, _)| OTHER_AUTHENTICATION.contains(&key.as_str()))
    {
        return Err(TokenError::new(
            "invalid_request",
            "authenticate with the certificate only",
        ));
    }
    let client = authenticate(one("client_id")?, certificate, clients)?;
    match one("grant_type")? {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(TokenError::new(
                "unsupported_grant_type",
                "only client_credentials",
            ));
        }
        None => return Err(TokenError::new("invalid_request", "grant_type is missing")),
    }
    let asked = one("scope")?.and_then(|text| text.parse::<ScopeSet>().ok());
    let scopes = asked.filter(|asked| asked.0.iter().all(|scope| client.scopes.contains(scope)));
    let scopes = scopes.ok_or(TokenError::new(
        "invalid_scope",
        "a scope is missing, unknown or not this client's",
    ))?;
    let complex = resource(one("resource").map_err(|_| bad_target())?, &scopes, client)?;
    Ok(Granted {
        client_id: client.client_id.clone(),
        scopes,
        complex,
    })
}

/// RFC 8705 section 2.1: the SAN registered for the client must be in its certificate.
fn authenticate<'a>(
    client_id: Option<&str>,
    certificate: &ClientCertificate,
    clients: &'a [Client],
) -> Result<&'a Client, TokenError> {
    let client = clients
        .iter()
        .find(|client| Some(client.client_id.as_str()) == client_id);
    let client = client.ok_or(TokenError::INVALID_CLIENT)?;
    let known = match (
        &client.tls_client_auth_san_uri,
        &client.tls_client_auth_san_dns,
    ) {
        (Some(uri), None) => certificate.uris.contains(uri),
        (None, Some(dns)) => certificate.dns_names.contains(dns),
        _ => false,
    };
    if known {
        Ok(client)
    } else {
        Err(TokenError::INVALID_CLIENT)
    }
}

fn bad_target() -> TokenError {
    TokenError::new(
        "invalid_target",
        "resource: exactly one complex of this client's",
    )
}

fn resource(
    text: Option<&str>,
    scopes: &ScopeSet,
    client: &Client,
) -> Result<Option<ComplexId>, TokenError> {
    let Some(text) = text else {
        let needed = scopes.0.iter().any(|scope| scope.needs_complex());
        return if needed { Err(bad_target()) } else { Ok(None) };
    };
    let complex = text
        .strip_prefix(RESOURCE)
        .and_then(|id| ComplexId::parse(id).ok());
    let complex = complex.filter(|complex| client.complexes.contains(complex));
    complex.map(Some).ok_or_else(bad_target)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::oauth::Scope;

    fn judged(body: &str) -> Result<Granted, &'static str> {
        let client = Client {
            client_id: "command-svc".into(),
            tls_client_auth_san_uri: Some("spiffe://smarthome/command-svc".into()),
            tls_client_auth_san_dns: None,
            scopes: vec![
                Scope::DoorsOpen,
                Scope::CommandsRead,
                Scope::AttestationRead,
            ],
            complexes: vec![ComplexId::parse("sunrise").unwrap()],
        };
        let other = Client {
            client_id: "other".into(),
            tls_client_auth_san_uri: Some("spiffe://smarthome/other".into()),
            ..client.clone()
        };
        let certificate = ClientCertificate {
            thumbprint: [0; 32],
            uris: vec!["spiffe://smarthome/command-svc".into()],
            dns_names: Vec::new(),
        };
        judge(body.as_bytes(), &certificate, &[client, other]).map_err(|error| error.error)
    }

    const SUNRISE: &str = "&resource=urn%3Asmarthome%3Acomplex%3Asunrise";

    #[test]
    fn what_is_asked_is_granted_whole_or_refused() {
        let base = "grant_type=client_credentials&client_id=command-svc&scope=";
        let granted = judged(&format!("{base}doors:open+commands:read{SUNRISE}")).unwrap();
        assert_eq!(granted.scopes.to_string(), "doors:open commands:read");
        assert_eq!(granted.complex.unwrap().as_str(), "sunrise");
        assert!(
            judged(&format!("{base}attestation:read"))
                .unwrap()
                .complex
                .is_none()
        );

        let refused = |rest: &str| judged(&format!("{base}{rest}")).unwrap_err();
        assert_eq!(
            refused(&format!("doors:open+events:read{SUNRISE}")),
            "invalid_scope"
        );
        assert_eq!(refused(&format!("doors:opn{SUNRISE}")), "invalid_scope");
        assert_eq!(refused(SUNRISE), "invalid_scope");
        assert_eq!(refused("doors:open"), "invalid_target");
        assert_eq!(
            refused("doors:open&resource=urn:smarthome:complex:moonrise"),
            "invalid_target"
        );
        assert_eq!(
            refused(&format!("doors:open{SUNRISE}{SUNRISE}")),
            "invalid_target"
        );
        assert_eq!(
            refused(&format!("doors:open{SUNRISE}&client_secret=x")),
            "invalid_request"
        );
        assert_eq!(
            refused(&format!("doors:open{SUNRISE}&scope=doors:open")),
            "invalid_request"
        );
    }

    #[test]
    fn a_client_is_its_certificate() {
        let rest = format!("&scope=doors:open{SUNRISE}");
        let refused = |start: &str| judged(&format!("{start}{rest}")).unwrap_err();
        assert_eq!(
            refused("grant_type=client_credentials&client_id=other"),
            "invalid_client"
        );
        assert_eq!(refused("grant_type=client_credentials"), "invalid_client");
        assert_eq!(
            refused("grant_type=password&client_id=command-svc"),
            "unsupported_grant_type"
        );
        assert_eq!(refused("client_id=command-svc"), "invalid_request");
    }
}
