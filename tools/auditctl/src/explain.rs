//! `auditctl explain`: one decision, made again, in plain words.

use domain::decide::Asker;
use domain::event::{Body, DecisionInputs};
use domain::registry::{Grant, Registry};
use domain::vocabulary::{Reason, Verdict};
use domain::window::Window;
use domain::{ComplexId, Decision, GrantId, PassId};
use eventlog::Topic;
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::json;

use crate::cli::ExplainArgs;
use crate::keys::Keys;
use crate::prove::find;
use crate::replay::{Again, Logs, Replayer, Step, differs};
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// Explains the decision of an event.
pub(crate) async fn run(args: &ExplainArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let trust = Trust::required(&args.trust, &source)?;
    let (log, index) = find(&source, &keys, args.event).await?;
    if log.topic() != Topic::AccessEvents.name() {
        return Err(Stop::Usage(format!(
            "the event stands in {log}, which has no decisions"
        )));
    }
    let complex: ComplexId = log
        .complex()
        .parse()
        .map_err(|_| Stop::Usage(format!("{log} is of no complex")))?;
    let logs = Logs::read(&source, &keys, &trust, &complex).await?;
    let step = logs.access.iter().find(|step| step.index == index).ok_or_else(|| {
        Stop::Refuted(format!(
            "record {index} of {log} is no decision that command-svc signed, and nobody counts it"
        ))
    })?;
    let again = Replayer::new(&logs).again(step).ok_or_else(|| {
        Stop::Usage(format!(
            "record {index} of {log} is a {}, no decision",
            step.event.body.kind()
        ))
    })?;
    let again = again.map_err(|why| Stop::Unknown(format!("record {index} of {log}: {why}")))?;
    if let Some(difference) = &again.difference {
        return Err(differs(&complex, step, difference));
    }
    let said = json!({
        "log": log.to_string(),
        "index": index,
        "verdict_of_decision": again.decision.verdict.as_str(),
        "reason": again.decision.reason.as_str(),
        "right": again.decision.right.map(|(id, _)| id.to_string()),
    });
    Ok(Say::new(lines(step, &again), said))
}

fn lines(step: &Step, again: &Again) -> Vec<String> {
    let Again {
        registry,
        command,
        at,
        decision,
        ..
    } = again;
    let who = match command.asker {
        Asker::Owner(subject) => format!("the owner {}", subject.0),
        Asker::Guest(pass) => format!("the holder of guest pass {}", pass.0),
    };
    let mut lines = vec![
        format!(
            "At {} {who} asked for {} at {}, through {}.",
            local(at.now, at.utc_offset),
            command.operation,
            command.device,
            command.caller
        ),
        format!(
            "Decided: {}, {}: {}",
            decision.verdict,
            decision.reason,
            why(decision)
        ),
    ];
    lines.extend(known(step));
    lines.extend(right(registry, &command.complex, decision));
    lines.extend(device(again));
    lines.push(
        "PROVEN: made again from the signed records up to there, by the same rules, it comes out as it was \
         recorded."
            .to_owned(),
    );
    lines
}

/// What was known when it was made.
fn known(step: &Step) -> Option<String> {
    let inputs: &DecisionInputs = match &step.event.body {
        Body::AccessDecided(decided) => &decided.inputs,
        Body::CommandCompleted(completed) => completed.second_inputs.as_ref()?,
        _ => return None,
    };
    Some(format!(
        "Known: the complex's registry before offset {} of partition {}, partners before offset {} of \
         partition {}, openings before offset {} of partition {}.",
        inputs.registry_position.offset,
        inputs.registry_position.partition,
        inputs.global_position.offset,
        inputs.global_position.partition,
        inputs.access_position.offset,
        inputs.access_position.partition,
    ))
}

/// The right that ruled.
fn right(registry: &Registry, complex: &ComplexId, decision: &Decision) -> Vec<String> {
    let Some((id, version)) = decision.right else {
        return vec!["Right: none that covers the device.".to_owned()];
    };
    let mut lines = Vec::new();
    let mut grant = registry
        .grant(complex, &GrantId(id))
        .map(|(_, grant)| grant);
    if let Some((_, pass)) = registry.pass(complex, &PassId(id)) {
        let devices: Vec<String> = pass.devices.iter().map(ToString::to_string).collect();
        let uses = match pass.max_uses {
            0 => "any number of uses".to_owned(),
            most => format!(
                "{most} uses, {} left then",
                decision.uses_left.unwrap_or_default()
            ),
        };
        lines.push(format!(
            "Right: guest pass {id} in version {version}, for {}, {}, {uses}{}.",
            devices.join(", "),
            window(&pass.window),
            revoked(pass.revoked),
        ));
        grant = registry.grant(complex, &pass.grant).map(|(_, grant)| grant);
    }
    if let Some(grant) = grant {
        let active = registry.resident(complex, &grant.subject);
        let active = active.is_some_and(|(_, resident)| resident.active);
        lines.push(format!(
            "Grant: {} as {} for {}, {}{}{}.",
            grant.id.0,
            grant.role,
            reach(grant),
            window(&grant.window),
            revoked(grant.revoked),
            if active {
                ""
            } else {
                ", of somebody who was no resident any more"
            },
        ));
    }
    lines
}

fn reach(grant: &Grant) -> String {
    if grant.is_everywhere() {
        return "every device of the complex".to_owned();
    }
    let devices = grant.devices.iter().map(ToString::to_string);
    let buildings = grant.buildings.iter().map(|id| format!("building {id}"));
    let entrances = grant.entrances.iter().map(|id| format!("entrance {id}"));
    let all: Vec<String> = devices.chain(buildings).chain(entrances).collect();
    all.join(", ")
}

/// The device, its partner and what that may do there.
fn device(again: &Again) -> Vec<String> {
    let (registry, command) = (&again.registry, &again.command);
    let Some(device) = registry.device(&command.device) else {
        return vec!["Device: none of this id was registered.".to_owned()];
    };
    let operations: Vec<&str> = device.operations.iter().map(|one| one.as_str()).collect();
    let mut lines = vec![format!(
        "Device: {} of partner {}, {}, can {}{}{}.",
        device.id,
        device.partner,
        if device.enabled {
            "switched on"
        } else {
            "switched off"
        },
        operations.join(" and "),
        match device.cooldown_ms {
            0 => String::new(),
            least => format!(", {least} ms between openings"),
        },
        match &device.step_up {
            None => String::new(),
            Some(step_up) => format!(
                ", wants a login of the last {} seconds",
                step_up.max_age_seconds
            ),
        }
    )];
    if let Some((version, perimeter)) = registry.perimeter(&command.complex, &device.partner) {
        let operations: Vec<&str> = perimeter
            .operations
            .iter()
            .map(|one| one.as_str())
            .collect();
        lines.push(format!(
            "Perimeter: {} may {} in {}, {}{}; version {version}.",
            perimeter.partner,
            operations.join(" and "),
            perimeter.complex,
            between(perimeter.not_before, perimeter.not_after),
            if perimeter.closed {
                ", but it was closed"
            } else {
                ""
            },
        ));
    }
    lines
}

fn revoked(revoked: bool) -> &'static str {
    if revoked { ", withdrawn" } else { "" }
}

fn between(from: Option<Timestamp>, until: Option<Timestamp>) -> String {
    match (from, until) {
        (None, None) => "at any time".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("from {from} until {until}"),
    }
}

fn window(window: &Window) -> String {
    const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
    let mut text = between(window.not_before, window.not_after);
    if window.weekdays != 0 {
        let days = (1..=7).filter(|day| window.weekdays & (1 << day) != 0);
        let days: Vec<&str> = days.map(|day: usize| DAYS[day - 1]).collect();
        text += &format!(", on {}", days.join(" "));
    }
    let (from, until) = window.minutes;
    if from != until {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        text += &format!(
            ", {} to {} of the complex's time",
            clock(from),
            clock(until)
        );
    }
    text
}

fn local(now: Timestamp, utc_offset: i32) -> String {
    let offset = Offset::from_seconds(utc_offset).unwrap_or(Offset::UTC);
    format!("{} (UTC{offset})", offset.to_datetime(now))
}

fn why(decision: &Decision) -> &'static str {
    match (decision.verdict, decision.reason) {
        (Verdict::Allow, _) => "a right covers the device at that time, and the partner may do it.",
        (_, Reason::NoGrant) => "nothing gives a right to such a device.",
        (_, Reason::GrantRevoked) => {
            "the right was withdrawn, or its holder was no resident any more."
        }
        (_, Reason::OutsideWindow) => "the right does not hold at that time.",
        (_, Reason::UsesExhausted) => "the pass had no use left.",
        (_, Reason::DeviceDisabled) => "the device was switched off in the registry.",
        (_, Reason::OutOfPerimeter) => "the partner may not do that in this complex at that time.",
        (_, Reason::OperationNotAllowed) => "the device does not have this operation.",
        (_, Reason::PartnerSuspended) => "the partner was suspended.",
        (_, Reason::StepUpRequired) => "the device wants a fresher or stronger login.",
        (_, Reason::CommandExpired) => "the command, or its key, was too old.",
        (_, Reason::Cooldown) => "the device was opened too short a time before.",
        _ => "see the page of reasons.",
    }
}
