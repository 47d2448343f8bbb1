//! From a bearer token to what it says.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use super::claims::{AccessToken, Claims, LEEWAY};
use super::config::{IssuerConfig, IssuerConfigError};
use super::error::TokenError;
use super::header::{Header, is_access_token};
use super::keys::{Clock, Keys};
use super::source::KeySource;
use crate::peer::Thumbprint;

/// Checks the access tokens of one issuer. A clone shares its keys.
#[derive(Clone)]
pub struct AccessTokenVerifier {
    config: Arc<IssuerConfig>,
    keys: Arc<Keys>,
}

impl AccessTokenVerifier {
    /// Prepares; the issuer is first called for the first token or by [`Self::refresh`].
    ///
    /// # Errors
    /// [`IssuerConfigError`], which names the key.
    pub fn new(config: IssuerConfig) -> Result<Self, IssuerConfigError> {
        Self::with_clock(config, Arc::new(Instant::now))
    }

    /// As [`Self::new`], with a clock of its own for the age of keys.
    pub(super) fn with_clock(
        config: IssuerConfig,
        clock: Clock,
    ) -> Result<Self, IssuerConfigError> {
        config.validate()?;
        if config.insecure {
            tracing::warn!(
                issuer = config.issuer,
                "the issuer's keys may be fetched in plain text (insecure = true); \
                 whoever is on the path can forge tokens"
            );
        }
        let config = Arc::new(config);
        let source = KeySource::new(Arc::clone(&config))?;
        let keys = Keys::new(source, config.max_key_age, config.refetch_interval, clock);
        Ok(Self { config, keys })
    }

    /// Fetches the issuer's keys now, unless that was just done; for readiness.
    ///
    /// # Errors
    /// [`TokenError::KeysUnavailable`].
    pub async fn refresh(&self) -> Result<(), TokenError> {
        self.keys.refresh().await
    }

    /// Checks a token (without the word `Bearer`) that a peer with the certificate `presenter`
    /// sent. A token that is bound to a certificate is taken from that peer only.
    ///
    /// # Errors
    /// [`TokenError`]; [`TokenError::is_unavailable`] tells those of this side.
    pub async fn verify(
        &self,
        bearer: &str,
        presenter: Option<&Thumbprint>,
    ) -> Result<AccessToken, TokenError> {
        let header = self.header(bearer)?;
        let set = self.keys.set_with(&header.kid).await?;
        let key = set.get(&header.kid).ok_or(TokenError::UnknownKey)?;
        if !key.algorithms.contains(&header.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let validation = self.validation(header.algorithm);
        let token = jsonwebtoken::decode::<Claims>(bearer, &key.key, &validation)
            .map_err(|error| refusal(error.kind()))?;
        token
            .claims
            .check(&self.config, presenter, Timestamp::now())
    }

    fn header(&self, bearer: &str) -> Result<Header, TokenError> {
        let plain = self.config.accept_plain_jwt_typ;
        Header::read(bearer, &self.config.algorithms, |typ| {
            is_access_token(typ, plain)
        })
    }

    /// The library's defaults take a token without `aud` or `iss`, don't look at `nbf`, and allow
    /// a minute of leeway.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY.unsigned_abs().as_secs();
        validation
    }
}

/// The token of an `Authorization` header's value (RFC 6750, section 2.1).
///
/// # Errors
/// [`TokenError::Missing`].
pub fn bearer(authorization: &str) -> Result<&str, TokenError> {
    let (scheme, token) = authorization.split_once(' ').ok_or(TokenError::Missing)?;
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(TokenError::Missing);
    }
    Ok(token)
}

pub(super) fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::BadSignature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYetValid,
        ErrorKind::InvalidIssuer => TokenError::WrongIssuer,
        ErrorKind::InvalidAudience => TokenError::WrongAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            TokenError::AlgorithmNotAllowed
        }
        ErrorKind::MissingRequiredClaim(claim) => TokenError::MissingClaim(known(claim)),
        ErrorKind::InvalidClaimFormat(claim) => TokenError::Malformed(known(claim)),
        ErrorKind::Base64(_) | ErrorKind::InvalidToken => TokenError::Malformed("encoding"),
        _ => TokenError::Malformed("claims"),
    }
}

/// Errors hold no text that came with the token.
fn known(claim: &str) -> &'static str {
    ["exp", "iss", "aud", "sub", "nbf"]
        .into_iter()
        .find(|known| *known == claim)
        .unwrap_or("claims")
}
