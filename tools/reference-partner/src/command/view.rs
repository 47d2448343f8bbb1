//! What a command looks like from outside.

use jiff::Timestamp;
use serde::Serialize;

use super::state::{End, Operation, Refusal, State};
use crate::ids::{CommandId, ComplexId, DeviceId, OpeningId};

/// Code of an executed command.
pub(crate) const OPENED: &str = "opened";

/// The contract's names of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StateName {
    InProgress,
    Executed,
    Rejected,
    NotExecuted,
    Cancelled,
}

/// The contract's `CommandStatus`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CommandStatus {
    pub(crate) command_id: CommandId,
    pub(crate) state: StateName,
    pub(crate) r#final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<StateName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partner_ref: Option<OpeningId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Timestamp>,
}

impl Refusal {
    /// The code told in a status: the last part of the problem's type, with underscores.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::UnknownDevice => "unknown_device",
            Self::OperationNotSupported => "operation_not_supported",
            Self::DeviceOffline => "device_offline",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl CommandStatus {
    /// The status of a command that was seen.
    pub(crate) fn of(command_id: CommandId, state: &State) -> Option<Self> {
        let (name, code, opening) = match state {
            State::Unseen => return None,
            State::Accepted { opening, .. } | State::Actuating { opening, .. } => {
                (StateName::InProgress, None, Some(*opening))
            }
            State::Ended { outcome, .. } => {
                let (name, code) = match &outcome.end {
                    End::Executed => (StateName::Executed, OPENED.to_owned()),
                    End::Rejected(code) => (StateName::Rejected, code.clone()),
                    End::NotExecuted(why) => (StateName::NotExecuted, why.code().to_owned()),
                };
                (name, Some(code), Some(outcome.opening))
            }
            State::Forbidden { .. } => (StateName::Cancelled, Some("cancelled".to_owned()), None),
        };
        let told = matches!(name, StateName::Executed | StateName::Rejected);
        Some(Self {
            command_id,
            state: name,
            r#final: name != StateName::InProgress,
            result: told.then_some(name),
            code,
            partner_ref: opening,
            at: state.final_at(),
        })
    }
}

/// What the control API shows of a command.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ControlView {
    pub(crate) complex: Option<ComplexId>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) operation: Option<Operation>,
    pub(crate) stage: &'static str,
    #[serde(flatten)]
    pub(crate) status: CommandStatus,
}

impl ControlView {
    /// The view of a command that was seen.
    pub(crate) fn of(command_id: CommandId, state: &State) -> Option<Self> {
        Some(Self {
            status: CommandStatus::of(command_id, state)?,
            complex: state.complex().cloned(),
            device: state.request().map(|request| request.device.clone()),
            operation: state.request().map(|request| request.operation),
            stage: match state {
                State::Unseen => "unseen",
                State::Accepted { .. } => "accepted",
                State::Actuating { .. } => "actuating",
                State::Ended { .. } => "final",
                State::Forbidden { .. } => "forbidden",
            },
        })
    }
}
