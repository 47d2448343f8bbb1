//! Expired rows in a real Cassandra, taken away with the certificate that is for nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use harness::engines::cassandra::{Cql, KEYSPACE, PROJECTOR_PRUNE};
use harness::process::{Process, Spec};
use serde_json::Value;

use super::rebuild::on;
use super::scene::Scene;
use crate::process::PROGRAM;
use crate::prune::scene::{counts, dump, expires, lines, projected, rebuilt_the_same, without};
use crate::site::OnDisk;

/// Killed a few times and run to its end; no table that only finds rows knows of any other.
pub async fn rows_go_with_their_bundles(scene: &Scene) {
    let disk = on(scene).await;
    let (mut process, _) = projected(&disk, 16).await;
    assert!(process.terminate().await.unwrap().success());
    expires(&disk);
    let (rows, projector) = (dump(&disk), std::fs::read_to_string(disk.config()).unwrap());
    std::fs::write(disk.config(), as_who_prunes(scene, &projector)).unwrap();
    let said = lines(&disk, &["prune"]);
    assert!(dump(&disk) == rows, "unless it is told to, it only tells");
    assert!(
        counts(&said)["access_by_time"].as_u64() > Some(200),
        "{said:?}"
    );
    let kept = without(&rows, &said);
    assert!(kept.len() < rows.len());
    for kill in 1..=3 {
        killed_after(&disk, Duration::from_millis(600 * kill)).await;
        let now = dump(&disk);
        assert!(
            kept.iter().all(|row| now.contains(row)),
            "killed {kill} times"
        );
    }
    lines(&disk, &["prune", "--apply"]);
    assert!(dump(&disk) == kept);
    let again: Vec<Value> = lines(&disk, &["prune"]);
    assert!(
        again.iter().all(|line| line.get("rows").is_none()),
        "{again:?}"
    );
    nothing_else_tells_of_them(&scene.node.admin().await.unwrap()).await;
    std::fs::write(disk.config(), &projector).unwrap();
    rebuilt_the_same(&disk);
}

fn as_who_prunes(scene: &Scene, projector: &str) -> String {
    let identity = scene.identity("projector-prune", PROJECTOR_PRUNE);
    let of = |path: &Path| path.display().to_string();
    let mut lines: Vec<String> = projector.lines().map(str::to_owned).collect();
    let at = lines
        .iter()
        .position(|line| line == "[views.cassandra.tls]");
    let at = at.unwrap();
    lines[at + 1] = format!("certificate = \"{}\"", of(&identity.certificate));
    lines[at + 2] = format!("private_key = \"{}\"", of(&identity.private_key));
    lines.join("\n")
}

async fn killed_after(disk: &OnDisk, time: Duration) {
    let config = disk.config();
    let args = ["prune", "--apply", "--config", config.to_str().unwrap()];
    let spec = Spec::program(PROGRAM, disk.path().join("prune.log")).args(args);
    let mut prune = Process::spawn(&spec).unwrap();
    tokio::time::sleep(time).await;
    // It may be done already.
    let _ = prune.kill9();
}

async fn nothing_else_tells_of_them(admin: &Cql) {
    let all = async |cql: String| -> BTreeSet<Vec<String>> {
        admin.texts(&cql).await.unwrap().into_iter().collect()
    };
    for (table, buckets, key) in [
        (
            "access_by_time",
            "access_buckets",
            "complex, scope, CAST(bucket AS text)",
        ),
        ("alarms", "alarm_buckets", "complex, CAST(bucket AS text)"),
        (
            "reads",
            "read_buckets",
            "complex, scope, CAST(bucket AS text)",
        ),
        (
            "leaves",
            "leaf_buckets",
            "topic, complex, CAST(bucket AS text)",
        ),
        (
            "sequences",
            "sequence_buckets",
            "device, partner, CAST(epoch AS text), CAST(bucket AS text)",
        ),
    ] {
        let in_table = all(format!("SELECT {key} FROM {KEYSPACE}.{table}")).await;
        let in_buckets = all(format!("SELECT {key} FROM {KEYSPACE}.{buckets}")).await;
        assert_eq!(in_table, in_buckets, "{table}");
    }
    let place = "complex, CAST(off AS text), identity";
    let entries = all(format!("SELECT {place} FROM {KEYSPACE}.access_by_time")).await;
    let by_event = all(format!("SELECT {place} FROM {KEYSPACE}.access_by_event")).await;
    assert!(!entries.is_empty());
    assert_eq!(entries, by_event);
}
