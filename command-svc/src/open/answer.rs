//! What a caller is told of a command.

use domain::CommandId;
use domain::commands::{Command, Completion};
use domain::event::LogPosition;
use domain::vocabulary::{Outcome, Reason};
use jiff::Timestamp;

/// What a caller is told of a command.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The command.
    pub command: CommandId,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Where the decision stands.
    pub position: LogPosition,
    /// What is known to have happened.
    pub completion: Completion,
    /// Whether that is in the log yet.
    pub recorded: bool,
}

impl Answer {
    /// The answer that the fold gives, once there is one.
    pub(super) fn of(id: CommandId, command: &Command) -> Option<Self> {
        Some(Self {
            command: id,
            decided_at: command.decided_at,
            position: command.position,
            completion: command.completion.clone()?,
            recorded: true,
        })
    }

    /// Outcome and reason.
    pub(crate) fn outcome(&self) -> (Outcome, Reason) {
        (
            self.completion.completed.outcome,
            self.completion.completed.reason,
        )
    }
}
