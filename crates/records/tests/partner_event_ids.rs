//! Ids that partners choose are bounded wherever they are read: they become keys in databases.
#![allow(clippy::unwrap_used)]

use authn::record::{RecordVerifier, generate_root};
use bytes::Bytes;
use domain::EventId;
use domain::event::{AccessObserved, Actor, Body, DeviceSequence, Event, LogPosition};
use domain::vocabulary::{ActorKind, Observation, Resolution};
use eventlog::{Position, Record, Topic};
use jiff::Timestamp;
use records::EventReader;
use uuid::Uuid;

fn observed(id: &str) -> Event {
    let at = Timestamp::UNIX_EPOCH;
    Event {
        id: EventId(Uuid::from_u128(1)),
        occurred_at: at,
        complex: "sunrise".parse().unwrap(),
        device: Some("sunrise.gate".parse().unwrap()),
        actor: Actor {
            kind: ActorKind::AtDevice,
            subject: None,
            caller: "gatekeeper".to_owned(),
        },
        correlation: String::new(),
        body: Body::AccessObserved(AccessObserved {
            partner: "gatekeeper".parse().unwrap(),
            partner_event_id: id.to_owned(),
            digest: [1; 32],
            observation: Observation::Granted,
            method: None,
            credential: None,
            resolution: Resolution::NotIdentified,
            registry_position: LogPosition::default(),
            command: None,
            sequence: DeviceSequence {
                epoch: 0,
                sequence: 0,
            },
            received_at: at,
            late: false,
        }),
    }
}

#[test]
fn an_id_is_short_and_printed() {
    let root = generate_root().unwrap().public_key();
    let speaker = "command-svc".parse().unwrap();
    let reader = EventReader::new(RecordVerifier::new(root, vec![], vec![], speaker).unwrap());
    let read = |id: &str| {
        let record = records::to_record(&observed(id), None, "urn:test");
        reader.read(&Record {
            topic: Topic::AccessEvents,
            position: Position {
                partition: 0,
                offset: 0,
            },
            key: Bytes::from(record.key),
            append_time: Timestamp::UNIX_EPOCH,
            headers: Vec::new(),
            value: record.value,
        })
    };
    for id in ["0198c5f0-7000-7000-8000-000000000001", "e", &"x".repeat(64)] {
        assert_eq!(read(id), Ok(observed(id)));
    }
    for id in [
        "",
        "a b",
        "a\n",
        "\u{e9}",
        &"x".repeat(65),
        &"x".repeat(70_000),
    ] {
        assert_eq!(
            read(id).unwrap_err().reason(),
            "field",
            "{} bytes",
            id.len()
        );
    }
}
