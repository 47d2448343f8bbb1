//! What must not be taken away although it has expired.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use auditlog::LogId;
use bytes::Bytes;
use domain::event::Body;
use domain::id::{ComplexId, SubjectRef};
use eventlog::{TailFrom, Topic};
use jiff::Timestamp;
use prost::Message as _;
use proto::events::Envelope;
use serde::Deserialize;

use crate::config::Config;
use crate::project::event_reader;

/// Records that are read at once.
const BATCH: usize = 1024;

/// `[[prune.holds]]`: what happened in a complex in this period stays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodHold {
    /// The complex.
    pub complex: ComplexId,
    /// From this instant; from the beginning unless set.
    pub from: Option<Timestamp>,
    /// Before this one; for ever unless set.
    pub until: Option<Timestamp>,
    /// Why, such as the number of a case.
    pub reason: String,
}

/// All that is on hold.
pub(super) struct Holds {
    periods: Vec<PeriodHold>,
    /// Persons under a legal hold, by complex, with the reason.
    persons: HashMap<String, BTreeMap<SubjectRef, String>>,
    /// Complexes whose registry can't be read to the end by this version.
    unknown: BTreeSet<String>,
}

/// Ids of commands of persons on hold, with what holds them.
#[derive(Default)]
pub(super) struct Named(BTreeMap<String, String>);

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds these leaves, if one of them has such an id.
    pub(super) fn in_any(&self, leaves: &[Bytes]) -> Option<String> {
        let mut held = self.0.iter();
        let held = held.find(|(id, _)| leaves.iter().any(|leaf| says(leaf, id)));
        held.map(|(_, by)| by.clone())
    }
}

impl Holds {
    /// Persons by the registry's records in the event log, which keeps them for ever; periods by the
    /// configuration.
    ///
    /// # Errors
    /// The event log can't be read.
    pub(super) async fn read(config: &Config) -> anyhow::Result<Self> {
        let log = config.log().map_err(anyhow::Error::msg)?;
        let reader = event_reader(config)?;
        let log = eventlog::open(&log.url, log.options.clone()).await?;
        let topic = Topic::RegistryEvents;
        let ends = log.end_offsets(topic).await?;
        let mut tail = log.tail(topic, TailFrom::Beginning).await?;
        let mut holds = Self {
            periods: config.prune.holds.clone(),
            persons: HashMap::new(),
            unknown: BTreeSet::new(),
        };
        while tail.positions().iter().zip(&ends).any(|(at, end)| at < end) {
            for record in tail.next_batch(BATCH).await? {
                match reader.read(&record) {
                    Ok(event) => holds.fold(event.complex, event.body),
                    Err(records::Unreadable::UnknownType) => {
                        let key = String::from_utf8_lossy(&record.key);
                        holds.unknown.insert(key.into_owned());
                    }
                    // Nobody who may say so said it.
                    Err(_) => {}
                }
            }
        }
        Ok(holds)
    }

    fn fold(&mut self, complex: ComplexId, body: Body) {
        if let Body::LegalHoldChanged(changed) = body {
            let persons = self.persons.entry(complex.to_string()).or_default();
            match changed.held {
                true => persons.insert(changed.subject, changed.reason),
                false => persons.remove(&changed.subject),
            };
        }
    }

    /// What holds a bundle, if anything does. Commands of persons on hold are added to `named`.
    pub(super) fn on(&self, log: &LogId, leaves: &[Bytes], named: &mut Named) -> Option<String> {
        if self.unknown.contains(log.complex()) {
            return Some("the registry has a record that this version can't read".to_owned());
        }
        let mut by = self.period(log, leaves);
        for (subject, reason) in self.persons.get(log.complex()).into_iter().flatten() {
            let why = format!("legal hold on {}: {reason}", subject.0);
            let text = subject.0.to_string();
            for leaf in leaves.iter().filter(|leaf| says(leaf, &text)) {
                by.get_or_insert_with(|| why.clone());
                if let Some(command) = command(leaf) {
                    named.0.insert(command, why.clone());
                }
            }
        }
        by
    }

    fn period(&self, log: &LogId, leaves: &[Bytes]) -> Option<String> {
        let of_complex = |hold: &&PeriodHold| hold.complex.as_str() == log.complex();
        let mut holds = self.periods.iter().filter(of_complex);
        let hold = holds.find(|hold| leaves.iter().any(|leaf| hold.may_have(leaf)));
        hold.map(|hold| format!("hold on the period: {}", hold.reason))
    }
}

impl PeriodHold {
    /// Whether a record happened in the period, or can't say when.
    fn may_have(&self, leaf: &[u8]) -> bool {
        let envelope = Envelope::decode(leaf).ok();
        let at = envelope.and_then(|envelope| envelope.occurred_at);
        let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        let Some(at) = at else {
            return true;
        };
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

/// The command that a decision is about.
fn command(leaf: &[u8]) -> Option<String> {
    use proto::events::envelope::Event;
    match Envelope::decode(leaf).ok()?.event? {
        Event::AccessDecided(decided) => Some(decided.command_id),
        _ => None,
    }
}

/// Whether a record has this text anywhere, in a field that this version knows or another.
fn says(leaf: &[u8], text: &str) -> bool {
    let wanted = text.as_bytes();
    !wanted.is_empty() && leaf.windows(wanted.len()).any(|found| found == wanted)
}
