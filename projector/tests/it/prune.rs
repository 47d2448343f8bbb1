//! What has expired is taken away, and nothing else: what is held stays, hashes stay, proofs hold.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditlog::{ENTRIES_PER_BUNDLE, Error, LogId, LogReader, Origin, verify_inclusion};
use domain::event::{Actor, Body, Event, LegalHoldChanged};
use domain::id::EventId;
use domain::vocabulary::ActorKind;
use eventlog::Topic;
use harness::process::{Process, Spec};
use harness::proofs;
use projector::config::Config;
use projector::store;
use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{at, complex, decided, device};
use crate::process::{PROGRAM, caught_up, tool};
use crate::run::ORIGIN;
use crate::site::OnDisk;

/// Four years, in milliseconds.
const LONG_AGO: i64 = 4 * 365 * 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_goes_unless_it_is_held_and_hashes_stay() {
    let disk = OnDisk::new().await;
    change(
        &disk,
        "[log.options]\n",
        "[log.options]\nretention = { access_events = \"forever\" }\n",
    );
    disk.fixture.workload(26).await;
    hold(&disk, "sunset").await;
    age(&disk);
    let mut process = started(&disk);
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    caught_up(&disk, &*views).await;
    let before = reader(&disk, "sunrise").checkpoint().await.unwrap();
    assert!(before.size() > 2 * ENTRIES_PER_BUNDLE + 100);

    // From now on it expires after three years; one complex has a case before the courts.
    change(&disk, "retention = { access_events = \"forever\" }\n", "");
    let file = std::fs::read_to_string(disk.config()).unwrap();
    let case = "\n[[prune.holds]]\ncomplex = \"harbour\"\nfrom = \"2020-01-01T00:00:00Z\"\nreason = \"case 7\"\n";
    std::fs::write(disk.config(), file + case).unwrap();
    let all = objects(&disk);
    let said = lines(&disk, &["prune"]);
    assert_eq!(objects(&disk), all, "unless it is told to, it only tells");
    let of = |lines: &[Value], complex: &str| {
        let name = format!("access.events.v1/{complex}");
        lines.iter().find(|line| line["log"] == name).cloned()
    };
    let sunrise = of(&said, "sunrise").unwrap();
    assert_eq!(sunrise["bundles"], serde_json::json!([[0, 1]]), "{sunrise}");
    assert_eq!(sunrise["removed"], false);
    for (held, by) in [("sunset", "legal hold on"), ("harbour", "case 7")] {
        let line = of(&said, held).unwrap();
        assert_eq!(line["bundles"], serde_json::json!([]), "{line}");
        let reasons = line["held"].as_array().unwrap();
        assert_eq!(reasons.len(), 2, "{line}");
        assert!(
            reasons
                .iter()
                .all(|held| held["by"].as_str().unwrap().contains(by))
        );
    }

    // While the projector is at work.
    let done = lines(&disk, &["prune", "--apply"]);
    assert_eq!(of(&done, "sunrise").unwrap()["removed"], true);
    let gone: BTreeSet<PathBuf> = all.difference(&objects(&disk)).cloned().collect();
    let expected = ["tile/entries", "position", "offset"]
        .iter()
        .flat_map(|kind| {
            let folder = disk
                .path()
                .join("tiles/access.events.v1/sunrise")
                .join(kind);
            [folder.join("000"), folder.join("001")]
        });
    assert_eq!(gone, expected.collect());
    assert_eq!(
        of(&lines(&disk, &["prune"]), "sunrise"),
        None,
        "nothing is left to do"
    );

    disk.fixture.workload(1).await;
    caught_up(&disk, &*views).await;
    let reader = reader(&disk, "sunrise");
    let now = reader.checkpoint().await.unwrap();
    assert!(now.size() > before.size());
    what_is_kept_is_proven(&reader, &before, &now).await;
    assert!(process.terminate().await.unwrap().success());
    let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
    assert!(!log.contains("halted") && !log.contains("stalled"), "{log}");
}

async fn what_is_kept_is_proven(
    reader: &LogReader,
    before: &auditlog::Checkpoint,
    now: &auditlog::Checkpoint,
) {
    let kept = 2 * ENTRIES_PER_BUNDLE + 5;
    let leaf = reader.entry(kept).await.unwrap();
    let hash = auditlog::Leaf::of(leaf, 0, 0).hash();
    for (index, hash) in [(kept, hash), (3, reader.leaf_hash(3).await.unwrap())] {
        let proof = reader.inclusion_proof(index, now.size()).await.unwrap();
        verify_inclusion(hash, index, now.size(), now.root(), &proof).unwrap();
    }
    // By a crate that had no part in it.
    let hashes = reader
        .consistency_proof(before.size(), now.size())
        .await
        .unwrap();
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    let [old, new] = [before, now].map(|checkpoint| proofs::Checkpoint {
        origin: checkpoint.origin().to_string(),
        size: checkpoint.size(),
        root: checkpoint.root(),
    });
    proofs::consistency(&old, &new, &hashes).unwrap();

    let pruned = reader.entry(300).await;
    assert!(
        matches!(
            &pruned,
            Err(Error::Pruned {
                first: 256,
                last: 511,
                ..
            })
        ),
        "{pruned:?}"
    );
    let mut walk = reader.walk(now, reader.pruned().await.unwrap());
    let mut seen = 0;
    while let Some(bundle) = walk.next().await.unwrap() {
        seen += bundle.leaves.len() as u64;
    }
    assert_eq!(walk.gone().first(), Some(&(0..2)));
    assert_eq!(walk.gone().len(), 1);
    assert_eq!(seen, now.size() - 2 * ENTRIES_PER_BUNDLE);
}

fn reader(disk: &OnDisk, complex: &str) -> LogReader {
    let log = LogId::new("access.events.v1", complex).unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let tiles = auditlog::open_folder(&disk.path().join("tiles")).unwrap();
    LogReader::open(log, origin, Arc::clone(&tiles), disk.verifier.clone()).unwrap()
}

fn started(disk: &OnDisk) -> Process {
    let spec = Spec::program(PROGRAM, disk.path().join("projector.log")).args([
        "project",
        "--config",
        disk.config().to_str().unwrap(),
    ]);
    Process::spawn(&spec).unwrap()
}

fn change(disk: &OnDisk, from: &str, to: &str) {
    let text = std::fs::read_to_string(disk.config()).unwrap();
    assert!(text.contains(from));
    std::fs::write(disk.config(), text.replace(from, to)).unwrap();
}

/// Puts whoever the workload's decisions name under a legal hold.
async fn hold(disk: &OnDisk, of: &str) {
    let gate = device(&format!("{of}.gate"));
    let decided = decided(
        &gate,
        crate::fixture::command(1),
        domain::vocabulary::Verdict::Deny,
        at(0),
    );
    let changed = Event {
        id: EventId(Uuid::now_v7()),
        complex: complex(of),
        device: None,
        actor: Actor {
            kind: ActorKind::Operator,
            ..decided.actor.clone()
        },
        body: Body::LegalHoldChanged(LegalHoldChanged {
            subject: domain::id::SubjectRef(decided.actor.subject.unwrap()),
            held: true,
            reason: "a court's order".to_owned(),
        }),
        ..decided
    };
    disk.fixture.signed(Topic::RegistryEvents, &changed).await;
}

/// Makes all but the last fifth of the accesses so old that they have expired.
fn age(disk: &OnDisk) {
    let file = Connection::open(disk.path().join("log.db")).unwrap();
    for partition in 0..3 {
        let table = format!("\"access.events.v1/{partition}\"");
        let sql = format!(
            "UPDATE {table} SET append_time = append_time - {LONG_AGO}
             WHERE record_offset < (SELECT 4 * max(record_offset) / 5 FROM {table})"
        );
        file.execute(&sql, []).unwrap();
    }
}

fn lines(disk: &OnDisk, args: &[&str]) -> Vec<Value> {
    let output = String::from_utf8(tool(disk, args).stdout).unwrap();
    let lines = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Every file below the tiles.
fn objects(disk: &OnDisk) -> BTreeSet<PathBuf> {
    fn below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => below(&path, found),
                false => _ = found.insert(path),
            }
        }
    }
    let mut found = BTreeSet::new();
    below(&disk.path().join("tiles"), &mut found);
    found
}
