//! The authorization servers, and what a test may do to each.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use authn::token::{AccessTokenVerifier, TokenError};
use harness::engines::apps::{OWNER, RESIDENT};
use harness::engines::keycloak::{Keycloak, Realm};
use harness::engines::oidc_provider::OidcProvider;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What becomes of a scope that nobody has heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// The request is refused (RFC 6749, section 4.1.2.1).
    Refused,
    /// It is left out of what is granted (section 3.3).
    LeftOut,
}

/// An authorization server with the apps of [`APPS`](harness::engines::apps::APPS) and their owner.
pub(crate) trait Server: Sized {
    /// What it does with an unknown scope.
    const UNHEARD: Unheard;
    /// What its refresh tokens are as access tokens.
    const REFRESH_TOKEN: TokenError;
    /// What its ID tokens are to a service that is as lax as it can be configured.
    const ID_TOKEN: TokenError;

    /// Starts one whose access tokens live so long; none where it can't be had, which was said.
    async fn start(access_token_ttl: Duration) -> Result<Option<Self>>;

    /// The issuer identifier.
    fn issuer(&self) -> String;

    /// What vouches for its server certificate.
    fn roots(&self) -> &Path;

    /// The owner's `sub`.
    fn subject(&self) -> &str {
        OWNER.sub
    }

    /// Signs with a new key from now on; the old one stays published.
    async fn rotate(&mut self) -> Result<()>;

    /// Withdraws every key but the newest.
    async fn withdraw(&mut self) -> Result<()>;
}

/// `[issuer]` of a service that trusts this server.
pub(crate) fn trust(server: &impl Server) -> Value {
    json!({
        "issuer": server.issuer(),
        "audience": RESIDENT.audience,
        "allowed_clients": [RESIDENT.client_id],
        "required_scope": "access",
        "ca_file": server.roots(),
    })
}

/// What checks tokens in such a service.
pub(crate) fn verifier(trust: Value) -> Result<AccessTokenVerifier> {
    Ok(AccessTokenVerifier::new(serde_json::from_value(trust)?)?)
}

impl Server for Realm {
    const UNHEARD: Unheard = Unheard::Refused;
    // HS512, for its own eyes.
    const REFRESH_TOKEN: TokenError = TokenError::AlgorithmNotAllowed;
    // Its ID tokens say so in a claim, `typ`.
    const ID_TOKEN: TokenError = TokenError::WrongType;

    async fn start(access_token_ttl: Duration) -> Result<Option<Self>> {
        Keycloak::realm(access_token_ttl).await
    }

    fn issuer(&self) -> String {
        self.issuer().to_owned()
    }

    fn roots(&self) -> &Path {
        self.roots()
    }

    fn subject(&self) -> &str {
        self.subject()
    }

    async fn rotate(&mut self) -> Result<()> {
        self.rotate().await
    }

    async fn withdraw(&mut self) -> Result<()> {
        self.withdraw().await
    }
}

/// oidc-provider with its folder.
pub(crate) struct Provider {
    // Dropped first: no process outlives its folder.
    server: OidcProvider,
    _dir: TempDir,
}

impl Server for Provider {
    const UNHEARD: Unheard = Unheard::LeftOut;
    // Not a JWT.
    const REFRESH_TOKEN: TokenError = TokenError::Malformed("not three parts");
    // No `typ` at all.
    const ID_TOKEN: TokenError = TokenError::WrongType;

    async fn start(access_token_ttl: Duration) -> Result<Option<Self>> {
        let dir = tempfile::tempdir()?;
        let server = OidcProvider::start(dir.path(), access_token_ttl).await?;
        Ok(server.map(|server| Self { server, _dir: dir }))
    }

    fn issuer(&self) -> String {
        self.server.issuer()
    }

    fn roots(&self) -> &Path {
        self.server.roots()
    }

    async fn rotate(&mut self) -> Result<()> {
        self.server.rotate().await
    }

    async fn withdraw(&mut self) -> Result<()> {
        self.server.withdraw().await
    }
}
