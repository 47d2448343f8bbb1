//! What an answer means. Pure, and on the side of doubt: only what the contract promises is
//! taken as known.

use std::time::Duration;

use domain::CommandId;
use domain::vocabulary::Reason;

use crate::error::{Doubt, NotSent};
use crate::problem::Problem;
use crate::text::PartnerText;
use crate::transport::{Answer, Exchange, Media};
use crate::wire::{CommandStatus, OpenAnswer, State, Verdict};

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

/// What the cancel fence answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fence {
    /// The device opened before the fence.
    Executed {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// The partner or the device said no before the fence.
    Rejected {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// It did not open and never will: [`Reason::Fenced`] where the fence forbade it, else what
    /// had stopped it before.
    NotExecuted {
        /// Why.
        reason: Reason,
        /// The partner's code for it.
        code: PartnerText,
    },
    /// It is being actuated. To be asked again.
    NotFinal,
    /// Nothing was learnt. To be asked again.
    Unknown {
        /// Why.
        why: Doubt,
    },
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// The device opened.
    Executed {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// The partner or the device said no.
    Rejected {
        /// The partner's code for it.
        code: PartnerText,
        /// The partner's reference, for enquiries.
        partner_ref: PartnerText,
    },
    /// It did not open and never will.
    NotExecuted {
        /// Why.
        reason: Reason,
        /// The partner's code for it.
        code: PartnerText,
    },
    /// Accepted; its end is not known yet.
    InProgress,
    /// Never seen. Proves nothing: a delayed request may still arrive. Only the fence rules that
    /// out.
    Unseen,
    /// Nothing was learnt.
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
        Problem::UnknownDevice | Problem::RateLimited | Problem::Unavailable => {
            Some(Reason::PartnerRejected)
        }
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

/// Reads the answer to a cancel.
pub(crate) fn of_cancel(exchange: &Exchange, command: CommandId) -> Fence {
    match of_status(exchange, command) {
        CommandState::Executed { code, partner_ref } => Fence::Executed { code, partner_ref },
        CommandState::Rejected { code, partner_ref } => Fence::Rejected { code, partner_ref },
        CommandState::NotExecuted { reason, code } => Fence::NotExecuted { reason, code },
        CommandState::InProgress => Fence::NotFinal,
        // A fence is there for ids never seen too, so this is no answer to one.
        CommandState::Unseen => Fence::Unknown {
            why: Doubt::Unsettled,
        },
        CommandState::Unknown { why } => Fence::Unknown { why },
    }
}

/// Reads the answer to an enquiry.
pub(crate) fn of_status(exchange: &Exchange, command: CommandId) -> CommandState {
    let unknown = |why| CommandState::Unknown { why };
    let answer = match exchange {
        Exchange::Answered(answer) => answer,
        Exchange::NoConnection => return unknown(Doubt::NotSent(NotSent::NoConnection)),
        Exchange::Silent => return unknown(Doubt::Silent),
        Exchange::Cut => return unknown(Doubt::Unintelligible),
    };
    if answer.status == 200 {
        return json::<CommandStatus>(answer)
            .filter(|status| is_consistent(status, command))
            .map_or_else(|| unknown(Doubt::Unintelligible), state);
    }
    match Problem::of(answer) {
        Some(Problem::UnknownCommand) => CommandState::Unseen,
        Some(_) => unknown(Doubt::Unsettled),
        None => unknown(Doubt::Unintelligible),
    }
}

/// A status that contradicts itself, or speaks of another command, says nothing.
fn is_consistent(status: &CommandStatus, command: CommandId) -> bool {
    let verdict = match status.state {
        State::Executed => Some(Verdict::Executed),
        State::Rejected => Some(Verdict::Rejected),
        State::InProgress | State::NotExecuted | State::Cancelled => None,
    };
    status.command_id == command.to_string()
        && status.is_final == (status.state != State::InProgress)
        && (status.result == verdict || (status.result.is_none() && verdict.is_some()))
}

fn state(status: CommandStatus) -> CommandState {
    let code = PartnerText::new(status.code.unwrap_or_default());
    let partner_ref = PartnerText::new(status.partner_ref.unwrap_or_default());
    match status.state {
        State::InProgress => CommandState::InProgress,
        State::Executed => CommandState::Executed { code, partner_ref },
        State::Rejected => CommandState::Rejected { code, partner_ref },
        State::Cancelled => CommandState::NotExecuted {
            reason: Reason::Fenced,
            code,
        },
        State::NotExecuted => CommandState::NotExecuted {
            reason: match code.as_str() {
                "expired" => Reason::CommandExpired,
                "cancelled" => Reason::Fenced,
                "device_offline" => Reason::DeviceOffline,
                "operation_not_supported" => Reason::OperationNotAllowed,
                _ => Reason::PartnerRejected,
            },
            code,
        },
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
mod tests;
