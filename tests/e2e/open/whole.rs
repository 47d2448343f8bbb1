//! One open, from the button to the inclusion proof.

use anyhow::{Context as _, Result};
use domain::event::Body;
use domain::vocabulary::{ActorKind, Outcome, Reason, Verdict};
use eventlog::Topic;
use harness::clients::open_request;
use harness::process::wait_for;
use harness::proofs::{self, LogKey};
use harness::site::roles::BFF_SAN;
use proto::access::{self, AccessKind, GetAccessRecordResponse, LogKind, OpenResponse};
use proto::events as pb;
use tonic::Code;

use crate::support::status::{Told, told};
use crate::support::{PATIENCE, Scene, audit};

#[tokio::test]
async fn one_open_is_decided_carried_out_recorded_and_proved() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let request = open_request("sunrise.main-door")?;
    let answer = scene.bff.open(&token, request).await?;
    assert_eq!(answer.outcome(), access::Outcome::Executed, "{answer:?}");
    assert_eq!(answer.reason, "PARTNER_EXECUTED");
    assert!(answer.recorded && answer.completed_at.is_some());

    let leaf = in_the_log(&scene, &answer).await?;
    at_the_door(&scene, &answer)?;
    in_the_audit_log(&scene, &answer, &leaf).await?;
    scene.finish().await
}

/// The signed decision stands where the answer says, the completion after it. Gives the
/// decision's bytes.
async fn in_the_log(scene: &Scene, answer: &OpenResponse) -> Result<Vec<u8>> {
    let events = scene.log.events(Topic::AccessEvents).await?;
    let position = answer.audit_position.as_ref().context("no position")?;
    let (record, event) = events
        .iter()
        .find(|(record, _)| {
            (record.position.partition, record.position.offset)
                == (position.partition, position.offset)
        })
        .context("nothing stands there")?;
    let Body::AccessDecided(decided) = &event.body else {
        panic!("no decision: {event:?}");
    };
    assert_eq!(decided.command.to_string(), answer.command_id);
    assert_eq!(
        (decided.verdict, decided.reason),
        (Verdict::Allow, Reason::Granted)
    );
    assert_eq!(event.actor.kind, ActorKind::Owner);
    let subject = event.actor.subject.context("a subject")?.to_string();
    assert_eq!(subject, scene.registered.subject("anna")?);
    assert_eq!(event.actor.caller, BFF_SAN);
    assert!(decided.inputs.right.is_some() && decided.inputs.perimeter_version > 0);

    let completed = events.iter().find_map(|(at, event)| match &event.body {
        Body::CommandCompleted(completed) => Some((at, completed)),
        _ => None,
    });
    let (at, completed) = completed.context("no completion")?;
    assert!(at.position.offset > record.position.offset);
    assert_eq!(completed.command, decided.command);
    assert_eq!(completed.outcome, Outcome::Executed);
    assert!(!completed.reconciled && !completed.fenced);
    Ok(record.value.clone().context("no value")?.to_vec())
}

/// It opened once, and after the decision was durable.
fn at_the_door(scene: &Scene, answer: &OpenResponse) -> Result<()> {
    let openings = scene.openings()?;
    assert_eq!(openings.len(), 1, "{openings:?}");
    assert_eq!(openings[0].device, "sunrise.main-door");
    assert_eq!(openings[0].command, Some(answer.command_id.parse()?));
    Ok(())
}

async fn in_the_audit_log(scene: &Scene, answer: &OpenResponse, leaf: &[u8]) -> Result<()> {
    let auditor = scene.auditor().await?;
    let record = audit::find(
        &auditor,
        "sunrise",
        "the command with its outcome",
        |record| {
            record.command_id == answer.command_id && record.outcome() == pb::Outcome::Executed
        },
    )
    .await?;
    assert_eq!(record.kind(), AccessKind::Command);
    assert_eq!(record.user_id, "user-7f3a-anna");
    assert_eq!(record.device_id, "sunrise.main-door");
    assert_eq!(record.verdict(), pb::Verdict::Allow);
    assert_eq!(record.automation(), pb::Automation::Manual);
    assert_eq!(record.audit_position, answer.audit_position);
    assert!(!record.void);

    let found = audit::get(&auditor, &record).await?;
    assert_eq!(found.leaf, leaf, "the leaf is the log record, verbatim");
    let checkpoint = audit::verify(scene.site(), &found)?;
    assert!(checkpoint.size >= 2);
    let key = proofs::key_of(&scene.site().keys.vkey, "access.events.v1", "sunrise")?;
    nothing_else_verifies(&found, &key);
    Ok(())
}

/// Any change of leaf, proof, index or checkpoint is noticed.
fn nothing_else_verifies(good: &GetAccessRecordResponse, key: &LogKey) {
    let refuse = |what: &str, change: &dyn Fn(&mut GetAccessRecordResponse)| {
        let mut forged = good.clone();
        change(&mut forged);
        assert_ne!(&forged, good, "{what}");
        assert!(proofs::inclusion(&forged, key).is_err(), "{what} verified");
    };
    for at in [0, good.leaf.len() / 2, good.leaf.len() - 1] {
        refuse("a leaf with another byte", &|forged| forged.leaf[at] ^= 1);
    }
    refuse("a longer leaf", &|forged| forged.leaf.push(0));
    let proof = good.inclusion_proof.clone().unwrap_or_default();
    assert!(!proof.hashes.is_empty());
    for hash in 0..proof.hashes.len() {
        refuse("a proof with another byte", &|forged| {
            forged.inclusion_proof.as_mut().unwrap().hashes[hash][7] ^= 1;
        });
    }
    for index in (0..proof.tree_size).filter(|index| *index != proof.leaf_index) {
        refuse("another index", &|forged| {
            forged.inclusion_proof.as_mut().unwrap().leaf_index = index;
        });
    }
    refuse("another size", &|forged| {
        forged.inclusion_proof.as_mut().unwrap().tree_size += 1;
    });
    for line in 0..3 {
        refuse("another checkpoint", &|forged| {
            let mut lines: Vec<String> = forged.checkpoint.lines().map(str::to_owned).collect();
            lines[line].insert(0, '1');
            forged.checkpoint = lines.join("\n") + "\n";
        });
    }
    let another = LogKey {
        origin: key.origin.replace("sunrise", "moonlight"),
        vkey: key.vkey.clone(),
    };
    assert!(
        proofs::inclusion(good, &another).is_err(),
        "another log verified"
    );
}

#[tokio::test]
async fn a_command_is_its_owners_to_see() -> Result<()> {
    let scene = Scene::start().await?;
    let (anna, boris) = (scene.token("anna").await?, scene.token("boris").await?);
    let answer = scene
        .bff
        .open(&anna, open_request("sunrise.main-door")?)
        .await?;
    let own = wait_for(PATIENCE, "the outcome to be read back", || async {
        let own = scene.bff.command(&anna, &answer.command_id).await.ok()?;
        own.completed_at.is_some().then_some(own)
    })
    .await?;
    assert_eq!(own.device_id, "sunrise.main-door");
    assert_eq!(own.outcome(), access::Outcome::Executed);
    assert_eq!(own.audit_position, answer.audit_position);
    assert_eq!(own.decided_at, answer.decided_at);
    assert_eq!(own.completed_at, answer.completed_at);

    let nothing = Told::new(Code::NotFound, "NOT_FOUND", &[]);
    assert_eq!(
        told(scene.bff.command(&boris, &answer.command_id).await),
        nothing,
        "another's command"
    );
    let invented = uuid::Uuid::new_v4().to_string();
    assert_eq!(
        told(scene.bff.command(&anna, &invented).await),
        nothing,
        "no command at all"
    );
    scene.finish().await
}

#[tokio::test]
async fn a_larger_tree_extends_the_smaller_one() -> Result<()> {
    let scene = Scene::start().await?;
    let (site, token, auditor) = (
        scene.site(),
        scene.token("anna").await?,
        scene.auditor().await?,
    );
    let mut checkpoints = Vec::new();
    for leaves in [3, 6, 9] {
        scene
            .bff
            .open(&token, open_request("sunrise.main-door")?)
            .await?;
        // Decision, completion, and the partner's own event.
        let what = format!("{leaves} leaves");
        checkpoints.push(
            wait_for(PATIENCE, &what, || async {
                let log = audit::checkpoint(site, &auditor, "sunrise", LogKind::Access).await;
                log.ok().filter(|log| log.size == leaves)
            })
            .await?,
        );
    }
    for (old, new) in [(0, 1), (0, 2), (1, 2)] {
        let (old, new) = (&checkpoints[old], &checkpoints[new]);
        let proof = audit::consistency(&auditor, "sunrise", old.size, new.size).await?;
        proofs::consistency(old, new, &proof)?;
        for hash in 0..proof.len() {
            let mut forged = proof.clone();
            forged[hash][7] ^= 1;
            assert!(
                proofs::consistency(old, new, &forged).is_err(),
                "a forged proof verified"
            );
        }
        let mut rewritten = old.clone();
        rewritten.root[0] ^= 1;
        assert!(
            proofs::consistency(&rewritten, new, &proof).is_err(),
            "a rewritten log verified"
        );
    }
    scene.finish().await
}
