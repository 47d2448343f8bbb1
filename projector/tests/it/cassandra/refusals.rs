//! Who isn't let in is told so at the start, and what to change.

use std::time::{Duration, Instant};

use harness::engines::cassandra::{Cassandra, PROJECTOR, PROJECTOR_SERVE};
use harness::pki::{Issued, Pki, Profile, San, Validity};
use projector::config::ViewsConfig;
use projector::store::{self, Progress, StoreError};

use super::scene::Scene;

#[tokio::test]
async fn certificates_and_tables_that_cant_be_used_are_refused_at_the_start() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let rogue = Pki::rogue(&scene.folder().join("rogue")).unwrap();
    let own = |pki: &Pki, validity, stem: &str| {
        let profile = Profile::client("projector")
            .san(San::uri(PROJECTOR))
            .validity(validity)
            .saved_as(stem);
        pki.issue(&profile).unwrap()
    };
    let good = own(&scene.pki, Validity::Current, "good");
    let expired = own(&scene.pki, Validity::Expired, "expired");
    let foreign = own(&rogue, Validity::Current, "foreign");
    let stranger = scene.identity("stranger", "spiffe://smarthome/command-svc");
    let nobody = scene.pki.issue_client("nobody", &[]).unwrap();

    let refusals = [
        (
            scene.views(&foreign, &scene.pki),
            "doesn't take this process' certificate",
        ),
        (scene.views(&expired, &scene.pki), "renew it"),
        (
            scene.views(&stranger, &scene.pki),
            "no role for this process' certificate",
        ),
        (
            scene.views(&nobody, &scene.pki),
            "no role for this process' certificate",
        ),
        (
            scene.views(&good, &rogue),
            "a node's certificate isn't to be trusted",
        ),
        (
            elsewhere(&scene, &good),
            "apply deploy/cassandra/schema.cql",
        ),
    ];
    for (views, expected) in refusals {
        let started = Instant::now();
        let text = refused(&views).await;
        assert!(text.contains(expected), "{text}, not {expected}");
        assert!(started.elapsed() < Duration::from_secs(5), "{text}");
    }

    // The node itself knows an expired one, whatever this side checks.
    assert!(scene.node.connect(&expired).await.is_err());
    scene.node.connect(&good).await.unwrap();
    who_may_only_read_is_told_so_when_writing(&scene).await;
    a_schema_of_another_version_is_refused(&scene.node, &scene.views(&good, &scene.pki)).await;
}

/// Only a write shows it. Which role has which rights is the harness's table of rights.
async fn who_may_only_read_is_told_so_when_writing(scene: &Scene) {
    let serve = scene.identity("projector-serve", PROJECTOR_SERVE);
    let views = scene.views(&serve, &scene.pki);
    let store = store::open_configured(&views).await.unwrap();
    let progress = Progress {
        topic: eventlog::Topic::AccessEvents,
        partition: 0,
        next: 1,
    };
    let written = store.apply(Vec::new(), progress).await;
    assert!(
        matches!(&written, Err(StoreError::Refused(why)) if why.contains("lacks a right")),
        "{written:?}"
    );
    let next = scene.reader().progress(progress.topic, 0).await.unwrap();
    assert_eq!(next, None);
}

async fn a_schema_of_another_version_is_refused(node: &Cassandra, views: &ViewsConfig) {
    let admin = node.admin().await.unwrap();
    let set = async |version: i32| {
        let table = "smarthome_views.schema_version";
        let cql = format!("UPDATE {table} SET version = {version} WHERE name = 'views' IF EXISTS");
        admin.run(&cql).await.unwrap();
    };
    set(5).await;
    let opened = store::open_configured(views).await.err();
    assert!(matches!(
        opened,
        Some(StoreError::Schema {
            found: 5,
            needed: 4
        })
    ));
    set(4).await;
    store::open_configured(views).await.unwrap();
}

/// A keyspace that isn't there.
fn elsewhere(scene: &Scene, identity: &Issued) -> ViewsConfig {
    let mut views = scene.views(identity, &scene.pki);
    views.url.set_path("/nowhere");
    views
}

async fn refused(views: &ViewsConfig) -> String {
    let opened = store::open_configured(views).await;
    match opened.err().expect("it was let in") {
        refused @ StoreError::Refused(_) => refused.to_string(),
        other => panic!("{other:?}"),
    }
}
