//! `auditctl replay`: every decision once more, on the state that its record names.

mod again;
mod logs;
mod rewind;

use std::collections::BTreeSet;

use domain::ComplexId;
use eventlog::Topic;
use serde_json::json;

pub(crate) use again::{Again, Replayer};
pub(crate) use logs::{Logs, Step};

use crate::cli::ReplayArgs;
use crate::keys::Keys;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// Replays every complex whose access log is there, or is named.
pub(crate) async fn run(args: &ReplayArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let trust = Trust::required(&args.trust, &source)?;
    let complexes = complexes(&source);
    if complexes.is_empty() {
        return Err(Stop::Usage(
            "no access log is named; decisions stand in those".to_owned(),
        ));
    }
    let (mut lines, mut total, mut unable) = (Vec::new(), 0_u64, None);
    for complex in &complexes {
        let logs = Logs::read(&source, &keys, &trust, complex).await?;
        let mut replayer = Replayer::new(&logs);
        let mut count = 0_u64;
        for step in logs
            .access
            .iter()
            .filter(|step| args.period.has(step.event.occurred_at))
        {
            match replayer.again(step) {
                None => {}
                Some(Ok(again)) => {
                    if let Some(difference) = &again.difference {
                        return Err(differs(complex, step, difference));
                    }
                    count += 1;
                }
                Some(Err(why)) => {
                    let text = format!(
                        "{complex}: record {} ({}): {why}",
                        step.index, step.event.id
                    );
                    unable.get_or_insert(text);
                }
            }
        }
        lines.push(format!(
            "{complex}: {count} decisions made again, each as it was recorded"
        ));
        total += count;
    }
    if let Some(unable) = unable {
        return Err(Stop::Unknown(unable));
    }
    lines.push(format!(
        "PROVEN: {total} decisions follow from the records that command-svc signed, by the rules of this \
         tool's version {}. How much of the registry each one knew is what who keeps the log says of its \
         records' positions, which are under no root.",
        domain::POLICY_VERSION
    ));
    Ok(Say::new(
        lines,
        json!({ "decisions": total, "complexes": complexes.len() }),
    ))
}

/// A decision that doesn't follow from the records.
pub(crate) fn differs(complex: &ComplexId, step: &Step, difference: &str) -> Stop {
    Stop::Refuted(format!(
        "{complex}: the decision of record {} ({}) doesn't come out as it was recorded: {difference}. If \
         the registry's log was copied before the decision was made, copy it again first",
        step.index, step.event.id
    ))
}

/// The complexes of the access logs.
fn complexes(source: &Source) -> BTreeSet<ComplexId> {
    let logs = source.logs().iter();
    logs.filter(|log| log.topic() == Topic::AccessEvents.name())
        .filter_map(|log| {
            log.complex()
                .parse()
                .ok()
                .or_else(|| reserved(log.complex()))
        })
        .collect()
}

fn reserved(complex: &str) -> Option<ComplexId> {
    [ComplexId::unassigned(), ComplexId::global()]
        .into_iter()
        .find(|reserved| reserved.as_str() == complex)
}
