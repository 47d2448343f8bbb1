//! What can go wrong, and what is known then.

use domain::vocabulary::Reason;

use crate::text::PartnerText;

/// Something outside of the perimeter was asked for. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfPerimeter {
    /// The perimeter or the key is another partner's.
    #[error("that belongs to another partner; use the client of that partner")]
    OtherPartner,
    /// The perimeter is closed, or not in force at this time.
    #[error("the perimeter is not in force; open it in the registry")]
    NotInForce,
    /// The device, token or key is of another complex.
    #[error("that belongs to another complex; use the perimeter of that complex")]
    OtherComplex,
    /// The perimeter doesn't have the operation.
    #[error("the perimeter lacks the operation; add it in the registry")]
    Operation,
    /// The partner may not hold credentials of this complex.
    #[error("the perimeter has no credentials; allow them in the registry")]
    Credentials,
}

impl OutOfPerimeter {
    /// The reason to record.
    pub fn reason(self) -> Reason {
        Reason::OutOfPerimeter
    }
}

/// Why there is no access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The authorization server can't be reached, is silent, or answers 5xx.
    #[error("the partner's authorization server is unavailable; try again later")]
    Unavailable,
    /// It said no, with this code (RFC 6749, section 5.2; RFC 8707, section 2).
    #[error(
        "the partner's authorization server refused: {0}; check the client's registration there"
    )]
    Refused(&'static str),
    /// The granted scope isn't the requested one; the token was thrown away.
    #[error("the partner granted another scope than was asked for; the token was thrown away")]
    OtherScope,
    /// Its answer could not be understood.
    #[error("the partner's authorization server answered what is no token response")]
    Unintelligible,
    /// The call's deadline passed first.
    #[error("no access token before the deadline")]
    DeadlinePassed,
}

impl TokenRefused {
    fn code(self) -> &'static str {
        match self {
            TokenRefused::Unavailable => "token_unavailable",
            TokenRefused::Refused(code) => code,
            TokenRefused::OtherScope => "token_other_scope",
            TokenRefused::Unintelligible => "token_unintelligible",
            TokenRefused::DeadlinePassed => "token_late",
        }
    }
}

/// Why a request was not sent: not one byte of it left, and none will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There was no access token for it.
    #[error(transparent)]
    NoToken(#[from] TokenRefused),
    /// There was no connection: refused, timed out while connecting, or no trust in the other
    /// side's certificate.
    #[error("no connection to the partner; check its address and its certificate")]
    NoConnection,
    /// The deadline had passed.
    #[error("the deadline had passed")]
    DeadlinePassed,
    /// The command had expired.
    #[error("the command had expired")]
    Expired,
    /// It held a field that the egress ledger doesn't declare: a fault of this service.
    #[error("a field of the request is not declared; the service's log names it")]
    Undeclared,
}

impl NotSent {
    /// Short and stable, for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            NotSent::NoToken(refused) => refused.code(),
            NotSent::NoConnection => "no_connection",
            NotSent::DeadlinePassed => "deadline_passed",
            NotSent::Expired => "expired",
            NotSent::Undeclared => "undeclared_field",
        }
    }

    /// The reason to record for a command that was not sent.
    pub fn reason(self) -> Reason {
        match self {
            NotSent::Expired => Reason::CommandExpired,
            _ => Reason::PartnerUnreachable,
        }
    }
}

/// Why nobody can say yet what became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// No answer: time ran out, or the connection broke.
    #[error("the partner did not answer")]
    Silent,
    /// An answer that is none of the contract's.
    #[error("the partner's answer is none of the contract's")]
    Unintelligible,
    /// A problem of the contract's that settles nothing about the command.
    #[error("the partner's answer settles nothing")]
    Unsettled,
    /// The enquiry itself was not sent. Never said of an open: that is then known not to have
    /// happened.
    #[error(transparent)]
    NotSent(NotSent),
}

impl Doubt {
    /// The reason to record.
    pub fn reason(self) -> Reason {
        match self {
            Doubt::Silent | Doubt::Unsettled | Doubt::NotSent(_) => Reason::PartnerSilent,
            Doubt::Unintelligible => Reason::PartnerUnintelligible,
        }
    }
}

/// A call that opens nothing, and failed. Such calls may be repeated freely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Outside of the perimeter; never sent.
    #[error(transparent)]
    OutOfPerimeter(#[from] OutOfPerimeter),
    /// The attestation is another partner's or no longer to be relied upon; never sent.
    #[error("no attestation of this partner is in force; fetch and verify a new one")]
    NotAttested,
    /// The contract has no words for it; never sent.
    #[error("the partner's contract can't express {0}")]
    Inexpressible(&'static str),
    /// Not sent.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// No answer; it may have been done.
    #[error("the partner did not answer; ask again")]
    Silent,
    /// An answer that is none of the contract's; it may have been done.
    #[error("the partner's answer is none of the contract's; ask again, then ask the partner")]
    Unintelligible,
    /// A problem of the contract's.
    #[error("the partner answered {status} {code}")]
    Problem {
        /// HTTP status.
        status: u16,
        /// Last part of the problem's type, `_` for `-`.
        code: PartnerText,
    },
}

impl CallError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            CallError::NotSent(NotSent::Undeclared) => false,
            CallError::NotSent(_) | CallError::Silent | CallError::Unintelligible => true,
            // 401: the token was dropped, the next call gets a new one.
            CallError::Problem { status, .. } => matches!(status, 401 | 429 | 500..),
            CallError::OutOfPerimeter(_) | CallError::NotAttested | CallError::Inexpressible(_) => {
                false
            }
        }
    }
}
