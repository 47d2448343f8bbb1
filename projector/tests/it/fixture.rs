//! Records as command-svc and webhook-gw write them, and what isn't anybody's record.

mod events;

use std::sync::Arc;

use authn::record::{RecordSigner, RecordVerifier, Speaker, generate_key, generate_root, issue};
use domain::event::{DeviceSequence, Event};
use domain::id::{CommandId, ComplexId, DeviceId, EventId};
use domain::vocabulary::{Observation, Outcome, Verdict};
use eventlog::{
    AppendError, CloudEvent, EventLog, LogOptions, MemoryLog, NewRecord, Position, Topic,
};
use jiff::{SignedDuration, Timestamp};
use privacy::SubjectKey;
use records::EventReader;
use uuid::Uuid;

pub use events::{completed, decided, lost, observed, read, registry, rejected, remote, status};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A log, and who may write to it.
pub struct Fixture {
    pub log: Arc<dyn EventLog>,
    signer: RecordSigner,
    root: authn::record::PublicKey,
}

pub fn complex(text: &str) -> ComplexId {
    text.parse().unwrap()
}

pub fn device(text: &str) -> DeviceId {
    text.parse().unwrap()
}

pub fn command(number: u128) -> CommandId {
    CommandId(Uuid::from_u128(number))
}

/// Instants of the tests, in seconds after one of them.
pub fn at(seconds: i64) -> Timestamp {
    "2026-11-24T10:00:00.123456789Z"
        .parse::<Timestamp>()
        .unwrap()
        + SignedDuration::from_secs(seconds)
}

pub fn options() -> LogOptions {
    LogOptions {
        session_timeout: std::time::Duration::from_millis(150),
        ..LogOptions::default()
    }
}

impl Fixture {
    /// Over a log in memory.
    pub fn new() -> Self {
        Self::over(Arc::new(MemoryLog::new(options()).unwrap()))
    }

    pub fn over(log: Arc<dyn EventLog>) -> Self {
        let root = generate_root().unwrap();
        let key = generate_key().unwrap();
        let speaker: Speaker = "command-svc".parse().unwrap();
        let year = SignedDuration::from_hours(24 * 365);
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let certificate = issue(&root, speaker, key.public_key(), now - year, now + year).unwrap();
        Self {
            log,
            signer: RecordSigner::new(key, certificate).unwrap(),
            root: root.public_key(),
        }
    }

    pub fn reader(&self) -> EventReader {
        let certificate = self.signer.certificate().clone();
        let speaker = "command-svc".parse().unwrap();
        let verifier =
            RecordVerifier::new(self.root, vec![certificate], Vec::new(), speaker).unwrap();
        EventReader::new(verifier)
    }

    /// Writes what a configuration trusts, and gives its section.
    pub fn trust(&self, folder: &std::path::Path) -> String {
        let certificate = self.signer.certificate().to_json().unwrap();
        std::fs::write(folder.join("command-svc.json"), certificate).unwrap();
        format!(
            "[records]\nroot = \"{}\"\ncertificates = [\"command-svc.json\"]\n",
            self.root
        )
    }

    /// The record of an event that command-svc signs.
    pub fn record(&self, topic: Topic, event: &Event) -> NewRecord {
        let trace = Some(TRACE.to_owned());
        records::to_signed_record(event, topic, trace, "urn:test", &self.signer).unwrap()
    }

    /// Appends as a client does: what was certainly not written, since others held the log for long, is
    /// appended again.
    async fn append(&self, topic: Topic, record: NewRecord) -> Position {
        let mut refused = None;
        for _ in 0..20 {
            match self.log.append(topic, record.clone()).await {
                Ok(position) => return position,
                Err(error @ AppendError::NotWritten { .. }) => refused = Some(error),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{refused:?}");
    }

    /// Appends an event that command-svc signs.
    pub async fn signed(&self, topic: Topic, event: &Event) -> Position {
        let record = self.record(topic, event);
        self.append(topic, record).await
    }

    /// Appends an event that nobody signs.
    pub async fn unsigned(&self, topic: Topic, event: &Event) -> Position {
        let record = records::to_record(event, Some(TRACE.to_owned()), "urn:test");
        self.append(topic, record).await
    }

    /// The value of a record that command-svc signs for this topic.
    pub fn sealed(&self, topic: Topic, event: &Event) -> Vec<u8> {
        let record = records::to_signed_record(event, topic, None, "urn:test", &self.signer);
        record.unwrap().value.unwrap().to_vec()
    }

    /// Appends bytes that may be anything.
    pub async fn raw(&self, topic: Topic, key: &str, value: Option<Vec<u8>>) -> Position {
        let event = CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:test".into(),
            kind: "unknown".into(),
            subject: None,
            time: at(0),
            dataschema: None,
            traceparent: None,
        };
        let value = value.map(Into::into);
        let record = NewRecord {
            key: key.to_owned(),
            event,
            value,
        };
        self.append(topic, record).await
    }

    /// Keeps an item about a subject, or erases it.
    pub async fn item(&self, key: &SubjectKey, value: Option<Vec<u8>>) {
        self.raw(Topic::Subjects, &key.to_string(), value).await;
    }

    /// A bit of everything in several complexes, `rounds` times.
    pub async fn workload(&self, rounds: u32) {
        for round in 0..rounds {
            for complex in ["sunrise", "sunset", "harbour"] {
                self.round(complex, round).await;
            }
            self.raw(Topic::AccessEvents, "No Complex!", Some(vec![1, 2, 3]))
                .await;
        }
    }

    async fn round(&self, complex: &str, round: u32) {
        let access = Topic::AccessEvents;
        let of = |kind: u128| {
            let complex = Uuid::new_v5(&Uuid::NAMESPACE_URL, complex.as_bytes());
            CommandId(Uuid::from_u128(
                complex.as_u128() ^ (u128::from(round) << 8) ^ kind,
            ))
        };
        let gate = device(&format!("{complex}.gate"));
        // A command that is claimed twice, is unknown for a while, then settled twice.
        let decision = decided(&gate, of(1), Verdict::Allow, Timestamp::now());
        self.signed(access, &decision).await;
        self.signed(
            access,
            &decided(&gate, of(1), Verdict::Deny, Timestamp::now()),
        )
        .await;
        self.signed(access, &completed(&gate, of(1), Outcome::Unknown))
            .await;
        self.signed(access, &completed(&gate, of(1), Outcome::NotExecuted))
            .await;
        self.signed(access, &completed(&gate, of(1), Outcome::Executed))
            .await;
        // The same decision again, a late one, a denial.
        self.signed(access, &decision).await;
        self.signed(
            access,
            &decided(&gate, of(2), Verdict::Allow, at(-100_000_000)),
        )
        .await;
        self.signed(
            access,
            &decided(&gate, of(3), Verdict::Deny, Timestamp::now()),
        )
        .await;
        // The partner's event, repeated, and with other content.
        let id = format!("event-{round}");
        let seen = observed(&gate, &id, 1, at(round.into()));
        self.unsigned(access, &seen).await;
        self.unsigned(access, &observed(&gate, &id, 1, at(round.into())))
            .await;
        self.unsigned(access, &observed(&gate, &id, 2, at(-5)))
            .await;
        // Openings by command: one that was not executed, one that was before it is known, one
        // refused, one of nobody's; a forced door; all repeated.
        let now = Timestamp::now();
        self.signed(access, &decided(&gate, of(5), Verdict::Allow, now))
            .await;
        let granted = Observation::Granted;
        let seen = [
            remote(&gate, &format!("a-{round}"), Some(of(1)), granted),
            remote(&gate, &format!("b-{round}"), Some(of(5)), granted),
            remote(&gate, &format!("c-{round}"), Some(of(3)), granted),
            remote(&gate, &format!("d-{round}"), None, granted),
            remote(&gate, &format!("e-{round}"), None, Observation::ForcedOpen),
        ];
        for event in seen.iter().chain(&seen) {
            let again = Event {
                id: EventId(Uuid::now_v7()),
                ..event.clone()
            };
            self.unsigned(access, &again).await;
        }
        self.signed(access, &completed(&gate, of(5), Outcome::Rejected))
            .await;
        // What nobody can read: no envelope, no value, no signature, another topic's.
        self.raw(access, complex, Some(vec![0xff; 20])).await;
        self.raw(access, complex, None).await;
        self.unsigned(
            access,
            &decided(&gate, of(4), Verdict::Allow, Timestamp::now()),
        )
        .await;
        self.signed(access, &registry(complex)).await;
        self.raw(access, complex, Some(vec![7; 70_000])).await;
        self.signed(Topic::RegistryEvents, &registry(complex)).await;
        // Statuses, not in the order of the device.
        for sequence in [5, 9, 7] {
            let sequence = DeviceSequence {
                epoch: 1,
                sequence: sequence + u64::from(round),
            };
            self.unsigned(Topic::DeviceStatus, &status(&gate, sequence, at(0)))
                .await;
        }
        self.raw(Topic::DeviceStatus, gate.as_str(), Some(vec![9]))
            .await;
        // One of the numbers between was rejected, the other is lost.
        let rejected = rejected(&gate, 6 + u64::from(round));
        self.unsigned(Topic::IngressRejected, &rejected).await;
        self.unsigned(access, &lost(&gate, 8 + u64::from(round)))
            .await;
        self.raw(Topic::IngressRejected, "acme", Some(vec![9]))
            .await;
        // Who has read it, and what is no such record.
        self.unsigned(Topic::AuditReads, &read(&gate)).await;
        self.raw(Topic::AuditReads, complex, Some(vec![9])).await;
    }
}
