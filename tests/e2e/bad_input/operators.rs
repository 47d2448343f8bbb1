//! `RegistryService`: wrong requests of operators.

use anyhow::Result;
use eventlog::Topic;
use harness::clients::Operator;
use jiff::Timestamp;
use pb::change::Entity;
use proto::access::{
    AddPlateCredentialRequest, ApplyRequest, DeliverTokenKeyRequest, EnsureSubjectRequest,
    EnsureSubjectsRequest, GetComplexRequest,
};
use proto::events as pb;
use records::timestamp_to_wire;
use tonic::Code;
use uuid::Uuid;

use crate::support::Scene;
use crate::support::status::{Told, told};

/// Makes a good request wrong.
type Change<R> = fn(&mut R);

fn wrong(field: &str) -> Told {
    Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field])
}

/// A change set that would apply.
fn good() -> ApplyRequest {
    let resident = pb::Resident {
        subject_ref: Uuid::new_v4().to_string(),
        active: true,
    };
    ApplyRequest {
        complex_id: "sunrise".to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "a new resident".to_owned(),
        changes: vec![pb::Change {
            expected_version: 0,
            entity: Some(Entity::Resident(resident)),
        }],
    }
}

#[tokio::test]
async fn wrong_change_sets_are_named_and_change_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let registry = Operator::connect(scene.site()).await?.registry;
    let before = scene.traces().await?;
    let apply = async |request: ApplyRequest| told(registry.clone().apply(request).await);

    let cases: [(&str, &str, Change<ApplyRequest>); 8] = [
        ("no complex", "complex_id", |r| r.complex_id.clear()),
        ("no slug", "complex_id", |r| {
            r.complex_id = "ЖК «Рассвет»".into()
        }),
        ("no key", "idempotency_key", |r| r.idempotency_key.clear()),
        ("a key that is no UUID", "idempotency_key", |r| {
            r.idempotency_key = "again".into()
        }),
        ("a long note", "note", |r| r.note = "n".repeat(201)),
        ("no changes", "changes", |r| r.changes.clear()),
        ("too many changes", "changes", |r| {
            r.changes = vec![r.changes[0].clone(); 501]
        }),
        (
            "a time zone that is none",
            "changes[0].complex.time_zone",
            |r| {
                r.changes[0].entity = Some(Entity::Complex(pb::Complex {
                    complex_id: "sunrise".into(),
                    name: "Sunrise".into(),
                    time_zone: "Mars/Olympus".into(),
                    face_basis: None,
                }));
            },
        ),
    ];
    for (name, field, change) in cases {
        let mut request = good();
        change(&mut request);
        assert_eq!(apply(request).await, wrong(field), "{name}");
    }
    for entity in [
        None,
        Some(Entity::Resident(pb::Resident {
            subject_ref: "anna".into(),
            active: true,
        })),
        Some(Entity::Grant(pb::Grant {
            grant_id: Uuid::new_v4().to_string(),
            subject_ref: Uuid::new_v4().to_string(),
            role: pb::GrantRole::Owner.into(),
            window: Some(pb::Window {
                not_before: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
                not_after: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
                ..pb::Window::default()
            }),
            ..pb::Grant::default()
        })),
        Some(Entity::Entrance(pb::Entrance {
            entrance_id: "sunrise.east".into(),
            building_id: "sunrise.no-such-building".into(),
            name: "East".into(),
        })),
        Some(Entity::Device(pb::Device {
            device_id: "moonlight.main-door".into(),
            ..pb::Device::default()
        })),
    ] {
        let mut request = good();
        request.changes[0].entity = entity;
        let refused = apply(request).await;
        assert_eq!(refused.code, Code::InvalidArgument, "{refused:?}");
        let named = refused
            .fields
            .iter()
            .all(|field| field.starts_with("changes[0]"));
        assert!(named && refused.fields.len() == 1, "{refused:?}");
    }
    let mut stale = good();
    stale.changes[0].expected_version = 7;
    assert_eq!(
        apply(stale).await,
        Told::new(Code::Aborted, "VERSION_CONFLICT", &[])
    );
    assert_eq!(scene.traces().await?, before);

    // The same good one twice is one change.
    let request = good();
    assert_eq!(apply(request.clone()).await.code, Code::Ok);
    assert_eq!(apply(request).await.code, Code::Ok);
    let changed = scene.traces().await?.records(Topic::RegistryEvents);
    assert_eq!(changed, before.records(Topic::RegistryEvents) + 1);
    scene.finish().await
}

#[tokio::test]
async fn wrong_subjects_credentials_and_keys() -> Result<()> {
    let scene = Scene::start().await?;
    let registry = Operator::connect(scene.site()).await?.registry;
    let before = scene.traces().await?;
    for (field, issuer, user_id) in [
        ("issuer", "", "user"),
        ("user_id", "https://issuer.example", ""),
        ("user_id", "https://issuer.example", &"u".repeat(513)),
    ] {
        let request = EnsureSubjectRequest {
            issuer: issuer.to_owned(),
            user_id: user_id.to_owned(),
        };
        assert_eq!(
            told(registry.clone().ensure_subject(request).await),
            wrong(field)
        );
    }

    let good = EnsureSubjectRequest {
        issuer: "https://issuer.example".to_owned(),
        user_id: "user".to_owned(),
    };
    let nameless = EnsureSubjectRequest {
        user_id: String::new(),
        ..good.clone()
    };
    for (field, users) in [
        ("users", vec![]),
        ("users", vec![good.clone(); 501]),
        (
            "users[2].user_id",
            vec![good.clone(), good.clone(), nameless],
        ),
        (
            "users[0].issuer",
            vec![EnsureSubjectRequest::default(), good.clone()],
        ),
    ] {
        for only_known in [false, true] {
            let users = users.clone();
            let request = EnsureSubjectsRequest { users, only_known };
            let refused = registry.clone().ensure_subjects(request).await;
            assert_eq!(told(refused), wrong(field));
        }
    }

    let good = AddPlateCredentialRequest {
        complex_id: "sunrise".to_owned(),
        credential_id: Uuid::new_v4().to_string(),
        plate: "В456МК 77".to_owned(),
        subject_ref: scene.registered.subject("anna")?.to_owned(),
        device_ids: vec!["sunrise.north-gate".to_owned()],
        window: None,
    };
    let cases: [(&str, Change<AddPlateCredentialRequest>); 5] = [
        ("complex_id", |r| r.complex_id = "Sunrise".into()),
        ("credential_id", |r| r.credential_id = "mine".into()),
        ("plate", |r| r.plate = "Анна Петрова".into()),
        ("subject_ref", |r| r.subject_ref = "anna".into()),
        ("device_ids", |r| r.device_ids = vec!["gate".into()]),
    ];
    for (field, change) in cases {
        let mut request = good.clone();
        change(&mut request);
        let refused = registry.clone().add_plate_credential(request).await;
        if let Err(status) = &refused {
            assert!(!status.message().contains("Анна"), "the plate is repeated");
        }
        assert_eq!(told(refused), wrong(field));
    }
    let request = DeliverTokenKeyRequest {
        complex_id: "sunrise".to_owned(),
        partner_id: "No Partner".to_owned(),
    };
    assert_eq!(
        told(registry.clone().deliver_token_key(request).await),
        wrong("partner_id")
    );
    let request = GetComplexRequest {
        complex_id: "no-such-complex".to_owned(),
        ..GetComplexRequest::default()
    };
    let refused = registry.clone().get_complex(request).await;
    assert_eq!(told(refused), Told::new(Code::NotFound, "NOT_FOUND", &[]));
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}
