//! The problem types of the contract (RFC 9457). Clients decide by these, never by a bare status.

use crate::text::PartnerText;
use crate::transport::{Answer, Media};
use crate::wire;

macro_rules! problems {
    ($($variant:ident = $status:literal $slug:literal,)*) => {
        /// A problem that the contract knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Problem {
            $($variant,)*
        }

        impl Problem {
            #[cfg(test)]
            pub(crate) const ALL: &'static [Problem] = &[$(Problem::$variant,)*];

            /// The HTTP status that goes with it.
            pub(crate) fn status(self) -> u16 {
                match self { $(Problem::$variant => $status,)* }
            }

            /// Last part of its type.
            pub(crate) fn slug(self) -> &'static str {
                match self { $(Problem::$variant => $slug,)* }
            }

            fn from_slug(slug: &str) -> Option<Self> {
                match slug { $($slug => Some(Problem::$variant),)* _ => None }
            }
        }
    };
}

problems! {
    InvalidRequest = 400 "invalid-request",
    TokenMissing = 401 "token-missing",
    TokenInvalid = 401 "token-invalid",
    InsufficientScope = 403 "insufficient-scope",
    WrongResource = 403 "wrong-resource",
    NotFound = 404 "not-found",
    UnknownDevice = 404 "unknown-device",
    UnknownCommand = 404 "unknown-command",
    MethodNotAllowed = 405 "method-not-allowed",
    KeyReused = 409 "key-reused",
    KeyVersionConflict = 409 "key-version-conflict",
    UnknownKeyVersion = 409 "unknown-key-version",
    Expired = 410 "expired",
    Cancelled = 410 "cancelled",
    CursorExpired = 410 "cursor-expired",
    BodyTooLarge = 413 "body-too-large",
    UnsupportedMediaType = 415 "unsupported-media-type",
    DeviceOffline = 422 "device-offline",
    OperationNotSupported = 422 "operation-not-supported",
    UnwrapFailed = 422 "unwrap-failed",
    RateLimited = 429 "rate-limited",
    Internal = 500 "internal",
    Unavailable = 503 "unavailable",
}

const TYPE: &str = "urn:smarthome:problem:";

impl Problem {
    /// The problem that `answer` is, if it is one of the contract's: its media type, its type
    /// and its status all have to say so.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        if answer.media != Media::Problem {
            return None;
        }
        let problem: wire::Problem = serde_json::from_slice(&answer.body).ok()?;
        Self::from_slug(problem.kind.strip_prefix(TYPE)?)
            .filter(|problem| problem.status() == answer.status)
    }

    /// As in a command's status: the slug with `_` for `-`.
    pub(crate) fn code(self) -> PartnerText {
        PartnerText::new(self.slug().replace('-', "_"))
    }
}
