//! What became of a command, for whoever asked for it.

use domain::commands::Command;
use domain::event::LogPosition;
use domain::vocabulary::ActorKind;
use domain::{CommandId, SubjectRef};
use eventlog::Topic;
use privacy::PassSecret;
use proto::access::{AuditPosition, GetCommandResponse};
use records::timestamp_to_wire;

use crate::knowledge::State;

/// Who asks.
pub(crate) enum Asking {
    /// An owner; none where nobody was ever seen under that user id.
    Owner(Option<SubjectRef>),
    /// Whoever holds a pass.
    Guest(PassSecret),
}

/// The command `id`, if it was theirs. Another's and an unknown one look the same.
pub(crate) fn find(state: &State, id: CommandId, asking: &Asking) -> Option<GetCommandResponse> {
    let command = state.command(id)?;
    let (kind, subject) = match asking {
        Asking::Owner(owner) => (ActorKind::Owner, (*owner)?.0),
        Asking::Guest(secret) => {
            let registry = &state.registry;
            let pass = registry.pass_by_hash(&command.complex, &secret.hash())?;
            (ActorKind::Guest, pass.0)
        }
    };
    (command.actor == (kind, Some(subject))).then(|| shown(id, command))
}

fn shown(id: CommandId, command: &Command) -> GetCommandResponse {
    let done = command.completion.as_ref();
    GetCommandResponse {
        command_id: id.to_string(),
        device_id: command.device.to_string(),
        outcome: done.map_or(0, |done| done.completed.outcome.number()),
        reason: done
            .map_or(command.reason, |done| done.completed.reason)
            .to_string(),
        decided_at: Some(timestamp_to_wire(command.decided_at)),
        completed_at: done.map(|done| timestamp_to_wire(done.at)),
        audit_position: Some(position(command.position)),
    }
}

/// Where a decision stands in the log.
pub(crate) fn position(at: LogPosition) -> AuditPosition {
    AuditPosition {
        topic: Topic::AccessEvents.name().to_owned(),
        partition: at.partition,
        offset: at.offset,
    }
}
