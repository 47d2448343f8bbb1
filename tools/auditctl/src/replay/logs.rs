//! What a complex's decisions are made from: its access log, its registry log, and that of `global`.

use auditlog::{LogId, Position};
use domain::ComplexId;
use domain::event::{Body, Event};
use eventlog::Topic;
use jiff::Timestamp;

use crate::keys::Keys;
use crate::pass;
use crate::prove::bundles;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// A record that may be believed, with where the event log has it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Index of its leaf.
    pub(crate) index: u64,
    /// Its offset.
    pub(crate) offset: u64,
    /// When it was taken in.
    pub(crate) append_time: Timestamp,
    /// What it says.
    pub(crate) event: Event,
}

/// The logs of one complex.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// Decisions and completions.
    pub(crate) access: Vec<Step>,
    /// The complex's registry, and that of `global`.
    pub(crate) registry: [Vec<Step>; 2],
}

impl Logs {
    /// Reads and proves them.
    pub(crate) async fn read(
        source: &Source,
        keys: &Keys,
        trust: &Trust,
        complex: &ComplexId,
    ) -> Result<Self, Stop> {
        let access = steps(source, keys, trust, &log(Topic::AccessEvents, complex)?).await?;
        let mut registry = [Vec::new(), Vec::new()];
        // Under `unassigned` nothing is ever registered.
        if !complex.is_reserved() {
            let log = log(Topic::RegistryEvents, complex)?;
            registry[0] = steps(source, keys, trust, &log).await?;
            let global = self::log(Topic::RegistryEvents, &ComplexId::global())?;
            registry[1] = steps(source, keys, trust, &global).await?;
        }
        Ok(Self { access, registry })
    }
}

/// The log of a complex in a topic.
pub(crate) fn log(topic: Topic, complex: &ComplexId) -> Result<LogId, Stop> {
    Ok(LogId::new(topic.name(), complex.as_str())?)
}

/// The records of a log that a fold counts.
async fn steps(
    source: &Source,
    keys: &Keys,
    trust: &Trust,
    log: &LogId,
) -> Result<Vec<Step>, Stop> {
    let (_, checkpoint) = keys.open(source, log).await?;
    let part = bundles(source, log, checkpoint.size())?;
    if part.start > 0 && log.topic() == Topic::RegistryEvents.name() {
        let text = format!("{log} is needed from its beginning, and is here only in part");
        return Err(Stop::Unknown(text));
    }
    let mut steps = Vec::new();
    let range = Some((part.start, part.end)).filter(|range| *range != pass::all(&checkpoint));
    let passed = pass::over(source, keys, log, range, true, &mut |placed| {
        let position = placed.position.ok_or_else(|| unplaced(log, placed.index))?;
        // What can't be believed no fold counts, here as there.
        if let Ok(event) = trust.read_leaf(log, placed.leaf, Some(position))
            && counts(&event.body)
        {
            steps.push(step(placed.index, position, event)?);
        }
        Ok(())
    })
    .await?;
    match passed.unseen() {
        None => Ok(steps),
        // What is left may rest on what is gone.
        Some(unseen) => Err(Stop::Unknown(format!(
            "{log}: {unseen}. Replay an archive that was exported before: auditctl export --help"
        ))),
    }
}

fn step(index: u64, position: Position, event: Event) -> Result<Step, Stop> {
    let append_time = Timestamp::from_millisecond(position.append_time)
        .map_err(|_| Stop::Refuted(format!("the position of record {index} has no time")))?;
    Ok(Step {
        index,
        offset: position.offset,
        append_time,
        event,
    })
}

fn counts(body: &Body) -> bool {
    matches!(
        body,
        Body::AccessDecided(_)
            | Body::CommandCompleted(_)
            | Body::RegistryChanged(_)
            | Body::PassUseConsumed(_)
            | Body::PassUseReturned(_)
            | Body::SubjectErased(_)
            | Body::LegalHoldChanged(_)
    )
}

fn unplaced(log: &LogId, index: u64) -> Stop {
    Stop::Unknown(format!(
        "{log}: where the event log had record {index} isn't kept beside its tiles (position/…), so that \
         nobody can say from them what a decision knew. Ask for these objects; for records of before they \
         were kept, for an audit log that was built anew from the event log"
    ))
}
