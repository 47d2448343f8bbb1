//! What is written, and how it is to be seen.

use auditlog::{Leaf, MAX_LEAF_BYTES};
use bytes::Bytes;
use domain::event::{Body, DeviceSequence, Event};
use domain::vocabulary::Verdict;
use eventlog::Topic;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use proto::access::AccessKind;
use proto::events::Envelope;

use super::Case;
use super::Seen::{self, As, Nothing, State, Unreadable};
use crate::fixture::{Fixture, command, decided, device, observed, registry, status};

use Topic::{AccessEvents, DeviceStatus, RegistryEvents};

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

pub(super) fn cases(fixture: &Fixture) -> Vec<Case> {
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

    // In the log of accesses, under their complex' key.
    let accesses: Vec<(&str, Option<Vec<u8>>, Seen)> = vec![
        ("no value", None, Unreadable("tombstone")),
        ("an empty value", Some(vec![]), Unreadable("unknown_type")),
        ("noise", Some(vec![0xff; 100]), Unreadable("not_protobuf")),
        (
            "nothing but zeros",
            Some(vec![0; 100]),
            Unreadable("not_protobuf"),
        ),
        (
            "a leaf's stand-in",
            Some(
                Leaf::of(Bytes::from(vec![7; 70_000]), 0, 0)
                    .bytes()
                    .to_vec(),
            ),
            Unreadable("not_protobuf"),
        ),
        (
            "cut off",
            value(&plain).map(|value| value[..value.len() / 2].to_vec()),
            Unreadable("not_protobuf"),
        ),
        (
            "nested without end",
            followed_by(&plain, &deep),
            Unreadable("not_protobuf"),
        ),
        (
            "of a type to come",
            changed(&plain, |e| e.event = None).map(|v| [&v[..], b"\x9a\x06\x02\x08\x01"].concat()),
            Unreadable("unknown_type"),
        ),
        (
            "with a field to come",
            followed_by(&seen("to-come", now), b"\x98\x06\x01"),
            As(AccessKind::Observed),
        ),
        (
            "by an actor to come",
            changed(&plain, |e| e.actor.as_mut().unwrap().kind = 250),
            Unreadable("field"),
        ),
        (
            "by nobody",
            changed(&plain, |e| e.actor = None),
            Unreadable("field"),
        ),
        (
            "without a time",
            changed(&plain, |e| e.occurred_at = None),
            Unreadable("field"),
        ),
        (
            "at a time that no calendar has",
            changed(&plain, |e| {
                e.occurred_at.as_mut().unwrap().seconds = i64::MAX
            }),
            Unreadable("field"),
        ),
        (
            "at a time before all calendars",
            changed(&plain, |e| {
                e.occurred_at.as_mut().unwrap().seconds = i64::MIN
            }),
            Unreadable("field"),
        ),
        (
            "at a negative part of a second",
            changed(&plain, |e| e.occurred_at.as_mut().unwrap().nanos = -1),
            Unreadable("field"),
        ),
        (
            "two events at once",
            followed_by(&plain, &second),
            Unreadable("signature"),
        ),
        (
            "a decision that nobody signed",
            value(&decision(902, now)),
            Unreadable("signature"),
        ),
        (
            "a decision signed by another key",
            Some(other.sealed(AccessEvents, &decision(903, now))),
            Unreadable("signature"),
        ),
        (
            "a decision signed for another topic",
            Some(fixture.sealed(RegistryEvents, &decision(904, now))),
            Unreadable("signature"),
        ),
        (
            "a decision whose signature is altered",
            flipped(good.len() - 1),
            Unreadable("signature"),
        ),
        (
            "a decision without the end of its signature",
            Some(good[..good.len() - 1].to_vec()),
            Unreadable("not_protobuf"),
        ),
        (
            "a decision with more behind its signature",
            Some([&good[..], b"\x98\x06\x01"].concat()),
            Unreadable("signature"),
        ),
        (
            "another complex's decision under this key",
            Some(signed(&elsewhere)),
            Unreadable("key"),
        ),
        (
            "another topic's event",
            Some(signed(&registry("sunrise"))),
            Unreadable("wrong_topic"),
        ),
        (
            "of another complex's device",
            changed(&plain, |e| e.device_id = "sunset.gate".into()),
            Unreadable("other_complex"),
        ),
        (
            "of no device",
            changed(&plain, |e| e.device_id.clear()),
            Unreadable("no_device"),
        ),
        (
            "noise above a leaf's limit",
            Some(vec![7; MAX_LEAF_BYTES + 1]),
            Unreadable("not_protobuf"),
        ),
        (
            "readable above a leaf's limit",
            value(&lengthy),
            As(AccessKind::Observed),
        ),
        (
            "a partner's id longer than any key",
            with_partner_event(&plain, "x".repeat(MAX_LEAF_BYTES + 1)),
            Unreadable("field"),
        ),
        (
            "a partner's id longer than a batch",
            with_partner_event(&plain, "x".repeat(2_000)),
            Unreadable("field"),
        ),
        (
            "a partner's id with a zero in it",
            with_partner_event(&plain, "a\0b".into()),
            Unreadable("field"),
        ),
    ];
    let accesses = accesses.into_iter();
    let mut cases: Vec<Case> = accesses
        .map(|(name, value, seen)| (name, AccessEvents, "sunrise", value, seen))
        .collect();
    cases.extend([
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
    ]);
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
