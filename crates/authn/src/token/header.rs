//! The JOSE header (RFC 7515, section 4), read before anything of the token is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::config::SigningAlgorithm;
use super::error::TokenError;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// What decides with which key and algorithm the signature is checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
}

/// A member that is present with `null` is present: hence values, not options.
#[derive(Deserialize)]
struct Members {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    /// Reads it; `accepts` says which `typ` is taken.
    pub(super) fn read(
        token: &str,
        algorithms: &[SigningAlgorithm],
        accepts: impl Fn(Option<&str>) -> bool,
    ) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed("too long"));
        }
        let malformed = TokenError::Malformed("header");
        let header = match *token.split('.').collect::<Vec<_>>() {
            [header, claims, _] if !header.is_empty() && !claims.is_empty() => header,
            _ => return Err(TokenError::Malformed("not three parts")),
        };
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed)?;
        let members: Members = serde_json::from_slice(&json).map_err(|_| malformed)?;
        if members.crit {
            return Err(TokenError::CriticalHeader);
        }
        let algorithm = algorithms
            .iter()
            .map(|allowed| allowed.jws())
            .find(|allowed| name(*allowed) == members.alg)
            .ok_or(TokenError::AlgorithmNotAllowed)?;
        if !accepts(members.typ.as_deref()) {
            return Err(TokenError::WrongType);
        }
        let kid = members.kid.ok_or(TokenError::Malformed("no kid"))?;
        Ok(Self { algorithm, kid })
    }
}

/// RFC 9068, section 4; media types know no case (RFC 7515, section 4.1.9).
pub(super) fn is_access_token(typ: Option<&str>, plain: bool) -> bool {
    let Some(typ) = typ else { return false };
    let accepts = |name: &str| typ.eq_ignore_ascii_case(name);
    accepts("at+jwt") || accepts("application/at+jwt") || (plain && accepts("JWT"))
}

/// `JWT` or nothing; never an access token, which its receiver alone may look into.
pub(super) fn is_id_token(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"))
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::EdDSA => "EdDSA",
        _ => "",
    }
}
