//! Every decision once more, on the state that its record names.

use anyhow::{Context as _, Result, ensure};
use domain::commands::Commands;
use domain::decide::Asker;
use domain::event::{AccessDecided, Body, Event, LogPosition};
use domain::registry::Registry;
use domain::vocabulary::ActorKind;
use domain::{Instant, OpenCommand, PassId, SubjectRef, decide};
use eventlog::{Record, Topic};

use crate::support::Scene;

/// Decides again for each record of a decision; how many there are.
pub(crate) async fn every_decision(scene: &Scene) -> Result<usize> {
    let registry = scene.log.events(Topic::RegistryEvents).await?;
    let access = scene.log.events(Topic::AccessEvents).await?;
    let mut count = 0;
    for (record, event) in &access {
        let Body::AccessDecided(decided) = &event.body else {
            continue;
        };
        let inputs = &decided.inputs;
        let rules = rules(
            &registry,
            &[inputs.registry_position, inputs.global_position],
        );
        let commands = commands(&access, inputs.access_position);
        let command = command(event, decided)?;
        let at = Instant {
            now: inputs.now,
            utc_offset: inputs.utc_offset,
        };
        let again = decide(&rules, &commands, &command, at);
        ensure!(
            (again.verdict, again.reason) == (decided.verdict, decided.reason)
                && again.right == inputs.right
                && again.partner == inputs.partner
                && again.uses_left == inputs.uses_left
                && again.recent_openings == inputs.recent_openings,
            "{:?} decided {decided:?}, and again {again:?}",
            record.position
        );
        count += 1;
    }
    Ok(count)
}

/// The registry below these positions.
fn rules(events: &[(Record, Event)], below: &[LogPosition]) -> Registry {
    let mut registry = Registry::default();
    for (record, event) in events {
        let at = record.position;
        let seen = below
            .iter()
            .any(|below| below.partition == at.partition && at.offset < below.offset);
        if !seen {
            continue;
        }
        match &event.body {
            Body::RegistryChanged(set) => {
                let _ = registry.fold(&event.complex, set.clone());
            }
            Body::PassUseConsumed(consumed) => {
                registry.fold_consumed(&event.complex, consumed, record.append_time);
            }
            Body::PassUseReturned(returned) => {
                registry.fold_returned(&event.complex, returned);
            }
            _ => {}
        }
    }
    registry
}

/// The commands of one partition below a position.
fn commands(events: &[(Record, Event)], below: LogPosition) -> Commands {
    let mut commands = Commands::default();
    for (record, event) in events {
        let at = LogPosition {
            partition: record.position.partition,
            offset: record.position.offset,
        };
        if at.partition != below.partition || at.offset >= below.offset {
            continue;
        }
        match &event.body {
            Body::AccessDecided(decided) => {
                commands.fold_decided(event, decided, at, record.append_time);
            }
            Body::CommandCompleted(completed) => {
                commands.fold_completed(event, completed);
            }
            _ => {}
        }
    }
    commands
}

fn command(event: &Event, decided: &AccessDecided) -> Result<OpenCommand> {
    let subject = event.actor.subject.context("nobody asked")?;
    let asker = match event.actor.kind {
        ActorKind::Owner => Asker::Owner(SubjectRef(subject)),
        ActorKind::Guest => Asker::Guest(PassId(subject)),
        other => anyhow::bail!("{other:?} asked"),
    };
    Ok(OpenCommand {
        id: decided.command,
        complex: event.complex.clone(),
        device: event.device.clone().context("no device")?,
        operation: decided.operation,
        asker,
        caller: event.actor.caller.parse()?,
        request_digest: decided.request_digest,
        key_time: decided.key_time,
        expires_at: decided.expires_at,
        auth_time: decided.inputs.auth_time,
        acr: decided.inputs.acr.clone(),
    })
}
