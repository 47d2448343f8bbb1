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
    EnsureSubjectRequest, EnsureSubjectsRequest, GetComplexRequest, VerifyPartnerRequest,
};
use proto::events as pb;
use proto::events::change::Entity;
use records::timestamp_to_wire;
use tonic::Code;
use uuid::Uuid;

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
    let egress = EgressReportRequest {
        complex_id: complex_id.clone(),
        from: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
        to: Some(timestamp_to_wire(Timestamp::now())),
        page_token: String::new(),
    };
    let get = GetComplexRequest { complex_id };
    Ok(vec![
        told(registry.clone().get_complex(get).await),
        told(registry.clone().apply(change(complex)).await),
        told(registry.clone().add_plate_credential(plate).await),
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

/// How often they meet.
const ROUNDS: u64 = 10;

/// Waits until an instance has the resident in this version.
async fn stands(registry: &Registry, resident: &Entity, version: u64) -> Result<()> {
    wait_until(PATIENCE, "every change so far", || async {
        let get = GetComplexRequest {
            complex_id: "sunrise".to_owned(),
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
