//! The log's tails, folded into what this instance knows.

use std::sync::Arc;

use domain::commands::{KEY_WINDOW, LEEWAY};
use domain::event::LogPosition;
use eventlog::{EventLog, Record, TailFrom, Topic};
use jiff::Timestamp;
use records::{Digest, EventReader, Follower, Unreadable};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::knowledge::Knowledge;
use crate::subjects::Directory;

/// The three tails. Decisions are made only while all of them are fresh.
pub(crate) struct Tails {
    registry: Follower,
    access: Follower,
    subjects: Follower,
}

impl Tails {
    /// Starts them: the registry where what is `known` of it ends, the subjects from their
    /// beginning, the commands as far
    /// back as an idempotency key may be old.
    pub(crate) fn spawn(
        log: &Arc<dyn EventLog>,
        reader: &Arc<EventReader>,
        known: TailFrom,
        knowledge: &Arc<Knowledge>,
        directory: &Arc<Directory>,
    ) -> Self {
        // They stop when they are dropped.
        let stop = CancellationToken::new();
        let since = Timestamp::now() - KEY_WINDOW - LEEWAY - LEEWAY;
        let follow = |topic, from, fold: Box<dyn FnMut(&Record) + Send>| {
            Follower::spawn(Arc::clone(log), topic, from, stop.clone(), fold)
        };
        let folder = || {
            let (reader, knowledge) = (Arc::clone(reader), Arc::clone(knowledge));
            Box::new(move |record: &Record| fold(&reader, &knowledge, record))
        };
        let directory = Arc::clone(directory);
        Self {
            registry: follow(Topic::RegistryEvents, known, folder()),
            access: follow(Topic::AccessEvents, TailFrom::Time(since), folder()),
            subjects: follow(
                Topic::Subjects,
                TailFrom::Beginning,
                Box::new(move |record: &Record| directory.fold(record)),
            ),
        }
    }

    /// Waits until every fold has been fresh once.
    pub(crate) async fn hydrated(&self, knowledge: &Knowledge) {
        tokio::join!(
            self.registry.hydrated(),
            self.access.hydrated(),
            self.subjects.hydrated()
        );
        let tails = [
            (Topic::RegistryEvents, &self.registry),
            (Topic::AccessEvents, &self.access),
        ];
        let mut state = knowledge.lock();
        for (topic, tail) in tails {
            for (partition, offset) in (0..).zip(tail.positions()) {
                state.folded(topic, partition, offset);
            }
        }
    }

    /// Whether all that a decision needs is known, to the second.
    pub(crate) fn is_fresh(&self) -> bool {
        self.registry.is_fresh() && self.access.is_fresh() && self.subjects.is_fresh()
    }

    /// Waits until whatever was in the registry's and the subjects' topics is folded.
    pub(crate) async fn caught_up(&self) {
        tokio::join!(self.registry.caught_up(), self.subjects.caught_up());
    }

    /// Whether identities and the registry are known, to the second.
    pub(crate) fn knows_registry(&self) -> bool {
        self.registry.is_fresh() && self.subjects.is_fresh()
    }
}

fn fold(reader: &EventReader, knowledge: &Knowledge, record: &Record) {
    // Signatures are checked, and hashes made, before the lock is taken.
    let event = reader.read(record);
    let digest = (record.topic == Topic::RegistryEvents).then(|| Digest::of(record));
    let mut state = knowledge.lock();
    match event {
        Ok(event) => match record.topic {
            Topic::RegistryEvents => state.fold_registry(event, record.append_time),
            _ => {
                let at = LogPosition {
                    partition: record.position.partition,
                    offset: record.position.offset,
                };
                state.fold_access(&event, at, record.append_time);
            }
        },
        Err(unreadable) => {
            metrics::counter!("unreadable_records_total", "topic" => record.topic.name(),
                "reason" => unreadable.reason())
            .increment(1);
            error!(
                topic = record.topic.name(),
                partition = record.position.partition,
                offset = record.position.offset,
                reason = unreadable.reason(),
                "record ignored"
            );
            // What is merely forged changes nothing; what is newer than this version might.
            if unreadable == Unreadable::UnknownType {
                state.refuse(record);
            }
        }
    }
    if let Some(digest) = digest {
        state.mark(record, digest);
    }
    state.folded(
        record.topic,
        record.position.partition,
        record.position.offset + 1,
    );
}
