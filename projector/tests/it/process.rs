//! The program as it is started.

use std::process::{Command, Output};
use std::sync::Arc;

use auditlog::{LogId, LogReader, Origin};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::ObjectStore;
use projector::store::ViewReader;
use projector::views::TOPICS;
use serde_json::Value;

use crate::run::{ORIGIN, wait};
use crate::site::OnDisk;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_projector");

pub fn tool(disk: &OnDisk, args: &[&str]) -> Output {
    let config = disk.config();
    let output = Command::new(PROGRAM)
        .args(args)
        .arg("--config")
        .arg(config)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    output
}

/// Waits until everything is projected, however long that takes while it goes on.
pub async fn caught_up(disk: &OnDisk, views: &dyn ViewReader) {
    let left = async || {
        let mut left = 0;
        for topic in TOPICS {
            let ends = disk.fixture.log.end_offsets(topic).await.unwrap();
            for (partition, end) in (0..).zip(ends) {
                let progress = views.progress(topic, partition).await;
                left += end - progress.ok().flatten().unwrap_or(0);
            }
        }
        left
    };
    loop {
        let before = left().await;
        if before == 0 {
            break;
        }
        wait(async || left().await < before).await;
    }
}

/// The trees that follow from the event log alone are the signed ones.
pub async fn rebuilt_trees_are_in(disk: &OnDisk, tiles: Arc<dyn ObjectStore>) {
    let rebuilt = tool(disk, &["rebuild", "--dump-trees"]).stdout;
    let rebuilt: Vec<Value> = String::from_utf8(rebuilt)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(rebuilt.len() > 6);
    for tree in rebuilt {
        let (topic, complex) = (
            tree["topic"].as_str().unwrap(),
            tree["complex"].as_str().unwrap(),
        );
        let log = match complex.strip_prefix("_partition-") {
            Some(partition) => LogId::unkeyed(topic, partition.parse().unwrap()).unwrap(),
            None => LogId::new(topic, complex).unwrap(),
        };
        let origin = Origin::new(ORIGIN, &log).unwrap();
        let reader = LogReader::open(log, origin, tiles.clone(), disk.verifier.clone()).unwrap();
        let checkpoint = reader.checkpoint().await.unwrap();
        assert_eq!(tree["size"], checkpoint.size());
        assert_eq!(tree["root"], BASE64_STANDARD.encode(checkpoint.root()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_refused_by_name() {
    let disk = OnDisk::new().await;
    let good = std::fs::read_to_string(disk.config()).unwrap();
    let check = |role: &str, text: &str| {
        std::fs::write(disk.config(), text).unwrap();
        let mut command = Command::new(PROGRAM);
        command
            .args([role, "--check-config", "--config"])
            .arg(disk.config());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for role in ["project", "serve", "all"] {
        assert_eq!(check(role, &good).0, Some(0), "{role}");
    }
    let without = |section: &str| {
        let start = good.find(&format!("[{section}]")).unwrap();
        let end = good[start + 1..]
            .find("\n[")
            .map_or(good.len(), |end| start + 1 + end);
        format!("{}{}", &good[..start], &good[end..])
    };
    for (role, text, named) in [
        ("project", good.replace("linger", "lingers"), "lingers"),
        (
            "project",
            good.replace("batch = 16", "batch = 0"),
            "project.batch",
        ),
        ("project", good.replace("file://", "s3://"), "tiles.url"),
        (
            "serve",
            good.replace("/views.db", "/views.db?mode=ro"),
            "`views`",
        ),
        ("all", good.replace(ORIGIN, "https://test"), "audit.origin"),
        ("project", without("project"), "[project]"),
        ("all", without("project"), "[project]"),
        ("project", without("views"), "[views]"),
        ("serve", without("audit"), "[audit]"),
    ] {
        let (code, error) = check(role, &text);
        assert_eq!(code, Some(2), "{role}: {error}");
        assert!(error.contains(named), "{named} in {error}");
    }
    // What a role doesn't need may be missing.
    assert_eq!(check("serve", &without("project")).0, Some(0));
    assert_eq!(check("serve", &without("records")).0, Some(0));
}
