//! Erasure: nothing of the person is in any file, what was recorded verifies as before, and a legal
//! hold keeps it all.

use anyhow::{Context as _, Result};
use domain::event::Body;
use domain::vocabulary::Resolution;
use eventlog::Topic;
use harness::clients::open_request;
use harness::fixtures::{self, ANNAS_PLATE};
use harness::process::wait_until;
use harness::site::{Pair, Part};
use privacy::{Item, SubjectKey};
use proto::access::{ErasureState, LogKind};
use proto::events as pb;
use proto::events::change::Entity;
use tonic::Code;
use uuid::Uuid;

use super::kit::{by_reference, by_user, erase, erased, export, hold, holding, persons, release};
use crate::smarthomectl::configured;
use crate::support::status::told;
use crate::support::{Ground, PATIENCE, Scene, audit, registry, tool};

/// The sealed values of a person, which nobody else has.
async fn sealed(scene: &Scene, subject: &str) -> Result<Vec<Vec<u8>>> {
    let records = scene.log.records(Topic::Subjects).await?;
    let own = records.into_iter().filter(|record| {
        let key = std::str::from_utf8(&record.key).ok();
        let key = key.and_then(|key| key.parse::<SubjectKey>().ok());
        key.is_some_and(|key| key.subject.to_string() == subject)
    });
    Ok(own
        .filter_map(|record| record.value.map(|value| value.to_vec()))
        .collect())
}

#[tokio::test]
async fn nothing_of_the_person_is_left_and_what_was_recorded_still_verifies() -> Result<()> {
    let mut scene = Ground::prepare_embedded().await?.build().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let token = scene.token("anna").await?;
    let opened = scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    scene
        .partner
        .plate("sunrise.north-gate", ANNAS_PLATE)
        .await?;
    scene.delivered().await?;
    let auditor = scene.auditor().await?;
    let record = audit::find(&auditor, "sunrise", "the opening", |record| {
        record.command_id == opened.command_id && record.outcome != 0
    })
    .await?;
    assert_eq!(record.user_id, "user-7f3a-anna");
    let before = audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    let values = sealed(&scene, &anna).await?;
    assert_eq!(values.len(), 2, "identity and plate");
    let data = scene.site().dir.join("data");
    let embedded = scene.site().pair() == Pair::Embedded;
    for value in values.iter().filter(|_| embedded) {
        assert!(!holding(&data, value)?.is_empty(), "the search finds");
    }

    let operator = persons(&scene, "operator").await?;
    let answer = erased(&operator, &anna, "").await?;
    assert!(!answer.identity_stays);
    // Asked again, nothing is left to do.
    let again = erase(&operator, by_reference(&anna), "sunrise").await?;
    assert_eq!(again.state(), ErasureState::Erased, "{again:?}");
    let gone = erase(&operator, by_user(scene.site(), "anna")?, "").await;
    assert_eq!(told(gone).code, Code::NotFound, "the user id finds nobody");

    assert!(sealed(&scene, &anna).await?.is_empty());
    for value in values.iter().filter(|_| embedded) {
        assert_eq!(holding(&data, value)?, Vec::<std::path::PathBuf>::new());
    }
    for folder in ["data", "logs"] {
        for marker in ["user-7f3a-anna", "A123BC77", "А123ВС"] {
            let found = holding(&scene.site().dir.join(folder), marker.as_bytes())?;
            assert!(found.is_empty(), "{marker} is in {found:?}");
        }
    }
    let held = scene.partner.get("/held").await?;
    assert_eq!(held["credentials"], 0, "the partner holds nothing");

    // The record is where it was, with the reference alone.
    let record = audit::find(&auditor, "sunrise", "the opening, of nobody", |record| {
        record.command_id == opened.command_id && record.outcome != 0 && record.user_id.is_empty()
    })
    .await?;
    let actor = record.actor.as_ref().context("an actor")?;
    assert_eq!(actor.subject_ref, anna);
    let after = audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    assert!(after.size >= before.size);
    audit::consistency(&auditor, "sunrise", before.size, after.size).await?;
    audit::checkpoint(scene.site(), &auditor, "sunrise", LogKind::Registry).await?;

    // A door opens no more, and the same user is somebody else.
    let refused = scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await;
    assert_eq!(told(refused).reason, "NO_GRANT");
    let mut registry = harness::clients::Operator::connect(scene.site()).await?;
    let newcomer = fixtures::ensure_subject(scene.site(), &mut registry, "anna").await?;
    assert_ne!(newcomer, anna);
    let erasures = scene.log.events(Topic::RegistryEvents).await?;
    let erasures = erasures
        .iter()
        .filter(|(_, event)| matches!(&event.body, Body::SubjectErased(erased) if erased.identity));
    assert_eq!(erasures.count(), 1);
    scene.site_mut().stop().await?;
    for marker in ["A123BC77", "А123ВС"] {
        assert!(holding(&data, marker.as_bytes())?.is_empty());
    }
    scene.finish().await
}

#[tokio::test]
async fn an_erasure_goes_on_where_it_stopped() -> Result<()> {
    let mut scene = Ground::prepare_embedded().await?.build().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let token = scene.token("anna").await?;
    let operator = persons(&scene, "operator").await?;
    scene.site_mut().terminate(Part::Partner).await?;
    let answer = erase(&operator, by_reference(&anna), "").await?;
    assert_eq!(answer.state(), ErasureState::Erasing);
    let steps: Vec<_> = answer
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.done))
        .collect();
    assert_eq!(steps, [("rights", true), ("partners", false)]);
    // No right is left meanwhile, and nothing is said to be erased.
    let refused = scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await;
    assert_eq!(told(refused).reason, "GRANT_REVOKED");
    assert_eq!(sealed(&scene, &anna).await?.len(), 2);
    // Whoever asks may be gone, and so may the instance that was asked.
    scene.site_mut().start_part(Part::Partner).await?;
    scene.site_mut().kill9(Part::CommandSvc)?;
    scene.site_mut().start_part(Part::CommandSvc).await?;
    let operator = persons(&scene, "operator").await?;
    erased(&operator, &anna, "").await?;
    let held = scene.partner.get("/held").await?;
    assert_eq!(held["credentials"], 0, "the partner holds nothing");
    assert!(sealed(&scene, &anna).await?.is_empty());
    scene.finish().await
}

#[tokio::test]
async fn an_event_of_somebody_erased_says_so() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let (_, credential) = registry::find(&scene, "sunrise", |entity| match entity {
        Entity::Credential(credential) => Some(credential),
        _ => None,
    })
    .await?;
    let operator = persons(&scene, "operator").await?;
    erased(&operator, &anna, "").await?;
    let site = scene.site();
    let sender = crate::support::sender::Sender::new(site, &site.certificates.partner)?;
    wait_until(PATIENCE, "an event of an erased person", || async {
        let mut event = crate::support::sender::granted(1);
        event["id"] = Uuid::new_v4().to_string().into();
        event["subject"] = "sunrise.north-gate".into();
        event["data"]["device"] = "sunrise.north-gate".into();
        event["data"]["complex"] = "sunrise".into();
        event["data"]["method"] = "plate".into();
        event["data"]["credential_id"] = credential.credential_id.clone().into();
        if sender.verdict(&event).await.is_err() {
            return false;
        }
        let events = scene
            .log
            .events(Topic::AccessEvents)
            .await
            .unwrap_or_default();
        events.iter().any(|(_, event)| match &event.body {
            Body::AccessObserved(observed) => observed.resolution == Resolution::Erased,
            _ => false,
        })
    })
    .await?;
    scene.finish().await
}

#[tokio::test]
async fn a_hold_keeps_everything_until_it_is_released() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let operator = persons(&scene, "operator").await?;
    hold(&operator, &anna, "sunrise", "case 7 of the district court").await?;
    let before = scene.traces().await?;
    let refused = erase(&operator, by_reference(&anna), "").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    for part in ["case 7 of the district court", &today] {
        assert!(refused.message().contains(part), "{}", refused.message());
    }
    assert_eq!(told::<()>(Err(refused)).reason, "LEGAL_HOLD");
    assert_eq!(scene.traces().await?, before, "nothing was changed");
    let exported = export(&operator, by_reference(&anna), "sunrise").await?;
    assert!(exported.complexes[0].hold.is_some());
    let token = scene.token("anna").await?;
    scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    release(&operator, &anna, "sunrise").await?;
    erased(&operator, &anna, "sunrise").await?;
    scene.finish().await
}

#[tokio::test]
async fn an_identity_stays_while_another_complex_knows_the_person() -> Result<()> {
    let scene = Ground::prepare_embedded().await?.build().await?;
    let anna = scene.registered.subject("anna")?.to_owned();
    let grant = pb::Grant {
        grant_id: Uuid::new_v4().to_string(),
        subject_ref: anna.clone(),
        role: pb::GrantRole::Household.into(),
        ..pb::Grant::default()
    };
    let resident = pb::Resident {
        subject_ref: anna.clone(),
        active: true,
    };
    registry::put(&scene, "moonlight", 0, Entity::Resident(resident)).await?;
    registry::put(&scene, "moonlight", 0, Entity::Grant(grant)).await?;
    let token = scene.token("anna").await?;
    let open = |device: &'static str| {
        let (bff, token) = (scene.bff.clone(), token.clone());
        async move { anyhow::Ok(bff.open(&token, open_request(device)?).await) }
    };
    assert!(open("moonlight.main-door").await?.is_ok());

    let sunrise = persons(&scene, "sunrise-operator").await?;
    let answer = erased(&sunrise, &anna, "").await?;
    assert!(answer.identity_stays);
    let text = format!("{answer:?}");
    assert!(!text.contains("moonlight"), "{text}");
    let left = sealed(&scene, &anna).await?;
    assert_eq!(left.len(), 1, "the plate is gone, the identity stays");
    assert_eq!(
        told(open("sunrise.main-door").await?).reason,
        "GRANT_REVOKED"
    );
    assert!(open("moonlight.main-door").await?.is_ok());

    // The last complex takes the identity along. The tool shows each step.
    let site = scene.site();
    let config = configured(site, "operator", &site.certificates.operator).await?;
    let config = config.to_str().context("a path in UTF-8")?;
    let args = [
        "subject",
        "erase",
        "--subject",
        &anna,
        "--complex",
        "moonlight",
        "--config",
        config,
    ];
    let logs = site.dir.join("logs");
    let unasked = tool::run("smarthomectl", args, &logs).await?;
    assert_eq!(unasked.status.code(), Some(1), "{}", unasked.text);
    assert_eq!(sealed(&scene, &anna).await?.len(), 1);
    let ended = tool::run("smarthomectl", args.iter().chain(&["--yes"]), &logs).await?;
    assert!(ended.status.success(), "{}", ended.text);
    for step in ["rights", "partners", "record", "items", "bytes"] {
        let done = ended.text.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(step) && words.next() == Some("done")
        });
        assert!(done, "{step}: {}", ended.text);
    }
    assert!(sealed(&scene, &anna).await?.is_empty());
    let item = Item::Identity.to_string();
    assert!(!ended.text.contains(&item), "{}", ended.text);
    scene.finish().await
}
