//! Operators: what one may change and see ends with the complexes of the token, and every change is
//! recorded of whoever made it.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::clients::{Operator, Registry, channel, log_in, with_token};
use harness::process::wait_until;
use harness::site::Part;
use jiff::Timestamp;
use proto::access::registry_service_client::RegistryServiceClient;
use proto::access::{
    AddPlateCredentialRequest, ApplyRequest, DeliverTokenKeyRequest, EgressReportRequest,
    EnsureSubjectRequest, EnsureSubjectsRequest, GetComplexRequest, GetProvisioningRequest,
    HistoryRequest, VerifyPartnerRequest,
};
use proto::events as pb;
use proto::events::change::Entity;
use records::timestamp_to_wire;
use tonic::Code;
use uuid::Uuid;

use crate::faces;
use crate::support::status::{Told, told};
use crate::support::{PATIENCE, Scene};

fn change(complex: &str) -> ApplyRequest {
    let entity = match complex {
        "global" => Entity::Partner(pb::Partner {
            partner_id: "newcomer".to_owned(),
            name: "Newcomer".to_owned(),
            webhook_san: "dns:newcomer.example".to_owned(),
            attestation_key: vec![7; 32],
            suspended: false,
        }),
        _ => Entity::Resident(pb::Resident {
            subject_ref: Uuid::new_v4().to_string(),
            active: true,
        }),
    };
    ApplyRequest {
        complex_id: complex.to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "a new one".to_owned(),
        changes: vec![pb::Change {
            expected_version: 0,
            entity: Some(entity),
        }],
    }
}

/// What an operator is told by every call about a complex, each of which would succeed inside the
/// perimeter or name a wrong field.
async fn all_calls(registry: &Registry, scene: &Scene, complex: &str) -> Result<Vec<Told>> {
    let complex_id = complex.to_owned();
    let plate = AddPlateCredentialRequest {
        complex_id: complex_id.clone(),
        credential_id: Uuid::new_v4().to_string(),
        plate: "В456МК 77".to_owned(),
        subject_ref: scene.registered.subject("boris")?.to_owned(),
        device_ids: vec![format!("{complex}.north-gate")],
        window: None,
    };
    let key = DeliverTokenKeyRequest {
        complex_id: complex_id.clone(),
        partner_id: "gatekeeper".to_owned(),
    };
    let verify = VerifyPartnerRequest {
        complex_id: complex_id.clone(),
        partner_id: "gatekeeper".to_owned(),
    };
    let history = HistoryRequest {
        complex_id: complex_id.clone(),
        ..HistoryRequest::default()
    };
    let held = GetProvisioningRequest {
        complex_id: complex_id.clone(),
    };
    let egress = EgressReportRequest {
        complex_id: complex_id.clone(),
        from: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
        to: Some(timestamp_to_wire(Timestamp::now())),
        page_token: String::new(),
    };
    let get = GetComplexRequest {
        complex_id,
        ..GetComplexRequest::default()
    };
    let devices = [format!("{complex}.main-door")];
    let face = faces::wish(scene, "boris", complex, &devices)?;
    Ok(vec![
        told(registry.clone().history(history).await),
        told(registry.clone().get_provisioning(held).await),
        told(registry.clone().get_complex(get).await),
        told(registry.clone().apply(change(complex)).await),
        told(registry.clone().add_plate_credential(plate).await),
        told(registry.clone().add_face_credential(face).await),
        told(registry.clone().deliver_token_key(key).await),
        told(registry.clone().verify_partner(verify).await),
        told(registry.clone().egress_report(egress).await),
    ])
}

#[tokio::test]
async fn an_operator_of_one_complex_can_not_see_that_another_exists() -> Result<()> {
    let scene = Scene::start().await?;
    let port = &scene.site().ports.registry;
    let sunrise = Operator::connect_as(scene.site(), port, "sunrise-operator").await?;
    let before = scene.traces().await?;
    let none = Told::new(Code::NotFound, "NOT_FOUND", &[]);
    // The first two are there; the third is not. `unassigned` is what denials of strangers go under.
    for complex in ["moonlight", "global", "no-such-complex", "unassigned"] {
        for told in all_calls(&sunrise.registry, &scene, complex).await? {
            assert_eq!(told, none, "{complex}");
        }
    }
    assert_eq!(scene.traces().await?, before, "nothing was changed");

    let get = GetComplexRequest {
        complex_id: "sunrise".to_owned(),
        ..GetComplexRequest::default()
    };
    assert_eq!(
        told(sunrise.registry.clone().get_complex(get).await).code,
        Code::Ok
    );
    let applied = sunrise.registry.clone().apply(change("sunrise")).await;
    assert_eq!(told(applied).code, Code::Ok);
    scene.finish().await
}

#[tokio::test]
async fn nobody_without_the_role_is_an_operator() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let operator = Some(&site.certificates.operator);
    let channel = channel(site, &site.ports.registry, operator).await?;
    let mut registry = RegistryServiceClient::new(channel);
    let before = scene.traces().await?;
    let bare = registry.apply(change("sunrise")).await;
    let missing = Told::new(Code::Unauthenticated, "TOKEN_MISSING", &[]);
    assert_eq!(told(bare), missing);
    let required = Told::new(Code::PermissionDenied, "ROLE_REQUIRED", &[]);
    let user = EnsureSubjectRequest {
        issuer: "https://issuer.example".to_owned(),
        user_id: "somebody".to_owned(),
    };
    let users = EnsureSubjectsRequest {
        users: vec![user.clone()],
        only_known: true,
    };
    // A resident, and somebody who may read about every complex.
    for username in ["anna", "auditor"] {
        let token = log_in(site, username).await?.access_token;
        let change = with_token(change("sunrise"), &token)?;
        assert_eq!(told(registry.apply(change).await), required, "{username}");
        let one = with_token(user.clone(), &token)?;
        assert_eq!(
            told(registry.ensure_subject(one).await),
            required,
            "{username}"
        );
        let many = with_token(users.clone(), &token)?;
        assert_eq!(
            told(registry.ensure_subjects(many).await),
            required,
            "{username}"
        );
    }
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

#[tokio::test]
async fn a_change_is_recorded_of_the_operator_who_made_it() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let port = &site.ports.registry;
    let mut subjects = Vec::new();
    for username in ["operator", "sunrise-operator"] {
        let mut operator = Operator::connect_as(site, port, username).await?;
        let request = change("sunrise");
        let id = request.idempotency_key.clone();
        operator.registry.apply(request).await?;
        let events = scene.log.events(Topic::RegistryEvents).await?;
        let mut events = events.into_iter().map(|(_, event)| event);
        let event = events.find(|event| event.correlation == id);
        let event = event.context("the change set is in the log")?;
        assert!(matches!(event.body, Body::RegistryChanged(ref set) if set.note == "a new one"));
        subjects.push(
            event
                .actor
                .subject
                .context("its operator has a reference")?,
        );
    }
    assert_ne!(subjects[0], subjects[1]);
    scene.finish().await
}

#[tokio::test]
async fn a_complex_and_its_history_are_read_in_pages() -> Result<()> {
    let scene = Scene::start().await?;
    let mut registry = Operator::connect(scene.site()).await?.registry;
    let mut get = GetComplexRequest {
        complex_id: "sunrise".to_owned(),
        ..GetComplexRequest::default()
    };
    let whole = registry.get_complex(get.clone()).await?.into_inner();
    assert_eq!(whole.next_page_token, "");
    let mut found = Vec::new();
    get.page_size = 2;
    loop {
        let page = registry.get_complex(get.clone()).await?.into_inner();
        assert!((1..=2).contains(&page.entities.len()));
        found.extend(page.entities);
        if page.next_page_token.is_empty() {
            break;
        }
        get.page_token = page.next_page_token;
    }
    assert_eq!(found, whole.entities);

    // Two changes of a new resident, in the words of those who asked for them.
    let first = change("sunrise");
    let entity = first.changes[0].entity.clone();
    let Some(Entity::Resident(resident)) = &entity else {
        anyhow::bail!("a resident");
    };
    registry.apply(first.clone()).await?;
    let mut second = change("sunrise");
    second.note = "moved out".to_owned();
    second.changes[0] = pb::Change {
        expected_version: 1,
        entity: Some(Entity::Resident(pb::Resident {
            active: false,
            ..resident.clone()
        })),
    };
    registry.apply(second.clone()).await?;
    let mut entries = Vec::new();
    let mut request = HistoryRequest {
        complex_id: "sunrise".to_owned(),
        entity: format!("resident/{}", resident.subject_ref),
        page_size: 1,
        ..HistoryRequest::default()
    };
    loop {
        let page = registry.history(request.clone()).await?.into_inner();
        assert!(page.entries.len() <= 1);
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(entries.len(), 2);
    for (entry, asked) in entries.iter().zip([first, second]) {
        assert_eq!(entry.change_set_id, asked.idempotency_key);
        assert_eq!(entry.note, asked.note);
        assert_eq!(entry.changes, asked.changes);
        assert_eq!((&*entry.refused, &*entry.ignored), ("", ""));
        let actor = entry.actor.as_ref().context("an actor")?;
        assert!(!actor.subject_ref.is_empty() && !actor.caller.is_empty());
    }
    // All of it: everything that was ever registered there, and more entries than one page takes.
    let all = HistoryRequest {
        complex_id: "sunrise".to_owned(),
        ..HistoryRequest::default()
    };
    let all = registry.history(all).await?.into_inner();
    let named = all.entries.iter().flat_map(|entry| &entry.changes).count();
    assert!(named > whole.entities.len(), "{named}");
    for wrong in ["gate/x", "grant/x", "resident"] {
        let request = HistoryRequest {
            entity: wrong.to_owned(),
            ..request.clone()
        };
        let refused = told(registry.history(request).await);
        assert_eq!(
            refused,
            Told::new(Code::InvalidArgument, "INVALID_FIELD", &["entity"])
        );
    }
    scene.finish().await
}

/// How often they meet.
const ROUNDS: u64 = 10;

/// Waits until an instance has the resident in this version.
async fn stands(registry: &Registry, resident: &Entity, version: u64) -> Result<()> {
    wait_until(PATIENCE, "every change so far", || async {
        let get = GetComplexRequest {
            complex_id: "sunrise".to_owned(),
            ..GetComplexRequest::default()
        };
        let answer = registry.clone().get_complex(get).await;
        answer.is_ok_and(|answer| {
            answer.into_inner().entities.into_iter().any(|found| {
                let state = found.entity.and_then(|change| change.entity);
                found.version == version && state.as_ref() == Some(resident)
            })
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_writers_at_two_instances_one_wins_and_the_other_is_told() -> Result<()> {
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    let mut one = Operator::connect(scene.site()).await?.registry;
    let mut twin = Operator::connect_twin(scene.site()).await?.registry;
    let first = change("sunrise");
    let resident = first.changes[0].entity.clone();
    let resident = resident.context("an entity")?;
    one.apply(first).await?;
    let lost = Told::new(Code::Aborted, "VERSION_CONFLICT", &[]);
    for version in 1..=ROUNDS {
        stands(&one, &resident, version).await?;
        stands(&twin, &resident, version).await?;
        let write = || {
            let mut request = change("sunrise");
            request.changes[0].expected_version = version;
            request.changes[0].entity = Some(resident.clone());
            request
        };
        let (won, refused) = match tokio::join!(one.apply(write()), twin.apply(write())) {
            (Ok(won), Err(refused)) | (Err(refused), Ok(won)) => (won.into_inner(), refused),
            (one, twin) => anyhow::bail!("round {version}: {one:?} and {twin:?}"),
        };
        assert_eq!(won.versions, [version + 1]);
        assert_eq!(Told::from(&refused), lost, "round {version}");
    }
    // Nothing is lost, and nothing was counted twice.
    stands(&one, &resident, ROUNDS + 1).await?;
    stands(&twin, &resident, ROUNDS + 1).await?;
    scene.finish().await
}
