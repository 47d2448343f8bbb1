//! What is given out, to whom, and what stays of that in the registry.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use domain::event::Body;
use domain::vocabulary::ActorKind;
use eventlog::Topic;
use harness::fixtures::ANNAS_PLATE;
use proto::access::PersonRef;
use proto::events::change::Entity;
use serde_json::Value;
use tonic::Code;

use super::kit::{by_reference, by_user, erase, export, hold, persons, release};
use crate::smarthomectl::configured;
use crate::support::status::{Told, told};
use crate::support::{Scene, tool};

#[tokio::test]
async fn a_person_is_told_all_that_is_known_and_it_is_recorded() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let operator = persons(&scene, "sunrise-operator").await?;
    let answer = export(&operator, by_user(scene.site(), "anna")?, "").await?;
    assert_eq!(answer.subject_ref, anna);
    assert_eq!(answer.user_id, "user-7f3a-anna");
    let [sunrise] = answer.complexes.as_slice() else {
        panic!("{} complexes", answer.complexes.len());
    };
    assert_eq!(sunrise.complex_id, "sunrise");
    let kinds = |wanted: fn(&Entity) -> bool| {
        let entities = sunrise.entities.iter();
        let entities = entities.filter_map(|one| one.entity.as_ref()?.entity.as_ref());
        entities.filter(|entity| wanted(entity)).count()
    };
    assert_eq!(kinds(|entity| matches!(entity, Entity::Resident(_))), 1);
    assert_eq!(kinds(|entity| matches!(entity, Entity::Grant(_))), 1);
    assert_eq!(kinds(|entity| matches!(entity, Entity::GuestPass(_))), 2);
    assert_eq!(kinds(|entity| matches!(entity, Entity::Credential(_))), 1);
    assert_eq!(sunrise.entities.len(), 5, "and nobody else's");
    let plate = privacy::Plate::parse(ANNAS_PLATE)?;
    assert_eq!(sunrise.plates.len(), 1);
    assert_eq!(sunrise.plates[0].plate, plate.expose());

    let at = sunrise.audit_position.as_ref().context("a position")?;
    let events = scene.log.events(Topic::RegistryEvents).await?;
    let exports: Vec<_> = events
        .iter()
        .filter(|(_, event)| matches!(&event.body, Body::SubjectExported(_)))
        .collect();
    let [(record, event)] = exports.as_slice() else {
        panic!("{} exports", exports.len());
    };
    let position = record.position;
    assert_eq!(
        (position.partition, position.offset),
        (at.partition, at.offset)
    );
    assert_eq!(event.complex.as_str(), "sunrise");
    assert_eq!(event.actor.kind, ActorKind::Operator);
    scene.finish().await
}

#[tokio::test]
async fn who_is_known_only_elsewhere_is_nobody() -> Result<()> {
    let scene = Scene::start().await?;
    let operator = persons(&scene, "sunrise-operator").await?;
    let boris = scene.registered.subject("boris")?.to_owned();
    let before = scene.traces().await?;
    let none = Told::new(Code::NotFound, "NOT_FOUND", &[]);
    let nobody = uuid::Uuid::new_v4().to_string();
    for person in [
        by_reference(&boris),
        by_user(scene.site(), "boris")?,
        by_reference(&nobody),
        by_user(scene.site(), "grigory")?,
    ] {
        for complex in ["", "sunrise", "moonlight", "no-such-complex", "global"] {
            assert_eq!(told(export(&operator, person.clone(), complex).await), none);
            assert_eq!(told(erase(&operator, person.clone(), complex).await), none);
        }
    }
    for complex in ["sunrise", "moonlight"] {
        assert_eq!(told(hold(&operator, &boris, complex, "why").await), none);
        assert_eq!(told(release(&operator, &boris, complex).await), none);
    }
    assert_eq!(
        scene.traces().await?,
        before,
        "nothing was changed or recorded"
    );
    scene.finish().await
}

#[tokio::test]
async fn a_wrong_request_is_told_its_field() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let operator = persons(&scene, "operator").await?;
    let before = scene.traces().await?;
    let both = PersonRef {
        subject_ref: anna.clone(),
        ..by_user(scene.site(), "anna")?
    };
    let half = PersonRef {
        issuer: "https://issuer.example".to_owned(),
        ..PersonRef::default()
    };
    for (person, complex, field) in [
        (PersonRef::default(), "", "person"),
        (both, "", "person"),
        (half, "", "person.user_id"),
        (by_reference("anna"), "", "person.subject_ref"),
        (by_reference(&anna), "Sun Rise", "complex_id"),
    ] {
        let wrong = Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field]);
        assert_eq!(
            told(export(&operator, person.clone(), complex).await),
            wrong
        );
        assert_eq!(told(erase(&operator, person, complex).await), wrong);
    }
    for (complex, reason, field) in [
        ("", "why", "complex_id"),
        ("sunrise", "", "reason"),
        ("sunrise", "two\nlines", "reason"),
        ("sunrise", &"x".repeat(201), "reason"),
    ] {
        let wrong = Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field]);
        assert_eq!(told(hold(&operator, &anna, complex, reason).await), wrong);
    }
    assert_eq!(
        scene.traces().await?,
        before,
        "nothing was changed or recorded"
    );
    scene.finish().await
}

#[tokio::test]
async fn the_tool_writes_a_file_that_nobody_else_may_read() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let config = configured(site, "operator", &site.certificates.operator).await?;
    let folder = tempfile::tempdir()?;
    let (user, out) = (folder.path().join("user"), folder.path().join("anna.json"));
    std::fs::write(&user, "user-7f3a-anna\n")?;
    let issuer = site.issuer()?.as_str().trim_end_matches('/').to_owned();
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let args = [
        "subject",
        "export",
        "--issuer",
        &issuer,
        "--user-id-file",
        &text(&user),
        "--out",
        &text(&out),
        "--config",
        &text(&config),
    ]
    .map(str::to_owned);
    let ended = tool::run("smarthomectl", &args, &site.dir.join("logs")).await?;
    assert!(ended.status.success(), "{}", ended.text);
    assert!(!ended.text.contains("user-7f3a"), "{}", ended.text);
    assert_eq!(std::fs::metadata(&out)?.permissions().mode() & 0o777, 0o600);
    let told: Value = serde_json::from_slice(&std::fs::read(&out)?)?;
    assert_eq!(told["user_id"], "user-7f3a-anna");
    assert_eq!(told["complexes"][0]["plates"][0]["plate"], "A123BC77");
    assert_eq!(
        told["complexes"][0]["rights"].as_array().map(Vec::len),
        Some(5)
    );
    // It is not written over.
    let again = tool::run("smarthomectl", &args, &site.dir.join("logs")).await?;
    assert_eq!(again.status.code(), Some(1), "{}", again.text);
    scene.finish().await
}
