//! What an issuer gives.

use std::time::Duration;

use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{ExtraTokenFields, StandardTokenResponse, TokenResponse as _};
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;

/// What a login or a renewal gives. Has no `Debug`, so that no log shows it.
#[derive(Clone)]
pub struct Tokens {
    /// For services (RFC 9068).
    pub access_token: String,
    /// For the next renewal; works once. None: the one before goes on (RFC 6749, section 6).
    pub refresh_token: Option<String>,
    /// Who has logged in; where the scope has `openid`.
    pub id_token: Option<String>,
    /// How long the access token holds, where the issuer says it.
    pub expires_in: Option<Duration>,
}

pub(crate) type Answer = StandardTokenResponse<More, BasicTokenType>;

pub(crate) type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    oauth2::basic::BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
>;

/// What OpenID Connect adds.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct More {
    id_token: Option<String>,
}

impl ExtraTokenFields for More {}

impl TryFrom<Answer> for Tokens {
    type Error = ProviderError;

    fn try_from(answer: Answer) -> Result<Self, ProviderError> {
        if !matches!(answer.token_type(), BasicTokenType::Bearer) {
            return Err(ProviderError::NotBearer);
        }
        Ok(Self {
            access_token: answer.access_token().secret().clone(),
            refresh_token: answer.refresh_token().map(|token| token.secret().clone()),
            id_token: answer.extra_fields().id_token.clone(),
            expires_in: answer.expires_in(),
        })
    }
}
