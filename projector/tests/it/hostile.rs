//! Records that were written to do harm, or by a version that is yet to come: each has its leaf and
//! is seen, and what comes behind it is projected as ever.

use std::collections::HashMap;

use auditlog::{Leaf, MAX_LEAF_BYTES, OversizedRecord};
use bytes::Bytes;
use domain::event::{Body, DeviceSequence, Event};
use domain::vocabulary::Verdict;
use eventlog::{Position, TailFrom, Topic};
use jiff::{SignedDuration, Timestamp};
use projector::store::{AccessQuery, Table};
use projector::views::{self, RowWrite};
use prost::Message as _;
use proto::access::AccessKind;
use proto::events::Envelope;

use crate::fixture::{Fixture, command, complex, decided, device, observed, registry, status};
use crate::run::{Site, project};

use Seen::{As, Nothing, State, Unreadable};
use Topic::{AccessEvents, DeviceStatus, RegistryEvents};

/// How a record is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// As one that can't be read, for this reason.
    Unreadable(&'static str),
    /// As an access of this kind.
    As(AccessKind),
    /// As the state of its device.
    State,
    /// By its leaf alone.
    Nothing,
}

/// A name that says what it is, where it is put, and how it is to be seen.
type Case = (&'static str, Topic, &'static str, Option<Vec<u8>>, Seen);

fn envelope(event: &Event) -> Envelope {
    let value = records::to_record(event, None, "urn:test").value.unwrap();
    Envelope::decode(value).unwrap()
}

fn value(event: &Event) -> Option<Vec<u8>> {
    Some(envelope(event).encode_to_vec())
}

fn changed(event: &Event, change: impl FnOnce(&mut Envelope)) -> Option<Vec<u8>> {
    let mut envelope = envelope(event);
    change(&mut envelope);
    Some(envelope.encode_to_vec())
}

fn followed_by(event: &Event, more: &[u8]) -> Option<Vec<u8>> {
    Some([&envelope(event).encode_to_vec(), more].concat())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn with_partner_event(event: &Event, id: String) -> Option<Vec<u8>> {
    let mut event = event.clone();
    if let Body::AccessObserved(observed) = &mut event.body {
        observed.partner_event_id = id;
    }
    value(&event)
}

fn cases(fixture: &Fixture) -> Vec<Case> {
    let gate = device("sunrise.gate");
    let now = Timestamp::now();
    let seen = |id: &str, at| observed(&gate, id, 1, at);
    let plain = seen("plain", now);
    let decision = |number, at| decided(&gate, command(number), Verdict::Allow, at);
    let signed = |event: &Event| fixture.sealed(AccessEvents, event);
    let other = Fixture::new();
    let good = signed(&decision(900, now));
    let flipped = |at: usize| {
        let mut value = good.clone();
        value[at] ^= 1;
        Some(value)
    };
    let elsewhere = decided(&device("sunset.gate"), command(901), Verdict::Allow, now);
    let sequence = |sequence| DeviceSequence {
        epoch: u64::MAX,
        sequence,
    };
    let state = |number, at| status(&gate, sequence(number), at);
    let mut loud = state(8, now);
    if let Body::DeviceStatus(status) = &mut loud.body {
        status.firmware = "x".repeat(MAX_LEAF_BYTES + 1);
    }
    let mut lengthy = seen("lengthy", now);
    lengthy.correlation = "x".repeat(MAX_LEAF_BYTES + 1);
    // Groups, which nothing here has, 10,000 deep: a reader must not follow them down.
    let deep = b"\x9b\x06".repeat(10_000);
    // Two events in one envelope: the last one counts, and is the other topic's.
    let second = envelope(&registry("sunrise"));
    let second = Envelope {
        event: second.event,
        ..Envelope::default()
    }
    .encode_to_vec();

    let mut cases: Vec<Case> = vec![
        (
            "no value",
            AccessEvents,
            "sunrise",
            None,
            Unreadable("tombstone"),
        ),
        (
            "an empty value",
            AccessEvents,
            "sunrise",
            Some(vec![]),
            Unreadable("unknown_type"),
        ),
        (
            "noise",
            AccessEvents,
            "sunrise",
            Some(vec![0xff; 100]),
            Unreadable("not_protobuf"),
        ),
        (
            "nothing but zeros",
            AccessEvents,
            "sunrise",
            Some(vec![0; 100]),
            Unreadable("not_protobuf"),
        ),
        (
            "a leaf's stand-in",
            AccessEvents,
            "sunrise",
            Some(
                Leaf::of(Bytes::from(vec![7; 70_000]), 0, 0)
                    .bytes()
                    .to_vec(),
            ),
            Unreadable("not_protobuf"),
        ),
        (
            "cut off",
            AccessEvents,
            "sunrise",
            value(&plain).map(|value| value[..value.len() / 2].to_vec()),
            Unreadable("not_protobuf"),
        ),
        (
            "nested without end",
            AccessEvents,
            "sunrise",
            followed_by(&plain, &deep),
            Unreadable("not_protobuf"),
        ),
        (
            "of a type to come",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.event = None).map(|v| [&v[..], b"\x9a\x06\x02\x08\x01"].concat()),
            Unreadable("unknown_type"),
        ),
        (
            "with a field to come",
            AccessEvents,
            "sunrise",
            followed_by(&seen("to-come", now), b"\x98\x06\x01"),
            As(AccessKind::Observed),
        ),
        (
            "by an actor to come",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.actor.as_mut().unwrap().kind = 250),
            Unreadable("field"),
        ),
        (
            "by nobody",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.actor = None),
            Unreadable("field"),
        ),
        (
            "without a time",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.occurred_at = None),
            Unreadable("field"),
        ),
        (
            "at a time that no calendar has",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| {
                e.occurred_at.as_mut().unwrap().seconds = i64::MAX
            }),
            Unreadable("field"),
        ),
        (
            "at a time before all calendars",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| {
                e.occurred_at.as_mut().unwrap().seconds = i64::MIN
            }),
            Unreadable("field"),
        ),
        (
            "at a negative part of a second",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.occurred_at.as_mut().unwrap().nanos = -1),
            Unreadable("field"),
        ),
        (
            "two events at once",
            AccessEvents,
            "sunrise",
            followed_by(&plain, &second),
            Unreadable("signature"),
        ),
        (
            "a decision that nobody signed",
            AccessEvents,
            "sunrise",
            value(&decision(902, now)),
            Unreadable("signature"),
        ),
        (
            "a decision signed by another key",
            AccessEvents,
            "sunrise",
            Some(other.sealed(AccessEvents, &decision(903, now))),
            Unreadable("signature"),
        ),
        (
            "a decision signed for another topic",
            AccessEvents,
            "sunrise",
            Some(fixture.sealed(RegistryEvents, &decision(904, now))),
            Unreadable("signature"),
        ),
        (
            "a decision whose signature is altered",
            AccessEvents,
            "sunrise",
            flipped(good.len() - 1),
            Unreadable("signature"),
        ),
        (
            "a decision without the end of its signature",
            AccessEvents,
            "sunrise",
            Some(good[..good.len() - 1].to_vec()),
            Unreadable("not_protobuf"),
        ),
        (
            "a decision with more behind its signature",
            AccessEvents,
            "sunrise",
            Some([&good[..], b"\x98\x06\x01"].concat()),
            Unreadable("signature"),
        ),
        (
            "another complex's decision under this key",
            AccessEvents,
            "sunrise",
            Some(signed(&elsewhere)),
            Unreadable("key"),
        ),
        (
            "a partner's event under another complex",
            AccessEvents,
            "sunset",
            value(&plain),
            Unreadable("key"),
        ),
        (
            "under a key that is no complex",
            AccessEvents,
            "No Complex!",
            value(&plain),
            Unreadable("key"),
        ),
        (
            "under a key as long as a record",
            AccessEvents,
            "LONG",
            value(&plain),
            Unreadable("key"),
        ),
        (
            "another topic's event",
            AccessEvents,
            "sunrise",
            Some(signed(&registry("sunrise"))),
            Unreadable("wrong_topic"),
        ),
        (
            "of another complex's device",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.device_id = "sunset.gate".into()),
            Unreadable("other_complex"),
        ),
        (
            "of no device",
            AccessEvents,
            "sunrise",
            changed(&plain, |e| e.device_id.clear()),
            Unreadable("no_device"),
        ),
        (
            "noise above a leaf's limit",
            AccessEvents,
            "sunrise",
            Some(vec![7; MAX_LEAF_BYTES + 1]),
            Unreadable("not_protobuf"),
        ),
        (
            "readable above a leaf's limit",
            AccessEvents,
            "sunrise",
            value(&lengthy),
            As(AccessKind::Observed),
        ),
        (
            "a partner's id longer than any key",
            AccessEvents,
            "sunrise",
            with_partner_event(&plain, "x".repeat(MAX_LEAF_BYTES + 1)),
            Unreadable("field"),
        ),
        (
            "a partner's id longer than a batch",
            AccessEvents,
            "sunrise",
            with_partner_event(&plain, "x".repeat(2_000)),
            Unreadable("field"),
        ),
        (
            "a partner's id with a zero in it",
            AccessEvents,
            "sunrise",
            with_partner_event(&plain, "a\0b".into()),
            Unreadable("field"),
        ),
        (
            "a state that is noise",
            DeviceStatus,
            "sunrise.gate",
            Some(vec![9]),
            Unreadable("not_protobuf"),
        ),
        (
            "a state under a key that is no device",
            DeviceStatus,
            "sunrise",
            value(&state(1, now)),
            Unreadable("key"),
        ),
        (
            "a state with more percent than there are",
            DeviceStatus,
            "sunrise.gate",
            changed(&state(1, now), |e| {
                if let Some(proto::events::envelope::Event::DeviceStatusReported(status)) =
                    &mut e.event
                {
                    status.battery_percent = Some(101);
                }
            }),
            Unreadable("field"),
        ),
        (
            "a state in the year 9999",
            DeviceStatus,
            "sunrise.gate",
            value(&state(7, Timestamp::MAX)),
            State,
        ),
        (
            "a state above a leaf's limit",
            DeviceStatus,
            "sunrise.gate",
            value(&loud),
            State,
        ),
        (
            "noise in the registry",
            RegistryEvents,
            "sunrise",
            Some(vec![0xff; 10]),
            Unreadable("not_protobuf"),
        ),
        (
            "a change that nobody signed",
            RegistryEvents,
            "sunrise",
            value(&registry("sunrise")),
            Unreadable("signature"),
        ),
        (
            "a good change",
            RegistryEvents,
            "sunrise",
            Some(fixture.sealed(RegistryEvents, &registry("sunrise"))),
            Nothing,
        ),
    ];
    for (name, at) in [
        ("in 1970", Timestamp::UNIX_EPOCH),
        ("in 2100", time("2100-01-01T00:00:00Z")),
        (
            "before a database's time begins",
            time("1677-09-21T00:12:43Z"),
        ),
        ("after a database's time ends", time("2262-04-11T23:47:17Z")),
        ("when all time begins", Timestamp::MIN),
        ("when all time ends", Timestamp::MAX),
    ] {
        cases.push((
            name,
            AccessEvents,
            "sunrise",
            value(&seen(&name.replace(' ', "-"), at)),
            As(AccessKind::Observed),
        ));
    }
    for (name, at) in [
        ("a decision in 1970", Timestamp::UNIX_EPOCH),
        ("a decision in 2100", time("2100-01-01T00:00:00Z")),
        ("a decision when all time begins", Timestamp::MIN),
        (
            "a decision when all time ends",
            Timestamp::MAX - SignedDuration::from_secs(30),
        ),
    ] {
        let event = Event {
            occurred_at: at,
            ..decision(910, at)
        };
        cases.push((
            name,
            AccessEvents,
            "sunrise",
            Some(signed(&event)),
            As(AccessKind::Command),
        ));
    }
    cases
}

/// All of them in a log, with where they stand.
pub struct Hostile {
    fixture: Fixture,
    written: Vec<(Case, Position)>,
}

impl Hostile {
    pub async fn written() -> Self {
        let fixture = Fixture::new();
        let mut written = Vec::new();
        for case in cases(&fixture) {
            let (_, topic, key, value, _) = &case;
            let key = match *key {
                "LONG" => "x".repeat(100_000),
                key => key.to_owned(),
            };
            let at = fixture.raw(*topic, &key, value.clone()).await;
            written.push((case, at));
        }
        // What comes behind them.
        fixture.workload(1).await;
        Self { fixture, written }
    }

    /// Projects them to a site, and looks for each.
    pub async fn are_all_seen(&self, site: &Site) {
        project(&self.fixture, site, 7).await;
        self.leaves(site).await;
        let reader = site.views.reader();
        let unreadable = reader.scan(Table::Unreadable).await.unwrap();
        for ((name, topic, key, _, seen), at) in &self.written {
            let reason = unreadable.iter().find_map(|row| match row {
                RowWrite::Unreadable(row) if (row.topic, row.position) == (*topic, *at) => {
                    Some(row.reason.as_str())
                }
                _ => None,
            });
            let expected = match seen {
                Unreadable(reason) => Some(*reason),
                _ => None,
            };
            assert_eq!(reason, expected, "{name}");
            let kind = match seen {
                Unreadable(_) if *topic == AccessEvents && key.starts_with("sun") => {
                    AccessKind::Unreadable
                }
                As(kind) => *kind,
                State => {
                    let state = reader.device(&device(key)).await.unwrap();
                    assert!(state.is_some(), "{name}");
                    continue;
                }
                _ => continue,
            };
            let query = AccessQuery {
                complex: complex(key),
                from: None,
                until: None,
                subject: None,
                device: None,
                automation: None,
            };
            let rows = reader.search(&query, None, 1_000).await.unwrap();
            let row = rows.iter().find(|row| row.offset == at.offset);
            assert_eq!(row.map(|row| row.record.kind()), Some(kind), "{name}");
        }
        for topic in views::TOPICS {
            let ends = self.fixture.log.end_offsets(topic).await.unwrap();
            for (partition, _) in (0..).zip(ends) {
                assert_eq!(site.views.halts(topic, partition).await.unwrap(), []);
            }
        }
    }

    /// Each record is the leaf of its place, verbatim or described, and the trees' roots follow
    /// from that.
    async fn leaves(&self, site: &Site) {
        site.trees(&*self.fixture.log).await;
        for topic in [AccessEvents, RegistryEvents] {
            let mut sizes = HashMap::new();
            let ends = self.fixture.log.end_offsets(topic).await.unwrap();
            let mut tail = self
                .fixture
                .log
                .tail(topic, TailFrom::Beginning)
                .await
                .unwrap();
            while tail.positions() != ends {
                for record in tail.next_batch(100).await.unwrap() {
                    let log = views::log_of(&record).unwrap();
                    let index = sizes.entry(log.clone()).or_insert(0);
                    let leaf = site.reader(&log).entry(*index).await.unwrap();
                    *index += 1;
                    let value = record.value.unwrap_or_default();
                    if value.len() <= MAX_LEAF_BYTES {
                        assert_eq!(leaf, value, "{log}");
                    } else {
                        let stand_in = OversizedRecord::parse(&leaf).unwrap();
                        assert_eq!(stand_in.offset, record.position.offset);
                        assert_eq!(stand_in.length, value.len() as u64);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn no_record_stops_a_projection() {
    let hostile = Hostile::written().await;
    let site = Site::new().await;
    hostile.are_all_seen(&site).await;
    // In one batch, it comes to the same.
    let again = Site::new().await;
    project(&hostile.fixture, &again, 10_000).await;
    assert!(site.dump().await == again.dump().await);
}
