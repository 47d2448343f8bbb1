//! What the tokens say.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::config::Config;
use crate::grants::Granted;
use crate::keys::{KeyRing, TokenType};
use crate::refusal::{Code, Refusal};
use crate::scope::Scope;

/// The only way to log in here, a password: the lowest level.
const ACR: &str = "1";

/// An access token (RFC 9068, section 2.2), with the complexes that the user deals with.
#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    exp: i64,
    iat: i64,
    jti: Uuid,
    scope: &'a str,
    auth_time: i64,
    acr: &'static str,
    roles: &'a [String],
    complexes: &'a [String],
}

/// An ID token (OpenID Connect Core 1.0, section 2).
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    acr: &'static str,
    sid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// The token endpoint's answer (RFC 6749, section 5.1).
#[derive(Serialize)]
pub(crate) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// Signs the tokens of a grant; `narrowed` is a smaller scope than the login's, where one was asked for.
pub(crate) fn mint(
    config: &Config,
    keys: &KeyRing,
    granted: Granted,
    narrowed: Option<Scope>,
    now: Timestamp,
) -> Result<TokenResponse, Refusal> {
    let gone = Refusal::new(Code::InvalidGrant, "the user or the client is gone");
    let Granted {
        login,
        session,
        refresh_token,
    } = granted;
    let user = config.user(&login.username).ok_or(gone)?;
    let client = config.client(&login.client_id).ok_or(gone)?;
    let granted_scope = narrowed.as_ref().unwrap_or(&login.scope);
    let scope = granted_scope.to_string();
    let (iat, auth_time) = (now.as_second(), login.auth_time.as_second());
    let exp = (now + config.access_token_ttl()).as_second();

    let access_token = keys.sign(
        TokenType::Access,
        &AccessClaims {
            iss: config.issuer(),
            sub: &user.sub,
            aud: &client.audience,
            client_id: &client.client_id,
            exp,
            iat,
            jti: Uuid::new_v4(),
            scope: &scope,
            auth_time,
            acr: ACR,
            roles: &user.roles,
            complexes: &user.complexes,
        },
    )?;
    let id_claims = IdClaims {
        iss: config.issuer(),
        sub: &user.sub,
        aud: &client.client_id,
        exp,
        iat,
        auth_time,
        acr: ACR,
        sid: session,
        nonce: login.nonce.as_deref(),
    };
    let id_token = granted_scope
        .contains("openid")
        .then(|| keys.sign(TokenType::Id, &id_claims))
        .transpose()?;
    Ok(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: config.access_token_ttl().as_secs(),
        refresh_token,
        scope,
        id_token,
    })
}
