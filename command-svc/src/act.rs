//! The act: one call to the partner, its fence where that is in doubt, and what is known
//! afterwards. Nothing is written here.

use std::time::Duration;

use domain::event::CommandCompleted;
use domain::registry::Perimeter;
use domain::vocabulary::{Outcome, Reason};
use domain::{CommandId, OpenCommand};
use jiff::Timestamp;
use partner::{Fence, OpenResult, PartnerClient};
use tokio::time::Instant;

/// Opens, once. Where the answer stays away, asks the fence with what remains of `deadline`.
pub(crate) async fn open(
    client: Option<&PartnerClient>,
    perimeter: Option<&Perimeter>,
    command: &OpenCommand,
    deadline: Instant,
    fence_reserve: Duration,
) -> CommandCompleted {
    let blank = completed(command.id);
    let now = Timestamp::now();
    if command.expires_at <= now {
        return CommandCompleted {
            reason: Reason::CommandExpired,
            ..blank
        };
    }
    let (Some(client), Some(perimeter)) = (client, perimeter) else {
        return CommandCompleted {
            reason: Reason::PartnerUnreachable,
            ..blank
        };
    };
    let Ok(within) = client.within(perimeter, now) else {
        return CommandCompleted {
            reason: Reason::OutOfPerimeter,
            ..blank
        };
    };
    let remaining = (command.expires_at - now)
        .try_into()
        .unwrap_or(Duration::ZERO);
    let last = deadline.min(Instant::now() + remaining);
    let send_by = last
        .checked_sub(fence_reserve)
        .unwrap_or(last)
        .max(Instant::now());
    let sent = within
        .open(
            command.id,
            &command.device,
            command.operation,
            command.expires_at,
            send_by,
        )
        .await;
    let Ok(sent) = sent else {
        return CommandCompleted {
            reason: Reason::OutOfPerimeter,
            ..blank
        };
    };
    let latency_ms = u32::try_from(sent.latency.as_millis()).unwrap_or(u32::MAX);
    let blank = CommandCompleted {
        latency_ms,
        ..blank
    };
    match sent.result {
        OpenResult::Executed { code, partner_ref } => CommandCompleted {
            outcome: Outcome::Executed,
            reason: Reason::PartnerExecuted,
            partner_code: code.into(),
            partner_ref: partner_ref.into(),
            ..blank
        },
        OpenResult::Rejected { code, partner_ref } => CommandCompleted {
            outcome: Outcome::Rejected,
            reason: Reason::PartnerRejected,
            partner_code: code.into(),
            partner_ref: partner_ref.into(),
            ..blank
        },
        OpenResult::NotExecuted { reason, code } => CommandCompleted {
            reason,
            partner_code: code.into(),
            ..blank
        },
        OpenResult::NotSent { why } => CommandCompleted {
            reason: Reason::PartnerUnreachable,
            partner_code: why.code().to_owned(),
            ..blank
        },
        OpenResult::Unknown { why } => {
            let fence = within
                .closing()
                .cancel(command.id, command.operation, deadline)
                .await;
            let doubt = CommandCompleted {
                outcome: Outcome::Unknown,
                reason: why.reason(),
                ..blank
            };
            after_fence(fence, doubt)
        }
    }
}

/// What the fence says, where the open itself left a doubt. It makes certain, or leaves
/// `doubt` as it was.
pub(crate) fn after_fence(fence: Fence, doubt: CommandCompleted) -> CommandCompleted {
    let doubt = CommandCompleted {
        fenced: true,
        ..doubt
    };
    match fence {
        Fence::Executed { code, partner_ref } => CommandCompleted {
            outcome: Outcome::Executed,
            reason: Reason::PartnerExecuted,
            partner_code: code.into(),
            partner_ref: partner_ref.into(),
            ..doubt
        },
        Fence::Rejected { code, partner_ref } => CommandCompleted {
            outcome: Outcome::Rejected,
            reason: Reason::PartnerRejected,
            partner_code: code.into(),
            partner_ref: partner_ref.into(),
            ..doubt
        },
        Fence::NotExecuted { reason, code } => CommandCompleted {
            outcome: Outcome::NotExecuted,
            reason,
            partner_code: code.into(),
            ..doubt
        },
        Fence::NotFinal | Fence::Unknown { .. } => doubt,
    }
}

/// A completion that says NOT_EXECUTED; its reason is for the caller to set.
pub(crate) fn completed(command: CommandId) -> CommandCompleted {
    CommandCompleted {
        command,
        outcome: Outcome::NotExecuted,
        reason: Reason::PartnerUnreachable,
        partner_code: String::new(),
        partner_ref: String::new(),
        latency_ms: 0,
        reconciled: false,
        fenced: false,
        second_inputs: None,
    }
}
