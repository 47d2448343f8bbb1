//! ID tokens (OpenID Connect Core 1.0, section 2): who has logged in, told to the client itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jsonwebtoken::Validation;
use serde::Deserialize;
use service::config::ConfigPath;

use super::claims::{LEEWAY, UserId, time};
use super::config::{IssuerConfig, IssuerConfigError, default_algorithms};
use super::config::{default_max_key_age, default_refetch_interval};
use super::error::TokenError;
use super::header::{Header, is_id_token};
use super::keys::Keys;
use super::source::KeySource;
use super::verifier::refusal;

/// What an ID token says, once its signature is believed.
#[derive(Clone, Debug)]
pub struct IdToken {
    /// Who has logged in.
    pub subject: UserId,
    /// Of the request that it answers; to be compared by the client.
    pub nonce: Option<String>,
    /// When they last proved who they are; there where a request asked for it.
    pub auth_time: Option<Timestamp>,
    /// How strongly they did (section 2).
    pub acr: Option<String>,
}

/// Checks the ID tokens that one issuer gives to one client. A clone shares its keys.
#[derive(Clone)]
pub struct IdTokenVerifier {
    config: Arc<IssuerConfig>,
    keys: Arc<Keys>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: serde_json::Value,
    azp: Option<String>,
    iat: f64,
    nonce: Option<String>,
    auth_time: Option<f64>,
    acr: Option<String>,
}

impl IdTokenVerifier {
    /// Prepares; the issuer is first called for the first token.
    ///
    /// # Errors
    /// [`IssuerConfigError`], which names the key.
    pub fn new(
        issuer: &str,
        client_id: &str,
        ca_file: Option<&Path>,
    ) -> Result<Self, IssuerConfigError> {
        let config = IssuerConfig {
            issuer: issuer.to_owned(),
            audience: client_id.to_owned(),
            allowed_clients: vec![client_id.to_owned()],
            required_scope: None,
            jwks_uri: None,
            ca_file: ca_file.map(ConfigPath::from),
            max_key_age: default_max_key_age(),
            refetch_interval: default_refetch_interval(),
            algorithms: default_algorithms(),
            accept_plain_jwt_typ: true,
            insecure: false,
        };
        config.validate()?;
        let config = Arc::new(config);
        let source = KeySource::new(Arc::clone(&config))?;
        let (age, interval) = (config.max_key_age, config.refetch_interval);
        let keys = Keys::new(source, age, interval, Arc::new(Instant::now));
        Ok(Self { config, keys })
    }

    /// Checks a token as OpenID Connect Core 1.0, section 3.1.3.7 says, but for the nonce.
    ///
    /// # Errors
    /// [`TokenError`], whose [`reason`](TokenError::reason) holds nothing of the token.
    pub async fn verify(&self, token: &str) -> Result<IdToken, TokenError> {
        let header = Header::read(token, &self.config.algorithms, is_id_token)?;
        let set = self.keys.set_with(&header.kid).await?;
        let key = set.get(&header.kid).ok_or(TokenError::UnknownKey)?;
        if !key.algorithms.contains(&header.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let mut validation = Validation::new(header.algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY.unsigned_abs().as_secs();
        let token = jsonwebtoken::decode::<Claims>(token, &key.key, &validation)
            .map_err(|error| refusal(error.kind()))?;
        self.check(token.claims, Timestamp::now())
    }

    fn check(&self, claims: Claims, now: Timestamp) -> Result<IdToken, TokenError> {
        if time(claims.iat, "iat")? > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        let shared = claims.aud.as_array().is_some_and(|all| all.len() > 1);
        let ours = claims.azp.as_ref() == Some(&self.config.audience);
        if (shared || claims.azp.is_some()) && !ours {
            return Err(TokenError::ClientNotAllowed);
        }
        if claims.sub.is_empty() {
            return Err(TokenError::MissingClaim("sub"));
        }
        Ok(IdToken {
            subject: UserId::new(claims.sub),
            nonce: claims.nonce,
            auth_time: claims
                .auth_time
                .map(|seconds| time(seconds, "auth_time"))
                .transpose()?,
            acr: claims.acr,
        })
    }
}
