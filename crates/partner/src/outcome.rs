//! What an answer to an open means. Pure, and on the side of doubt: only what the contract
//! promises is taken as known.

use std::time::Duration;

use domain::vocabulary::Reason;

use crate::error::{Doubt, NotSent};
use crate::problem::Problem;
use crate::text::PartnerText;
use crate::transport::{Answer, Exchange, Media};
use crate::wire::{OpenAnswer, Verdict};

/// What became of an open, and how long it took to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What became of it.
    pub result: OpenResult,
    /// From sending to knowing; zero if it was never sent.
    pub latency: Duration,
}

/// What became of an open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenResult {
    /// The device opened.
    Executed {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// The partner or the device said no. Final.
    Rejected {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// By the contract it did not open and never will under this id.
    NotExecuted {
        /// Why.
        reason: Reason,
        /// The problem's code.
        code: PartnerText,
    },
    /// No byte of the request left, and none will.
    NotSent {
        /// Why.
        why: NotSent,
    },
    /// Nobody can say yet. To be fenced.
    Unknown {
        /// Why.
        why: Doubt,
    },
}

/// Reads the answer to an open.
pub(crate) fn of_open(exchange: &Exchange) -> OpenResult {
    let answer = match exchange {
        Exchange::Answered(answer) => answer,
        Exchange::NoConnection => {
            return OpenResult::NotSent {
                why: NotSent::NoConnection,
            };
        }
        Exchange::Undeclared => {
            return OpenResult::NotSent {
                why: NotSent::Undeclared,
            };
        }
        Exchange::Silent => return OpenResult::Unknown { why: Doubt::Silent },
        Exchange::Cut => return unintelligible(),
    };
    if answer.status == 200 {
        return match json::<OpenAnswer>(answer) {
            Some(answer) => {
                let code = PartnerText::new(answer.code);
                let partner_ref = PartnerText::new(answer.partner_ref);
                match answer.result {
                    Verdict::Executed => OpenResult::Executed { code, partner_ref },
                    Verdict::Rejected => OpenResult::Rejected { code, partner_ref },
                }
            }
            None => unintelligible(),
        };
    }
    let Some(problem) = Problem::of(answer) else {
        return unintelligible();
    };
    match settled_by(problem) {
        Some(reason) => OpenResult::NotExecuted {
            reason,
            code: problem.code(),
        },
        None => OpenResult::Unknown {
            why: Doubt::Unsettled,
        },
    }
}

fn unintelligible() -> OpenResult {
    OpenResult::Unknown {
        why: Doubt::Unintelligible,
    }
}

/// Why an open that was answered with `problem` did not happen and never will, or nothing where
/// the contract doesn't promise that.
fn settled_by(problem: Problem) -> Option<Reason> {
    match problem {
        // The partner remembers these for the id.
        Problem::Expired => Some(Reason::CommandExpired),
        Problem::Cancelled => Some(Reason::Fenced),
        Problem::DeviceOffline => Some(Reason::DeviceOffline),
        Problem::OperationNotSupported => Some(Reason::OperationNotAllowed),
        Problem::RateLimited | Problem::Unavailable => Some(Reason::PartnerOverloaded),
        Problem::UnknownDevice => Some(Reason::PartnerRejected),
        // Given before the request counts as a command: nothing was done, and nobody sends this
        // id again.
        Problem::InvalidRequest
        | Problem::TokenMissing
        | Problem::TokenInvalid
        | Problem::InsufficientScope
        | Problem::WrongResource
        | Problem::BodyTooLarge
        | Problem::UnsupportedMediaType => Some(Reason::PartnerRejected),
        // Another request of this id may have opened.
        Problem::KeyReused => None,
        // Nothing is certain, or not an answer to an open at all.
        Problem::Internal
        | Problem::NotFound
        | Problem::UnknownCommand
        | Problem::MethodNotAllowed
        | Problem::KeyVersionConflict
        | Problem::UnknownKeyVersion
        | Problem::CursorExpired
        | Problem::UnwrapFailed => None,
    }
}

/// The body of an answer that says it is JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(answer: &Answer) -> Option<T> {
    (answer.media == Media::Json)
        .then(|| serde_json::from_slice(&answer.body).ok())
        .flatten()
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
pub(crate) mod tests;
