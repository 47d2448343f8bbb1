//! Who reads what: it stands in `audit.reads.v1` before the first row is answered. Whatever tells of
//! people passes here, since an [`Answer`](super::call::Answer) of it takes a [`Recorded`].
//!
//! A reader who asks the same in the same way is recorded once a minute; within it only whom further
//! pages show besides. What is remembered for that is bounded, and forgetting it costs a record more.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::event::{Actor, AuditRead, Body, Event};
use domain::id::{ComplexId, DeviceId, EventId};
use domain::vocabulary::ReadMethod;
use eventlog::{EventLog, Topic};
use jiff::Timestamp;
use uuid::Uuid;

use super::auth::Readable;
use super::status::Refusal;

/// The CloudEvents source of these records.
const SOURCE: &str = "urn:smarthome:projector-serve";
/// Persons and questions of one minute that are remembered, at most.
const REMEMBERED: usize = 100_000;

/// Records reads.
pub(super) struct Reads {
    log: Arc<dyn EventLog>,
    minute: Mutex<Minute>,
}

/// What is asked for, in one way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) method: ReadMethod,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) subject: Option<Uuid>,
    pub(super) device: Option<DeviceId>,
    pub(super) object: String,
    /// Words `name=VALUE`.
    pub(super) further: String,
}

impl Look {
    /// In this way, at everything.
    pub(super) fn at_all(method: ReadMethod) -> Self {
        Self {
            method,
            from: None,
            until: None,
            subject: None,
            device: None,
            object: String::new(),
            further: String::new(),
        }
    }
}

/// Proof that a read stands in the log.
pub(super) struct Recorded(());

impl Reads {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            minute: Mutex::default(),
        }
    }

    /// Records that the reader is given this, with whom it shows; durable when it returns.
    ///
    /// # Errors
    /// The log doesn't take it: nothing may be answered.
    pub(super) async fn record(
        &self,
        readable: &Readable,
        look: Look,
        shown: impl IntoIterator<Item = Uuid>,
    ) -> Result<Recorded, Refusal> {
        let now = Timestamp::now();
        let question = Question {
            reader: readable.reader().subject.0,
            complex: readable.complex().clone(),
            look,
        };
        let shown = shown.into_iter().collect();
        let Some(new) = self.lock(now).unnamed(&question, &shown) else {
            return Ok(Recorded(()));
        };
        // Nobody is shown in one record, too.
        let parts = new.chunks(AuditRead::MOST_SHOWN).map(<[_]>::to_vec);
        let parts = match new.is_empty() {
            true => vec![Vec::new()],
            false => parts.collect(),
        };
        let records = parts.into_iter().map(|shown| {
            let event = event(readable, &question.look, shown, now);
            (Topic::AuditReads, records::to_record(&event, None, SOURCE))
        });
        let appended = self.log.append_all(records.collect()).await;
        let method = question.look.method.as_str();
        let outcome = if appended.is_ok() {
            "recorded"
        } else {
            "refused"
        };
        metrics::counter!("projector_reads_total", "method" => method, "outcome" => outcome)
            .increment(1);
        if let Err(error) = appended {
            tracing::error!(%error, method, "a read can't be recorded, so it is refused");
            return Err(Refusal::Unavailable("READ_NOT_RECORDED"));
        }
        self.lock(now).name(question, shown);
        Ok(Recorded(()))
    }

    fn lock(&self, now: Timestamp) -> MutexGuard<'_, Minute> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        minute.turn(now.as_second().div_euclid(60));
        minute
    }
}

fn event(readable: &Readable, look: &Look, shown: Vec<Uuid>, now: Timestamp) -> Event {
    let reader = readable.reader();
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at: now,
        complex: readable.complex().clone(),
        device: look.device.clone(),
        actor: Actor {
            kind: reader.kind,
            subject: Some(reader.subject.0),
            caller: reader.caller.clone(),
        },
        correlation: String::new(),
        body: Body::AuditRead(AuditRead {
            method: look.method,
            from: look.from,
            until: look.until,
            subject: look.subject,
            object: look.object.clone(),
            further: look.further.clone(),
            shown,
        }),
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    reader: Uuid,
    complex: ComplexId,
    look: Look,
}

/// What was recorded in the minute that runs.
#[derive(Default)]
struct Minute {
    number: i64,
    named: HashMap<Question, HashSet<Uuid>>,
    /// Questions and persons in it.
    size: usize,
}

impl Minute {
    fn turn(&mut self, number: i64) {
        if number != self.number || self.size > REMEMBERED {
            *self = Self {
                number,
                ..Self::default()
            };
        }
    }

    /// Whom no record of this minute names yet for the question; none where nothing is left to record.
    fn unnamed(&self, question: &Question, shown: &BTreeSet<Uuid>) -> Option<Vec<Uuid>> {
        let Some(named) = self.named.get(question) else {
            return Some(shown.iter().copied().collect());
        };
        let new: Vec<Uuid> = shown
            .iter()
            .filter(|id| !named.contains(id))
            .copied()
            .collect();
        (!new.is_empty()).then_some(new)
    }

    fn name(&mut self, question: Question, shown: BTreeSet<Uuid>) {
        self.size += 1 + shown.len();
        self.named.entry(question).or_default().extend(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(reader: u128) -> Question {
        Question {
            reader: Uuid::from_u128(reader),
            complex: ComplexId::global(),
            look: Look::at_all(ReadMethod::SearchAccess),
        }
    }

    fn people(ids: &[u128]) -> BTreeSet<Uuid> {
        ids.iter().copied().map(Uuid::from_u128).collect()
    }

    #[test]
    fn a_minute_names_everybody_once_for_each_question() {
        let mut minute = Minute::default();
        minute.turn(7);
        let (one, nobody) = (question(1), people(&[]));
        assert_eq!(minute.unnamed(&one, &nobody), Some(Vec::new()));
        minute.name(one.clone(), people(&[5]));
        assert_eq!(minute.unnamed(&one, &nobody), None);
        assert_eq!(minute.unnamed(&one, &people(&[5])), None);
        let more = minute.unnamed(&one, &people(&[5, 6]));
        assert_eq!(more, Some(vec![Uuid::from_u128(6)]));
        assert!(minute.unnamed(&question(2), &people(&[5])).is_some());
        minute.turn(8);
        assert!(minute.unnamed(&one, &people(&[5])).is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut minute = Minute::default();
        minute.turn(7);
        minute.name(
            question(1),
            (0..=REMEMBERED as u128).map(Uuid::from_u128).collect(),
        );
        minute.turn(7);
        assert!(minute.named.is_empty());
    }
}
