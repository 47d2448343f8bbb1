//! Uses of limited passes, and what they and a required login look like on the wire.

#![allow(clippy::unwrap_used)]

use authn::record::{RecordSigner, RecordVerifier, Speaker, generate_key, generate_root, issue};
use domain::event::{
    Actor, Body, Event, LegalHoldChanged, PassUseConsumed, PassUseReturned, SubjectErased,
    SubjectExported,
};
use domain::vocabulary::ActorKind;
use domain::{CommandId, EventId, PassId, SubjectRef};
use eventlog::{NewRecord, Position, Record, Topic};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use proto::events as pb;
use records::{
    EventReader, Unreadable, change_from_wire, change_to_wire, to_record, to_signed_record,
};
use uuid::Uuid;

fn keys() -> (RecordSigner, EventReader) {
    let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let hour = SignedDuration::from_hours(1);
    let speaker: Speaker = "command-svc".parse().unwrap();
    let (from, until) = (now - hour, now + hour);
    let certificate = issue(&root, speaker.clone(), key.public_key(), from, until).unwrap();
    let verifier = RecordVerifier::new(
        root.public_key(),
        vec![certificate.clone()],
        vec![],
        speaker,
    )
    .unwrap();
    let signer = RecordSigner::new(key, certificate).unwrap();
    (signer, EventReader::new(verifier))
}

fn stored(record: NewRecord) -> Record {
    Record {
        topic: Topic::RegistryEvents,
        position: Position {
            partition: 0,
            offset: 0,
        },
        key: record.key.clone().into(),
        append_time: Timestamp::now(),
        headers: record.event.to_headers(),
        value: record.value,
    }
}

fn event(body: Body) -> Event {
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at: "2026-11-24T12:00:00.5Z".parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        device: Some("sunrise.gate".parse().unwrap()),
        actor: Actor {
            kind: ActorKind::Guest,
            subject: Some(Uuid::from_u128(3)),
            caller: "spiffe://smarthome/bff/mobile".to_owned(),
        },
        correlation: "c".to_owned(),
        body,
    }
}

#[test]
fn uses_and_persons_read_back_only_where_they_are_signed() {
    let (signer, reader) = keys();
    let (pass, command) = (PassId(Uuid::from_u128(3)), CommandId(Uuid::from_u128(4)));
    let subject = SubjectRef(Uuid::from_u128(5));
    let bodies = [
        Body::PassUseConsumed(PassUseConsumed {
            pass,
            command,
            key_time: "2026-11-24T12:00:00.25Z".parse().unwrap(),
        }),
        Body::PassUseReturned(PassUseReturned { pass, command }),
        Body::SubjectExported(SubjectExported { subject }),
        Body::SubjectErased(SubjectErased {
            subject,
            identity: true,
        }),
        Body::LegalHoldChanged(LegalHoldChanged {
            subject,
            held: true,
            reason: "a court's order".to_owned(),
        }),
    ];
    for body in bodies {
        let event = event(body);
        let topic = Topic::RegistryEvents;
        let signed = to_signed_record(&event, topic, None, "urn:x", &signer).unwrap();
        assert_eq!(signed.key, "sunrise", "in the order of its complex");
        assert_eq!(reader.read(&stored(signed)).unwrap(), event);
        let unsigned = reader.read(&stored(to_record(&event, None, "urn:x")));
        assert!(matches!(unsigned, Err(Unreadable::Signature(_))));
    }
}

fn pass(max_uses: u32) -> pb::Change {
    pb::Change {
        expected_version: 0,
        entity: Some(pb::change::Entity::GuestPass(pb::GuestPass {
            pass_id: Uuid::from_u128(1).to_string(),
            secret_hash: vec![7; 32],
            grant_id: Uuid::from_u128(2).to_string(),
            device_ids: vec!["sunrise.gate".to_owned()],
            window: Some(pb::Window::default()),
            revoked: false,
            max_uses,
        })),
    }
}

fn device(step_up: Option<pb::StepUp>) -> pb::Change {
    pb::Change {
        expected_version: 0,
        entity: Some(pb::change::Entity::Device(pb::Device {
            device_id: "sunrise.gate".to_owned(),
            name: "Gate".to_owned(),
            kind: pb::DeviceKind::Gate.into(),
            operations: vec![pb::Operation::OpenBarrier.into()],
            partner_id: "partner-a".to_owned(),
            enabled: true,
            cooldown_ms: 0,
            step_up,
            place: None,
        })),
    }
}

fn step_up(max_age_seconds: u32, acr: &str) -> Option<pb::StepUp> {
    Some(pb::StepUp {
        max_age_seconds,
        acr: acr.to_owned(),
    })
}

#[test]
fn passes_and_devices_go_both_ways() {
    for wire in [
        pass(0),
        pass(1),
        pass(1000),
        device(None),
        device(step_up(300, "")),
        device(step_up(1, "urn:example:loa:2")),
    ] {
        let change = change_from_wire(&wire).unwrap();
        assert_eq!(change_to_wire(&change), wire);
    }
}

#[test]
fn places_go_both_ways() {
    let entities = [
        pb::change::Entity::Building(pb::Building {
            building_id: "sunrise.tower".to_owned(),
            name: "Tower".to_owned(),
        }),
        pb::change::Entity::Entrance(pb::Entrance {
            entrance_id: "sunrise.east".to_owned(),
            building_id: "sunrise.tower".to_owned(),
            name: "East".to_owned(),
        }),
        pb::change::Entity::Grant(pb::Grant {
            grant_id: Uuid::from_u128(1).to_string(),
            subject_ref: Uuid::from_u128(2).to_string(),
            role: pb::GrantRole::Owner.into(),
            building_ids: vec!["sunrise.tower".to_owned()],
            entrance_ids: vec!["sunrise.east".to_owned()],
            window: Some(pb::Window::default()),
            ..pb::Grant::default()
        }),
    ];
    let mut changes: Vec<_> = entities
        .into_iter()
        .map(|entity| pb::Change {
            expected_version: 0,
            entity: Some(entity),
        })
        .collect();
    for place in [
        pb::device::Place::BuildingId("sunrise.tower".to_owned()),
        pb::device::Place::EntranceId("sunrise.east".to_owned()),
    ] {
        let mut change = device(None);
        if let Some(pb::change::Entity::Device(device)) = &mut change.entity {
            device.place = Some(place);
        }
        changes.push(change);
    }
    for wire in changes {
        let change = change_from_wire(&wire).unwrap();
        assert_eq!(change_to_wire(&change), wire);
    }
}

#[test]
fn a_record_from_before_there_were_limits_has_none() {
    // Fields that hold nothing are not on the wire: these are the bytes of the older version.
    let older = pass(0).encode_to_vec();
    assert_eq!(pb::Change::decode(older.as_slice()).unwrap(), pass(0));
    let inputs = pb::DecisionInputs::decode([].as_slice()).unwrap();
    assert_eq!((inputs.uses_left, inputs.acr.as_str()), (None, ""));
}

#[test]
fn what_is_out_of_bounds_is_named() {
    let refused = |wire| change_from_wire(&wire).unwrap_err().0;
    assert_eq!(refused(pass(1001)), "guest_pass.max_uses");
    let age = "device.step_up.max_age_seconds";
    assert_eq!(refused(device(step_up(0, "gold"))), age);
    for acr in ["two words", "золото", &"x".repeat(65)] {
        assert_eq!(
            refused(device(step_up(300, acr))),
            "device.step_up.acr",
            "{acr}"
        );
    }
}
