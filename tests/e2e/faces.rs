//! Faces open only where both the complex and the person have a legal basis, and leave the partner
//! with either.

use anyhow::{Context as _, Result};
use domain::event::Body;
use domain::vocabulary::Resolution;
use eventlog::Topic;
use harness::clients::Operator;
use harness::process::wait_until;
use harness::site::Part;
use privacy::{Item, Subjects};
use proto::access::AddFaceCredentialRequest;
use proto::events as pb;
use proto::events::change::Entity;
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::support::status::{Told, told};
use crate::support::{PATIENCE, Scene, registry};

const DOOR: &str = "sunrise.main-door";
/// What the partner called anna's face.
pub(crate) const ANNAS_FACE: &str = "gk-Face-CANARY-7f31c2";

/// A wish for the face of a resident of the fixtures.
pub(crate) fn wish(
    scene: &Scene,
    username: &str,
    complex: &str,
    devices: &[String],
) -> Result<AddFaceCredentialRequest> {
    Ok(AddFaceCredentialRequest {
        complex_id: complex.to_owned(),
        credential_id: Uuid::new_v4().to_string(),
        face_reference: ANNAS_FACE.to_owned(),
        subject_ref: scene.registered.subject(username)?.to_owned(),
        device_ids: devices.to_vec(),
        window: None,
        basis: Some(consent()),
    })
}

fn consent() -> pb::LegalBasis {
    pb::LegalBasis {
        kind: pb::LegalBasisKind::ConsentInWriting.into(),
        document_date: "2026-01-12".to_owned(),
    }
}

/// Records a complex's legal basis, or withdraws it.
pub(crate) async fn record_basis(scene: &Scene, complex: &str, given: bool) -> Result<()> {
    let (version, found) = registry::find(scene, complex, |entity| match entity {
        Entity::Complex(complex) => Some(complex),
        _ => None,
    })
    .await?;
    let changed = pb::Complex {
        face_basis: given.then(consent),
        ..found
    };
    registry::put(scene, complex, version, Entity::Complex(changed)).await
}

async fn add(scene: &Scene, wish: &AddFaceCredentialRequest) -> Result<Told> {
    let mut operator = Operator::connect(scene.site()).await?;
    Ok(told(
        operator.registry.add_face_credential(wish.clone()).await,
    ))
}

/// The face stands before the door.
async fn show(scene: &Scene) -> Result<Value> {
    scene.partner.face(DOOR, ANNAS_FACE).await
}

async fn opens(scene: &Scene) -> bool {
    let seen = show(scene).await;
    seen.is_ok_and(|seen| seen["opened"] == json!(true))
}

/// Whether the reference is still kept, sealed.
async fn is_sealed(scene: &Scene, wish: &AddFaceCredentialRequest) -> Result<bool> {
    let mut subjects = Subjects::default();
    for record in scene.log.records(Topic::Subjects).await? {
        let at = domain::event::LogPosition {
            partition: record.position.partition,
            offset: record.position.offset,
        };
        let key = std::str::from_utf8(&record.key)?;
        subjects.fold(key, record.value.as_deref(), at)?;
    }
    let item = Item::Face(wish.credential_id.parse()?);
    Ok(subjects.item(wish.subject_ref.parse()?, item).is_some())
}

/// It was withdrawn: the partner has nothing more, and nor have we.
async fn is_gone(scene: &Scene, wish: &AddFaceCredentialRequest) -> Result<()> {
    wait_until(PATIENCE, "the partner to hold it no more", || async {
        !opens(scene).await
    })
    .await?;
    wait_until(PATIENCE, "the sealed reference to be erased", || async {
        is_sealed(scene, wish).await.is_ok_and(|sealed| !sealed)
    })
    .await?;
    let held = scene.partner.get("/held").await?;
    assert_eq!(held["credentials"], 1, "anna's car is left");
    Ok(())
}

#[tokio::test]
async fn a_face_opens_with_a_legal_basis_and_never_without() -> Result<()> {
    let scene = Scene::start().await?;
    let wish = wish(&scene, "anna", "sunrise", &[DOOR.to_owned()])?;
    let before = scene.traces().await?;
    let refused = Told::new(Code::FailedPrecondition, "NO_LEGAL_BASIS", &[]);
    assert_eq!(add(&scene, &wish).await?, refused);
    record_basis(&scene, "moonlight", true).await?;
    assert_eq!(
        add(&scene, &wish).await?,
        refused,
        "that of another complex"
    );
    let moved = before.records(Topic::RegistryEvents) + 1;
    let after = scene.traces().await?;
    assert_eq!(
        after.records(Topic::RegistryEvents),
        moved,
        "moonlight's basis"
    );
    assert_eq!(
        after.records(Topic::Subjects),
        before.records(Topic::Subjects)
    );

    record_basis(&scene, "sunrise", true).await?;
    let mut without = wish.clone();
    without.basis = None;
    assert_eq!(add(&scene, &without).await?.code, Code::InvalidArgument);
    without.basis = Some(pb::LegalBasis {
        document_date: "2999-01-01".to_owned(),
        ..consent()
    });
    assert_eq!(add(&scene, &without).await?.code, Code::InvalidArgument);
    assert!(!opens(&scene).await);

    assert_eq!(add(&scene, &wish).await?.code, Code::Ok);
    assert_eq!(add(&scene, &wish).await?.code, Code::Ok, "once");
    let another = AddFaceCredentialRequest {
        face_reference: "gk-somebody-else".to_owned(),
        ..wish.clone()
    };
    let reused = Told::new(Code::AlreadyExists, "KEY_REUSED", &[]);
    assert_eq!(add(&scene, &another).await?, reused);
    let seen = show(&scene).await?;
    assert_eq!(seen["credential_id"], json!(wish.credential_id));
    assert!(is_sealed(&scene, &wish).await?);
    let stranger = scene.partner.face(DOOR, "gk-stranger").await?;
    assert_eq!(stranger["opened"], json!(false));

    // Its event resolves to its holder.
    scene.delivered().await?;
    let events = scene.log.events(Topic::AccessEvents).await?;
    let observed = events.iter().find_map(|(_, event)| match &event.body {
        Body::AccessObserved(observed) if observed.credential.is_some() => Some((event, observed)),
        _ => None,
    });
    let (event, observed) = observed.context("the opening is in the log")?;
    assert_eq!(observed.resolution, Resolution::Resolved);
    let subject = event.actor.subject.context("its holder")?.to_string();
    assert_eq!(subject, wish.subject_ref);

    record_basis(&scene, "sunrise", false).await?;
    is_gone(&scene, &wish).await?;
    assert_eq!(add(&scene, &wish).await?, refused);
    record_basis(&scene, "sunrise", true).await?;
    assert!(!opens(&scene).await, "a basis brings nothing back");
    // Refused for as long as the erasure is on its way.
    wait_until(PATIENCE, "the face to be added again", || async {
        add(&scene, &wish)
            .await
            .is_ok_and(|told| told.code == Code::Ok)
    })
    .await?;
    assert!(opens(&scene).await && is_sealed(&scene, &wish).await?);

    // The person's own consent is withdrawn.
    let (version, face) = registry::find(&scene, "sunrise", |entity| match entity {
        Entity::Credential(credential) if credential.credential_id == wish.credential_id => {
            Some(credential)
        }
        _ => None,
    })
    .await?;
    assert_eq!(face.basis, Some(consent()));
    let withdrawn = pb::Credential {
        basis: None,
        ..face
    };
    registry::put(&scene, "sunrise", version, Entity::Credential(withdrawn)).await?;
    is_gone(&scene, &wish).await?;
    scene.finish().await
}

#[tokio::test]
async fn wrong_fields_are_named_and_nothing_is_repeated() -> Result<()> {
    let scene = Scene::start().await?;
    record_basis(&scene, "sunrise", true).await?;
    let before = scene.traces().await?;
    let good = wish(&scene, "anna", "sunrise", &[DOOR.to_owned()])?;
    type Change = fn(&mut AddFaceCredentialRequest);
    let cases: [(&str, Change); 7] = [
        ("complex_id", |r| r.complex_id = "Sunrise".into()),
        ("credential_id", |r| r.credential_id = "mine".into()),
        ("face_reference", |r| {
            r.face_reference = "Анна Петрова".into()
        }),
        ("subject_ref", |r| {
            r.subject_ref = Uuid::new_v4().to_string()
        }),
        ("device_ids", |r| r.device_ids.clear()),
        ("device_ids", |r| {
            r.device_ids = vec!["moonlight.main-door".into()]
        }),
        ("basis.kind", |r| r.basis = Some(pb::LegalBasis::default())),
    ];
    for (field, change) in cases {
        let mut request = good.clone();
        change(&mut request);
        let mut operator = Operator::connect(scene.site()).await?;
        let refused = operator.registry.add_face_credential(request).await;
        if let Err(status) = &refused {
            assert!(
                !status.message().contains("Анна"),
                "the reference is repeated"
            );
        }
        let wrong = Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field]);
        assert_eq!(told(refused), wrong);
    }
    // A complex's basis is no plan either.
    let (version, complex) = registry::find(&scene, "sunrise", |entity| match entity {
        Entity::Complex(complex) => Some(complex),
        _ => None,
    })
    .await?;
    let planned = pb::Complex {
        face_basis: Some(pb::LegalBasis {
            document_date: "2999-01-01".to_owned(),
            ..consent()
        }),
        ..complex
    };
    let put = registry::put(&scene, "sunrise", version, Entity::Complex(planned));
    let refused = put.await.unwrap_err().to_string();
    assert!(refused.contains("face_basis.document_date"), "{refused}");
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

#[tokio::test]
async fn what_a_partner_did_not_delete_is_asked_for_again() -> Result<()> {
    let mut scene = Scene::start().await?;
    record_basis(&scene, "sunrise", true).await?;
    let wish = wish(&scene, "anna", "sunrise", &[DOOR.to_owned()])?;
    assert_eq!(add(&scene, &wish).await?.code, Code::Ok);
    scene.site_mut().terminate(Part::Partner).await?;
    record_basis(&scene, "sunrise", false).await?;
    assert!(is_sealed(&scene, &wish).await?, "still owed");
    scene.site_mut().start_part(Part::Partner).await?;
    is_gone(&scene, &wish).await?;
    scene.finish().await
}
