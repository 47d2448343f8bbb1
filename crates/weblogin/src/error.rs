//! What goes wrong with an issuer. No text holds a token or a code.

use authn::token::IssuerConfigError;
use service::config::SecretError;

/// Why an issuer can't be used, or gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The roots or the HTTP client.
    #[error(transparent)]
    Config(#[from] IssuerConfigError),
    /// The client's own key.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The client's own key is of another kind.
    #[error("`client_key` is no P-256 key in PEM (PKCS#8)")]
    KeyKind,
    /// Nothing came back.
    #[error(
        "can't reach {location}; look at `issuer` and `ca_file` in [login], and at the network"
    )]
    Unreachable {
        /// What was asked.
        location: String,
        /// What the HTTP client said, without the address.
        #[source]
        error: reqwest::Error,
    },
    /// An answer that is none.
    #[error("{location} answered {status}; look at `issuer` in [login]")]
    Answered {
        /// What was asked.
        location: String,
        /// What came.
        status: http::StatusCode,
    },
    /// Metadata that can't be used (OpenID Connect Discovery 1.0, section 4.3).
    #[error("{location} {problem}")]
    Metadata {
        /// Where it is.
        location: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A refusal (RFC 6749, section 5.2).
    #[error("the issuer gave no token: {0}; log in again")]
    Refused(String),
    /// Not an answer of a token endpoint.
    #[error("{0} gave an answer that can't be read; try again")]
    Unreadable(String),
    /// A token that only its holder could use.
    #[error("the issuer gave a token that is not a bearer token; it can't be used here")]
    NotBearer,
}

impl ProviderError {
    /// Whether the issuer certainly never saw the request.
    pub fn never_sent(&self) -> bool {
        matches!(self, Self::Unreachable { error, .. } if error.is_connect())
    }
}

/// An error and what caused it, in one line.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Why a token is not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// Only a new login helps.
    #[error("the login has ended")]
    Over,
    /// It may work another time.
    #[error(transparent)]
    Failed(#[from] ProviderError),
}
