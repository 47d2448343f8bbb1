//! One decision, made again. Pure.

use std::collections::HashMap;
use std::fmt::Debug;

use domain::commands::Commands;
use domain::decide::Asker;
use domain::event::{AccessDecided, Body, DecisionInputs, Event, LogPosition};
use domain::registry::Registry;
use domain::vocabulary::{ActorKind, Reason, Verdict};
use domain::{CommandId, Decision, Instant, OpenCommand, PassId, SubjectRef, decide};
use jiff::tz::TimeZone;

use super::logs::{Logs, Step};
use super::rewind::Rewind;

/// Commands are forgotten as often, in records.
const FORGET: usize = 256;

/// A decision that was made again.
#[derive(Debug)]
pub(crate) struct Again {
    /// The registry as it was known.
    pub(crate) registry: Registry,
    /// The command.
    pub(crate) command: OpenCommand,
    /// When.
    pub(crate) at: Instant,
    /// What comes out now.
    pub(crate) decision: Decision,
    /// What the record says that is not so; none where all is.
    pub(crate) difference: Option<String>,
}

/// Why one can't be made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unable {
    /// By other rules than are known here.
    #[error(
        "it was made by version {0} of the rules, which this auditctl doesn't know; use a newer one"
    )]
    Rules(u32),
    /// Its decision isn't in the logs.
    #[error("the decision that it completes isn't in the part of the log that is here")]
    NoDecision,
    /// Who asked isn't said as it should be.
    #[error("its record doesn't say who asked for what")]
    Incomplete,
}

/// Goes through the decisions of a complex.
pub(crate) struct Replayer<'a> {
    logs: &'a Logs,
    registry: Rewind<Registry>,
    commands: Rewind<Commands>,
    /// By command, the first decision's record.
    winners: HashMap<CommandId, usize>,
}

impl<'a> Replayer<'a> {
    pub(crate) fn new(logs: &'a Logs) -> Self {
        let mut winners = HashMap::new();
        for (at, step) in logs.access.iter().enumerate() {
            if let Body::AccessDecided(decided) = &step.event.body {
                winners.entry(decided.command).or_insert(at);
            }
        }
        Self {
            logs,
            registry: Rewind::default(),
            commands: Rewind::default(),
            winners,
        }
    }

    /// Makes the decision of a record again; none where it has none.
    pub(crate) fn again(&mut self, step: &Step) -> Option<Result<Again, Unable>> {
        let (inputs, again) = self.made(step)?;
        Some(again.map(|mut again| {
            // What it knew was written before it: a position that says otherwise is misstated.
            if step.offset < inputs.access_position.offset {
                again.difference.get_or_insert(format!(
                    "its record is said to stand at offset {}, but what it knew reaches to {}",
                    step.offset, inputs.access_position.offset
                ));
            }
            again
        }))
    }

    fn made<'s>(&mut self, step: &'s Step) -> Option<(&'s DecisionInputs, Result<Again, Unable>)> {
        match &step.event.body {
            Body::AccessDecided(decided) => {
                let said = (decided.verdict, decided.reason);
                let again = self.decide(&step.event, decided, &decided.inputs, said);
                Some((&decided.inputs, again))
            }
            Body::CommandCompleted(completed) => {
                let inputs = completed.second_inputs.as_ref()?;
                let said = (Verdict::Deny, completed.reason);
                let winner = self.winners.get(&completed.command);
                let winner = winner.map(|at| &self.logs.access[*at].event);
                let again = match winner.map(|event| (event, &event.body)) {
                    Some((event, Body::AccessDecided(decided))) => {
                        self.decide(event, decided, inputs, said)
                    }
                    _ => Err(Unable::NoDecision),
                };
                Some((inputs, again))
            }
            _ => None,
        }
    }

    fn decide(
        &mut self,
        event: &Event,
        decided: &AccessDecided,
        inputs: &DecisionInputs,
        said: (Verdict, Reason),
    ) -> Result<Again, Unable> {
        if inputs.policy_version > domain::POLICY_VERSION {
            return Err(Unable::Rules(inputs.policy_version));
        }
        let command = command(event, decided, inputs).ok_or(Unable::Incomplete)?;
        let below =
            |steps: &[Step], at: LogPosition| steps.partition_point(|step| step.offset < at.offset);
        let [complexes, global] = &self.logs.registry;
        let cut = [
            below(complexes, inputs.registry_position),
            below(global, inputs.global_position),
        ];
        let logs = self.logs;
        let registry = self.registry.to(cut, |registry, log, index| {
            fold_registry(registry, &logs.registry[log][index]);
        });
        let cut = [below(&logs.access, inputs.access_position), 0];
        let partition = inputs.access_position.partition;
        let commands = self.commands.to(cut, |commands, _, index| {
            fold_access(commands, &logs.access[index], partition);
            if index % FORGET == FORGET - 1 {
                commands.forget_settled(logs.access[index].append_time);
            }
        });
        let at = Instant {
            now: inputs.now,
            utc_offset: inputs.utc_offset,
        };
        let decision = decide(registry, commands, &command, at);
        let difference = difference(registry, &command, inputs, said, &decision);
        Ok(Again {
            registry: registry.clone(),
            command,
            at,
            decision,
            difference,
        })
    }
}

/// What comes out otherwise than recorded, in words.
fn difference(
    registry: &Registry,
    command: &OpenCommand,
    inputs: &DecisionInputs,
    said: (Verdict, Reason),
    again: &Decision,
) -> Option<String> {
    let zone = registry.complex(&command.complex);
    let offset = zone.map_or(0, |complex| {
        TimeZone::get(&complex.time_zone).map_or(0, |zone| zone.to_offset(inputs.now).seconds())
    });
    let part = |what, recorded: &dyn Debug, found: &dyn Debug| {
        (what, format!("{recorded:?}"), format!("{found:?}"))
    };
    let parts = [
        ("verdict", said.0.to_string(), again.verdict.to_string()),
        ("reason", said.1.to_string(), again.reason.to_string()),
        part("right", &inputs.right, &again.right),
        part("partner", &inputs.partner, &again.partner),
        part(
            "perimeter version",
            &inputs.perimeter_version,
            &again.perimeter_version,
        ),
        part(
            "openings before",
            &inputs.recent_openings,
            &again.recent_openings,
        ),
        part("cooldown", &inputs.cooldown_ms, &again.cooldown_ms),
        part("uses left", &inputs.uses_left, &again.uses_left),
        part("offset of the complex's time", &inputs.utc_offset, &offset),
    ];
    parts
        .into_iter()
        .find(|(_, recorded, found)| recorded != found)
        .map(|(what, recorded, found)| {
            format!("{what}: recorded is {recorded}, but it comes out as {found}")
        })
}

/// As every fold of the registry's topic does.
pub(crate) fn fold_registry(registry: &mut Registry, step: &Step) {
    let (event, append_time) = (&step.event, step.append_time);
    let complex = &event.complex;
    match &event.body {
        Body::RegistryChanged(set) => {
            // A refused one changes nothing.
            let _ = registry.fold_at(complex, set.clone(), append_time);
        }
        Body::PassUseConsumed(consumed) => {
            registry.fold_consumed(complex, consumed, append_time);
        }
        Body::PassUseReturned(returned) => {
            registry.fold_returned(complex, returned);
        }
        Body::SubjectErased(erased) => {
            registry.fold_erased(complex, erased);
        }
        Body::LegalHoldChanged(changed) => {
            registry.fold_hold(complex, changed, event.occurred_at);
        }
        _ => {}
    }
}

fn fold_access(commands: &mut Commands, step: &Step, partition: u32) {
    let position = LogPosition {
        partition,
        offset: step.offset,
    };
    match &step.event.body {
        Body::AccessDecided(decided) => {
            commands.fold_decided(&step.event, decided, position, step.append_time);
        }
        Body::CommandCompleted(completed) => {
            commands.fold_completed(&step.event, completed);
        }
        _ => {}
    }
}

fn command(event: &Event, decided: &AccessDecided, inputs: &DecisionInputs) -> Option<OpenCommand> {
    let subject = event.actor.subject?;
    let asker = match event.actor.kind {
        ActorKind::Owner => Asker::Owner(SubjectRef(subject)),
        ActorKind::Guest => Asker::Guest(PassId(subject)),
        _ => return None,
    };
    Some(OpenCommand {
        id: decided.command,
        complex: event.complex.clone(),
        device: event.device.clone()?,
        operation: decided.operation,
        asker,
        caller: event.actor.caller.parse().ok()?,
        request_digest: decided.request_digest,
        key_time: decided.key_time,
        expires_at: decided.expires_at,
        auth_time: inputs.auth_time,
        acr: inputs.acr.clone(),
    })
}
