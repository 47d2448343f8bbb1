//! Who is calling: the peer's certificate, and the owner's access token.

use authn::peer::{AllowedPeers, PeerIdentity};
use authn::token::{AccessToken, AccessTokenVerifier, bearer};
use domain::CallerName;
use jiff::Timestamp;
use tonic::Request;

use crate::refusal::Refusal;

/// The certificate's name, if it is on the list.
///
/// # Errors
/// No certificate, or not one that is allowed.
pub(crate) fn caller<T>(
    request: &Request<T>,
    allowed: &AllowedPeers,
) -> Result<CallerName, Refusal> {
    let peer = request
        .extensions()
        .get::<PeerIdentity>()
        .ok_or(Refusal::Caller)?;
    let name = allowed.admit(peer).map_err(|_| Refusal::Caller)?;
    name.as_str().parse().map_err(|_| Refusal::Caller)
}

/// The owner's token, verified.
///
/// # Errors
/// It is missing, malformed or not good, or the issuer's keys can't be had.
pub(crate) async fn owner<T>(
    request: &Request<T>,
    verifier: &AccessTokenVerifier,
) -> Result<AccessToken, Refusal> {
    let missing = || Refusal::Token {
        reason: "TOKEN_MISSING",
        text: "expected metadata `authorization: Bearer <access token>`".to_owned(),
    };
    let mut values = request.metadata().get_all("authorization").iter();
    let header = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(missing());
    }
    let header = header.to_str().map_err(|_| missing())?;
    let peer = request
        .extensions()
        .get::<PeerIdentity>()
        .map(PeerIdentity::thumbprint);
    let refused = |error: authn::token::TokenError| {
        if error.is_unavailable() {
            Refusal::KeysUnavailable
        } else {
            Refusal::Token {
                reason: error.reason(),
                text: error.to_string(),
            }
        }
    };
    let token = bearer(header).map_err(refused)?;
    verifier.verify(token, peer.as_ref()).await.map_err(refused)
}

/// The longest `acr` that is looked at, in characters; of a longer one nothing is known.
const MAX_ACR: usize = 64;

/// How an owner last logged in; of a guest nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    /// When.
    pub auth_time: Option<Timestamp>,
    /// Authentication context class.
    pub acr: Option<String>,
}

/// What a token says of its owner's login.
pub(crate) fn login(token: &AccessToken) -> Login {
    let sane =
        |acr: &&String| acr.len() <= MAX_ACR && acr.bytes().all(|byte| byte.is_ascii_graphic());
    Login {
        auth_time: token.auth_time,
        acr: token
            .acr
            .as_ref()
            .filter(sane)
            .filter(|acr| !acr.is_empty())
            .cloned(),
    }
}
