//! Why a token isn't taken.

/// Why a token isn't taken. No variant holds any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token, or not in the form of RFC 6750, section 2.1.
    #[error("no bearer token; send `authorization: Bearer <access token>`")]
    Missing,
    /// Not a JWS of the expected shape, or a claim of the wrong kind.
    #[error("the access token is malformed ({0}); ask the authorization server for a new one")]
    Malformed(&'static str),
    /// `typ` isn't that of an access token (RFC 9068, section 4).
    #[error("the token is no access token (`typ`); don't send an ID or refresh token")]
    WrongType,
    /// The header has `crit` (RFC 7515, section 4.1.11); none of its extensions is understood.
    #[error("the access token demands extensions (`crit`) that aren't supported")]
    CriticalHeader,
    /// `none`, a shared-secret algorithm, one that isn't configured, or not the key's own.
    #[error("the access token is signed with an algorithm that isn't allowed")]
    AlgorithmNotAllowed,
    /// The issuer publishes no such key.
    #[error("the access token is signed with a key that its issuer doesn't publish")]
    UnknownKey,
    /// The signature isn't the key's.
    #[error("the access token's signature is wrong")]
    BadSignature,
    /// `exp` has passed.
    #[error("the access token has expired; refresh it")]
    Expired,
    /// `nbf` or `iat` is still to come.
    #[error("the access token isn't valid yet; check the clocks")]
    NotYetValid,
    /// `iss` is another's.
    #[error("the access token is of another issuer")]
    WrongIssuer,
    /// `aud` doesn't name this service.
    #[error("the access token is for another audience; ask for one for this service")]
    WrongAudience,
    /// A claim that RFC 9068, section 2.2 requires isn't there.
    #[error("the access token has no `{0}`")]
    MissingClaim(&'static str),
    /// `client_id` or `azp` isn't one of the allowed clients, or they disagree.
    #[error("the access token was issued to a client that isn't allowed here")]
    ClientNotAllowed,
    /// `scope` lacks the required one.
    #[error("the access token lacks the scope for this service; ask for it at login")]
    MissingScope,
    /// The token is bound (`cnf`, RFC 7800) to something that the caller didn't present.
    #[error("the access token is bound to another certificate than the caller's")]
    NotTheHolder,
    /// The issuer's keys aren't known and can't be fetched: nothing can be said about the token.
    #[error("the issuer's keys can't be fetched; try again shortly")]
    KeysUnavailable,
}

impl TokenError {
    /// Whether trying again may help, because this side lacks something. Everything else is the
    /// token's own fault.
    pub fn is_unavailable(self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }

    /// A stable name for metrics and `google.rpc.ErrorInfo`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::Malformed(_) => "TOKEN_MALFORMED",
            Self::WrongType => "TOKEN_WRONG_TYPE",
            Self::CriticalHeader => "TOKEN_CRITICAL_HEADER",
            Self::AlgorithmNotAllowed => "TOKEN_ALGORITHM_NOT_ALLOWED",
            Self::UnknownKey => "TOKEN_UNKNOWN_KEY",
            Self::BadSignature => "TOKEN_BAD_SIGNATURE",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYetValid => "TOKEN_NOT_YET_VALID",
            Self::WrongIssuer => "TOKEN_WRONG_ISSUER",
            Self::WrongAudience => "TOKEN_WRONG_AUDIENCE",
            Self::MissingClaim(_) => "TOKEN_MISSING_CLAIM",
            Self::ClientNotAllowed => "TOKEN_CLIENT_NOT_ALLOWED",
            Self::MissingScope => "TOKEN_MISSING_SCOPE",
            Self::NotTheHolder => "TOKEN_NOT_THE_HOLDER",
            Self::KeysUnavailable => "TOKEN_KEYS_UNAVAILABLE",
        }
    }
}
