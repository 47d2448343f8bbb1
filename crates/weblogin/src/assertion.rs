//! How a client with a key proves itself: `private_key_jwt` (OpenID Connect Core 1.0, section 9; RFC 7523).

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use crate::config::ProviderConfig;
use crate::error::ProviderError;

/// RFC 7523, section 2.2.
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion holds, in seconds: for one request.
const LIVES: i64 = 60;

/// A client's key.
pub(crate) struct ClientKey {
    key: EncodingKey,
    header: Header,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

impl ClientKey {
    /// Reads it; none where the client is public.
    pub(crate) fn read(config: &ProviderConfig) -> Result<Option<Self>, ProviderError> {
        let Some(file) = &config.client_key else {
            return Ok(None);
        };
        let pem = file.read()?;
        let key = EncodingKey::from_ec_pem(&pem).map_err(|_| ProviderError::KeyKind)?;
        let header = Header {
            kid: config.client_key_id.clone(),
            ..Header::new(Algorithm::ES256)
        };
        Ok(Some(Self { key, header }))
    }

    /// The parameters of one request to the token endpoint `audience`.
    pub(crate) fn parameters(
        &self,
        client_id: &str,
        audience: &str,
    ) -> Result<[(&'static str, String); 2], ProviderError> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            iss: client_id,
            sub: client_id,
            aud: audience,
            jti: Uuid::new_v4(),
            iat: now,
            exp: now + LIVES,
        };
        let signed = jsonwebtoken::encode(&self.header, &claims, &self.key);
        let signed = signed.map_err(|_| ProviderError::KeyKind)?;
        Ok([
            ("client_assertion_type", TYPE.to_owned()),
            ("client_assertion", signed),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_assertion_is_the_clients_for_one_endpoint_and_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let pki = harness::pki::Pki::create(&folder.path().join("pki")).unwrap();
        let own = pki.issue_server("app", &[]).unwrap();
        let config: ProviderConfig = serde_json::from_value(serde_json::json!({
            "issuer": "https://login.example", "client_id": "app",
            "client_key": own.private_key, "client_key_id": "k1",
        }))
        .unwrap();
        let key = ClientKey::read(&config).unwrap().unwrap();
        let endpoint = "https://login.example/token";
        let [(_, kind), (_, signed)] = key.parameters("app", endpoint).unwrap();
        let [_, (_, another)] = key.parameters("app", endpoint).unwrap();
        assert_eq!(kind, TYPE);
        assert_ne!(signed, another, "each is for one request");
        let jwk = Jwk::from_encoding_key(&key.key, Algorithm::ES256).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[endpoint]);
        let public = DecodingKey::from_jwk(&jwk).unwrap();
        let read = jsonwebtoken::decode::<Value>(&signed, &public, &validation).unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("k1"));
        assert_eq!(
            (&read.claims["iss"], &read.claims["sub"]),
            (&"app".into(), &"app".into())
        );
        let lives = read.claims["exp"].as_i64().unwrap() - read.claims["iat"].as_i64().unwrap();
        assert_eq!(lives, 60);
        validation.set_audience(&["https://other.example/token"]);
        assert!(jsonwebtoken::decode::<Value>(&signed, &public, &validation).is_err());
    }
}
