//! The answer that the browser brings from the issuer (RFC 6749, section 4.1.2).

use url::Url;

use crate::provider::Provider;

/// An authorization code. Works once.
pub struct Code(pub(crate) String);

/// Why an answer holds no code.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Mixed up (RFC 9207, section 2.4).
    #[error("the answer comes from another issuer")]
    AnotherIssuer,
    /// The same, as far as can be told.
    #[error("the answer does not say which issuer it is from")]
    NoIssuer,
    /// By the person, or by the issuer.
    #[error("the login was refused, or called off in the browser")]
    Denied,
    /// In words of the standard (RFC 6749, section 4.1.2.1).
    #[error("the issuer refused: {0}; look at `client_id`, `scope` and `resource` in [login]")]
    Refused(String),
    /// In other words.
    #[error("the issuer refused, and not in words of the standard")]
    Unclear,
    /// Neither code nor refusal.
    #[error("the issuer's answer holds no code")]
    NoCode,
}

/// The code, once it is certain whose answer it is. The state is compared by the caller, first.
///
/// # Errors
/// [`AnswerError`].
pub fn code(target: &Url, provider: &Provider) -> Result<Code, AnswerError> {
    match one(target, "iss") {
        Some(told) if told != provider.name() => return Err(AnswerError::AnotherIssuer),
        None if provider.names_itself() => return Err(AnswerError::NoIssuer),
        _ => {}
    }
    match one(target, "error").as_deref() {
        Some("access_denied") => Err(AnswerError::Denied),
        Some(error) if error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
            Err(AnswerError::Refused(error.to_owned()))
        }
        Some(_) => Err(AnswerError::Unclear),
        None => one(target, "code").map(Code).ok_or(AnswerError::NoCode),
    }
}

/// A parameter that stands there once.
pub fn one(url: &Url, name: &str) -> Option<String> {
    let mut values = url.query_pairs().filter(|(key, _)| key == name);
    let value = values.next().map(|(_, value)| value.into_owned());
    value.filter(|_| values.next().is_none())
}
