//! What an answer to a cancel or an enquiry means. Pure, and on the side of doubt.

use domain::CommandId;
use domain::vocabulary::Reason;

use crate::error::{Doubt, NotSent};
use crate::outcome::json;
use crate::problem::Problem;
use crate::text::PartnerText;
use crate::transport::Exchange;
use crate::wire::{CommandStatus, State, Verdict};

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
        Exchange::Undeclared => return unknown(Doubt::NotSent(NotSent::Undeclared)),
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
                "rate_limited" | "unavailable" => Reason::PartnerOverloaded,
                _ => Reason::PartnerRejected,
            },
            code,
        },
    }
}

#[cfg(test)]
#[path = "fence_tests.rs"]
mod tests;
