//! How a decision and its completion stand in the log.

use domain::decide::Asker;
use domain::event::{
    AccessDecided, Actor, Body, CommandCompleted, DecisionInputs, Event, RequestContext,
};
use domain::vocabulary::ActorKind;
use domain::{Decision, EventId, OpenCommand};
use jiff::Timestamp;
use uuid::Uuid;

/// A decision, with everything it was made from.
pub(super) fn decided(
    command: &OpenCommand,
    now: Timestamp,
    decision: &Decision,
    inputs: DecisionInputs,
    context: RequestContext,
) -> Event {
    let body = Body::AccessDecided(AccessDecided {
        command: command.id,
        request_digest: command.request_digest,
        operation: command.operation,
        verdict: decision.verdict,
        reason: decision.reason,
        expires_at: command.expires_at,
        key_time: command.key_time,
        inputs,
        context,
    });
    event(command, now, body)
}

/// What became of a command.
pub(super) fn completed(
    command: &OpenCommand,
    completed: CommandCompleted,
    at: Timestamp,
) -> Event {
    event(command, at, Body::CommandCompleted(completed))
}

fn event(command: &OpenCommand, occurred_at: Timestamp, body: Body) -> Event {
    let kind = match command.asker {
        Asker::Owner(_) => ActorKind::Owner,
        Asker::Guest(_) => ActorKind::Guest,
    };
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at,
        complex: command.complex.clone(),
        device: Some(command.device.clone()),
        actor: Actor {
            kind,
            subject: Some(command.asker.subject()),
            caller: command.caller.to_string(),
        },
        correlation: command.id.to_string(),
        body,
    }
}
