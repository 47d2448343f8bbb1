//! What was done at a partner reads back as it was written, and only where it is signed.

#![allow(clippy::unwrap_used)]

use authn::record::{RecordSigner, RecordVerifier, Speaker, generate_key, generate_root, issue};
use domain::event::{Actor, Body, Effect, Event, ProvisioningChanged};
use domain::provisioning::{Content, Holding};
use domain::vocabulary::{ActorKind, CredentialKind};
use domain::window::Window;
use domain::{CredentialId, EventId};
use eventlog::{NewRecord, Position, Record, Topic};
use jiff::{SignedDuration, Timestamp};
use records::{EventReader, Unreadable, to_record, to_signed_record};
use uuid::Uuid;

fn keys() -> (RecordSigner, EventReader) {
    let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let hour = SignedDuration::from_hours(1);
    let speaker: Speaker = "command-svc".parse().unwrap();
    let (from, until) = (now - hour, now + hour);
    let certificate = issue(&root, speaker.clone(), key.public_key(), from, until).unwrap();
    let trusted = vec![certificate.clone()];
    let verifier = RecordVerifier::new(root.public_key(), trusted, vec![], speaker).unwrap();
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

fn event(effect: Effect) -> Event {
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at: "2026-11-24T12:00:00.5Z".parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        device: None,
        actor: Actor {
            kind: ActorKind::Service,
            subject: None,
            caller: "urn:smarthome:command-svc".to_owned(),
        },
        correlation: String::new(),
        body: Body::ProvisioningChanged(ProvisioningChanged {
            partner: "gatekeeper".parse().unwrap(),
            effect,
            reason: "MISSING".to_owned(),
        }),
    }
}

fn effects() -> Vec<Effect> {
    let credential = CredentialId(Uuid::from_u128(1));
    let window = Window {
        not_after: Some("2026-12-24T12:00:00Z".parse().unwrap()),
        weekdays: 1 << 3,
        minutes: (600, 700),
        ..Window::default()
    };
    let devices = ["sunrise.gate", "sunrise.door"].map(|id| id.parse().unwrap());
    let holding = Holding {
        content: Content::new(CredentialKind::Plate, window, "Europe/Moscow", devices),
        key_versions: [1, 2].into(),
    };
    vec![
        Effect::TokenKeyDelivered { key_version: 3 },
        Effect::Put {
            credential,
            holding,
        },
        Effect::Deleted { credential },
        Effect::ForeignDeleted { credential },
        Effect::Withheld { credential: None },
        Effect::Withheld {
            credential: Some(credential),
        },
    ]
}

#[test]
fn effects_read_back_only_where_they_are_signed() {
    let (signer, reader) = keys();
    for effect in effects() {
        let event = event(effect);
        let topic = Topic::RegistryEvents;
        let signed = to_signed_record(&event, topic, None, "urn:x", &signer).unwrap();
        assert_eq!(signed.key, "sunrise", "in the order of its complex");
        assert_eq!(reader.read(&stored(signed)).unwrap(), event);
        let unsigned = reader.read(&stored(to_record(&event, None, "urn:x")));
        assert!(matches!(unsigned, Err(Unreadable::Signature(_))));
    }
}

#[test]
fn an_effect_that_this_version_does_not_know_is_not_guessed() {
    let (signer, reader) = keys();
    let mut event = event(Effect::Withheld { credential: None });
    if let Body::ProvisioningChanged(changed) = &mut event.body {
        changed.reason = "no such thing".to_owned();
    }
    let signed = to_signed_record(&event, Topic::RegistryEvents, None, "urn:x", &signer).unwrap();
    let read = reader.read(&stored(signed));
    assert_eq!(
        read,
        Err(Unreadable::UnknownType),
        "signed, so of a later version"
    );
}
