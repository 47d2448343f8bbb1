//! What an access token says (RFC 9068, section 2.2), once its signature is believed.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::config::IssuerConfig;
use super::error::TokenError;
use crate::peer::Thumbprint;

/// How far apart the clocks may be.
pub(super) const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

/// A user as the issuer knows it (`sub`): personal data, so it shows itself only on demand.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserId(String);

impl UserId {
    /// Of the text that an issuer gave.
    pub fn new(sub: impl Into<String>) -> Self {
        Self(sub.into())
    }

    /// The id itself. It must reach no log, metric, trace, error or partner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(redacted)")
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Of its text.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// An authorization server (`iss`).
    Issuer
}
name! {
    /// The application that a token was issued to.
    ClientId
}

/// A token that was checked: whom it is about and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Who issued it.
    pub issuer: Issuer,
    /// Whom it is about.
    pub subject: UserId,
    /// The application that it was issued to.
    pub client_id: ClientId,
    /// What was granted (RFC 8693, section 4.2).
    pub scopes: BTreeSet<String>,
    /// From `roles`, or Keycloak's `realm_access.roles`.
    pub roles: BTreeSet<String>,
    /// From `complexes`: the complexes that an auditor or operator is for, unparsed.
    pub complexes: Vec<String>,
    /// When the user last proved who they are.
    pub auth_time: Option<Timestamp>,
    /// How strongly they did (OpenID Connect Core, section 2).
    pub acr: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// The certificate that only its holder may present it with (RFC 8705, section 3).
    pub bound_to: Option<Thumbprint>,
}

/// The claims as they stand in the token. Kinds are strict; presence is checked after.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    exp: Option<f64>,
    iat: Option<f64>,
    client_id: Option<String>,
    azp: Option<String>,
    scope: Option<String>,
    roles: Option<BTreeSet<String>>,
    realm_access: Option<RealmAccess>,
    #[serde(default)]
    complexes: Vec<String>,
    auth_time: Option<f64>,
    acr: Option<String>,
    cnf: Option<serde_json::Map<String, serde_json::Value>>,
    /// Keycloak's own: `Bearer`, `ID`, `Refresh`.
    typ: Option<String>,
}

#[derive(Deserialize)]
struct RealmAccess {
    #[serde(default)]
    roles: BTreeSet<String>,
}

impl Claims {
    /// Checks what jsonwebtoken doesn't, for a caller with this certificate.
    pub(super) fn check(
        self,
        config: &IssuerConfig,
        presenter: Option<&Thumbprint>,
        now: Timestamp,
    ) -> Result<AccessToken, TokenError> {
        let missing = TokenError::MissingClaim;
        let issuer = self.iss.ok_or(missing("iss"))?;
        if issuer != config.issuer {
            return Err(TokenError::WrongIssuer);
        }
        let issued_at = time(self.iat.ok_or(missing("iat"))?, "iat")?;
        if issued_at > now + LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if config.accept_plain_jwt_typ && self.typ.is_some_and(|typ| typ != "Bearer") {
            return Err(TokenError::WrongType);
        }
        let scopes: BTreeSet<String> = self
            .scope
            .iter()
            .flat_map(|scopes| scopes.split(' '))
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(required) = &config.required_scope
            && !scopes.contains(required)
        {
            return Err(TokenError::MissingScope);
        }
        let roles = self.roles.or(self.realm_access.map(|realm| realm.roles));
        Ok(AccessToken {
            issuer: Issuer(issuer),
            subject: self
                .sub
                .filter(|sub| !sub.is_empty())
                .map(UserId)
                .ok_or(missing("sub"))?,
            client_id: client(self.client_id, self.azp, &config.allowed_clients)?,
            scopes,
            roles: roles.unwrap_or_default(),
            complexes: self.complexes,
            auth_time: self
                .auth_time
                .map(|seconds| time(seconds, "auth_time"))
                .transpose()?,
            acr: self.acr,
            expires_at: time(self.exp.ok_or(missing("exp"))?, "exp")?,
            bound_to: self.cnf.map(|cnf| holder(&cnf, presenter)).transpose()?,
        })
    }
}

/// `client_id` (RFC 9068) or `azp` (OpenID Connect, Keycloak); where both stand, both must agree.
fn client(
    client_id: Option<String>,
    azp: Option<String>,
    allowed: &[String],
) -> Result<ClientId, TokenError> {
    let client = match (client_id, azp) {
        (Some(client_id), Some(azp)) if client_id != azp => None,
        (client_id, azp) => client_id.or(azp),
    };
    client
        .filter(|client| allowed.contains(client))
        .map(ClientId)
        .ok_or(TokenError::ClientNotAllowed)
}

/// The only confirmation that can be checked here is a certificate; any other is a refusal.
fn holder(
    cnf: &serde_json::Map<String, serde_json::Value>,
    presenter: Option<&Thumbprint>,
) -> Result<Thumbprint, TokenError> {
    let bound_to = cnf
        .get("x5t#S256")
        .and_then(serde_json::Value::as_str)
        .filter(|_| cnf.len() == 1)
        .and_then(|text| text.parse::<Thumbprint>().ok())
        .ok_or(TokenError::NotTheHolder)?;
    match presenter {
        Some(presenter) if *presenter == bound_to => Ok(bound_to),
        _ => Err(TokenError::NotTheHolder),
    }
}

/// A NumericDate (RFC 7519, section 2), cut to whole seconds.
pub(super) fn time(seconds: f64, claim: &'static str) -> Result<Timestamp, TokenError> {
    // Casts of floats saturate, and jiff refuses what is outside its range.
    #[allow(clippy::cast_possible_truncation)]
    Timestamp::from_second(seconds as i64).map_err(|_| TokenError::Malformed(claim))
}
