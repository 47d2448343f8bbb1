//! What a verified partner sends: CloudEvents, one or many.

use std::sync::LazyLock;

use authn::record::{RecordVerifier, generate_root};
use bytes::Bytes;
use domain::EventId;
use domain::event::{Body, Event};
use eventlog::{Position, Record, Topic};
use jiff::SignedDuration;
use records::EventReader;
use serde_json::Value;
use uuid::Uuid;
use webhook_gw::event::{CloudEvent, Fault, Format, PartnerEvent, parse};
use webhook_gw::judge::{Arrival, Judgement, World, judge};

use crate::partner;

const MOST: usize = 100;

/// Believes nobody's signature: what a partner says needs none.
static READER: LazyLock<EventReader> = LazyLock::new(|| {
    let root = generate_root().expect("a key").public_key();
    let speaker = "command-svc".parse().expect("a speaker");
    let verifier = RecordVerifier::new(root, Vec::new(), Vec::new(), speaker);
    EventReader::new(verifier.expect("a verifier"))
});

/// The body, read both as one event and as a batch.
pub fn check(data: &[u8]) {
    for format in [Format::Single, Format::Batch] {
        let Ok(events) = parse(format, data, MOST) else {
            continue;
        };
        assert!((1..=MOST).contains(&events.len()));
        for event in &events {
            let verbatim = data.windows(event.text.len());
            assert!(
                verbatim
                    .into_iter()
                    .any(|part| part == event.text.as_bytes()),
                "an event is a part of the body, as it was sent"
            );
            one(event);
        }
    }
}

fn one(event: &CloudEvent<'_>) {
    let read = PartnerEvent::read(event);
    if let Err(fault) = &read {
        points_at_a_field(event.text, fault);
    }
    let world = World {
        registry: partner::registry(),
        positions: &[1, 2, 3],
        lateness: SignedDuration::from_mins(10),
    };
    let arrival = Arrival {
        id: EventId(Uuid::from_u128(1)),
        at: partner::now(),
    };
    match judge(world, &partner::id(), event, arrival) {
        Judgement::Accepted(accepted) => {
            let told = read.expect("only what can be read is accepted");
            let device = partner::registry().device(&told.device);
            assert!(device.is_some_and(|device| device.partner == partner::id()));
            assert_eq!(
                (&accepted.complex, accepted.occurred_at),
                (&told.complex, told.at)
            );
            reads_back(&accepted);
        }
        Judgement::Rejected(rejection) => {
            points_at_a_field(event.text, &rejection.fault);
            if let Some((device, _)) = rejection.order {
                assert!(
                    partner::registry().device(&device).is_some(),
                    "its own only"
                );
            }
        }
    }
}

/// A fault's path is made of names of fields, never of what stands in one.
fn points_at_a_field(text: &str, fault: &Fault) {
    let path = fault.path.as_str();
    let names: Vec<&str> = path.split('/').skip(1).collect();
    let plain = |name: &&str| {
        (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
    };
    assert!(names.len() <= 2 && names.iter().all(plain), "{path}");
    assert!(path.is_empty() || path.starts_with('/'), "{path}");
    if fault.reason.as_str() != "undeclared_field" {
        assert!(
            names.last().is_some_and(|name| DECLARED.contains(name)),
            "{path}"
        );
        return;
    }
    // A field that nobody declared is there, or its object is named instead.
    let Ok(event) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let found = event.pointer(path).is_some();
    assert!(found, "the path of an undeclared field names none: {path}");
}

/// Every name that the contract has (`proto/partner/openapi.yaml`).
const DECLARED: &[&str] = &[
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "traceparent",
    "tracestate",
    "complex",
    "device",
    "method",
    "credential_id",
    "command_id",
    "occurred_at",
    "observed_at",
    "epoch",
    "sequence",
    "online",
    "lock_state",
    "door_position",
    "power",
    "tamper",
    "battery_percent",
    "firmware",
];

/// What is accepted can be recorded, and whoever reads the log reads the same.
fn reads_back(event: &Event) {
    let topic = match event.body {
        Body::DeviceStatus(_) => Topic::DeviceStatus,
        _ => Topic::AccessEvents,
    };
    let record = records::to_record(event, None, "urn:fuzz");
    assert_eq!(record.event.validate(), Ok(()));
    let record = Record {
        topic,
        position: Position {
            partition: 0,
            offset: 0,
        },
        key: Bytes::from(record.key),
        append_time: partner::now(),
        headers: record.event.to_headers(),
        value: record.value,
    };
    assert_eq!(READER.read(&record).as_ref(), Ok(event));
    let rows = projector::views::rows(&record, &Ok(event.clone()), None);
    assert!(!rows.is_empty(), "what is accepted is seen");
    let unreadable = |row: &_| matches!(row, projector::views::RowWrite::Unreadable(_));
    assert!(!rows.iter().any(unreadable), "{rows:?}");
}
