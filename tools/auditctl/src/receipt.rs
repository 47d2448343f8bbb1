//! `auditctl verify-receipt`: one access of a person, proven from a file alone.

use auditlog::{LogId, Receipt};
use domain::event::{Body, Event};
use domain::vocabulary::Verdict;
use eventlog::Topic;
use serde_json::json;

use crate::cli::VerifyProofArgs;
use crate::keys::Keys;
use crate::prove::{proven, small};
use crate::record::{self, Shown};
use crate::say::Say;
use crate::stop::Stop;
use crate::trust::Trust;

/// One record of the receipt, proven.
struct Proven {
    log: LogId,
    index: u64,
    size: u64,
    event: Event,
    shown: Shown,
}

/// Verifies one; reads nothing but the file.
pub(crate) fn verify(args: &VerifyProofArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.keys)?;
    let trust = Trust::read(&args.trust, None)?;
    let text = small(&args.file, Receipt::MAX_BYTES)?;
    let receipt = std::str::from_utf8(&text).ok().and_then(Receipt::parse);
    let receipt = receipt.ok_or_else(|| refuted("the file is no receipt"))?;
    let mut records = Vec::new();
    let mut lines = Vec::new();
    for proof in &receipt.0 {
        let (log, checkpoint, leaf) = proven(&keys, trust.as_ref(), proof)?;
        for witness in &args.witnesses {
            let seen = witness.seen(checkpoint.note());
            let seen = seen.ok_or_else(|| {
                refuted(format!(
                    "a checkpoint has no cosignature of {}",
                    witness.text()
                ))
            })?;
            lines.push(format!("Seen at {seen} by {}.", witness.text()));
        }
        let event = record::read(&leaf).map_err(refuted)?;
        records.push(Proven {
            shown: Shown::new(&log, proof.index, &leaf, None),
            log,
            index: proof.index,
            size: checkpoint.size(),
            event,
        });
    }
    belong_together(&records)?;
    lines.extend(
        records
            .iter()
            .map(|one| one.shown.line().trim_end().to_owned()),
    );
    let signed = match trust {
        Some(_) => " command-svc signed what only it may say.",
        None => "",
    };
    let (log, size) = records
        .first()
        .map_or((String::new(), 0), |one| (one.log.to_string(), one.size));
    lines.push(format!(
        "PROVEN: {} That is recorded in {log}, in the tree of {size} records that the key's holder \
         signed.{signed}",
        told(&records)
    ));
    lines.push(
        "Not proven: who the person behind the reference is, and that no other outcome of the same \
         command stands between these records."
            .to_owned(),
    );
    let records: Vec<_> = records.iter().map(|one| one.shown.json()).collect();
    Ok(Say::new(lines, json!({ "records": records })))
}

/// An access, and at most the outcome of its command behind it, in one access log.
fn belong_together(records: &[Proven]) -> Result<(), Stop> {
    let (first, rest) = match records {
        [first, rest @ ..] if rest.len() <= 1 => (first, rest),
        _ => {
            return Err(refuted(
                "it has other records than one access and its outcome",
            ));
        }
    };
    if first.log.topic() != Topic::AccessEvents.name() {
        return Err(refuted("its records are not of a log of accesses"));
    }
    let Some(second) = rest.first() else {
        return match first.event.body {
            Body::AccessDecided(_) | Body::AccessObserved(_) => Ok(()),
            _ => Err(refuted("its record is no access")),
        };
    };
    let same = match (&first.event.body, &second.event.body) {
        (Body::AccessDecided(decided), Body::CommandCompleted(completed)) => {
            decided.verdict == Verdict::Allow && decided.command == completed.command
        }
        _ => false,
    };
    match same && first.log == second.log && first.index < second.index {
        true => Ok(()),
        false => Err(refuted("its second record is not the outcome of the first")),
    }
}

/// What happened, in words.
fn told(records: &[Proven]) -> String {
    let Some(first) = records.first() else {
        return String::new();
    };
    let event = &first.event;
    let device = event
        .device
        .as_ref()
        .map_or("no device", |device| device.as_str());
    let who = event
        .actor
        .subject
        .map_or("somebody unknown".to_owned(), |id| id.to_string());
    let at = event.occurred_at;
    match &event.body {
        Body::AccessDecided(decided) => {
            let outcome = records.iter().find_map(|one| match &one.event.body {
                Body::CommandCompleted(completed) => Some(completed.outcome),
                _ => None,
            });
            let outcome = outcome.map_or(String::new(), |outcome| {
                format!(", and the outcome was {outcome}")
            });
            format!(
                "{who} asked at {at} to open {device}; the answer was {} ({}){outcome}.",
                decided.verdict, decided.reason
            )
        }
        Body::AccessObserved(observed) => {
            format!(
                "at {at} the partner reported of {who} at {device}: {}.",
                observed.observation
            )
        }
        _ => String::new(),
    }
}

fn refuted(why: impl Into<String>) -> Stop {
    Stop::Refuted(why.into())
}
