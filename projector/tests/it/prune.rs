//! What has expired is taken away, bundles and rows, and nothing else: what is held stays, hashes stay,
//! proofs hold. A rebuild gives the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
    aged(&disk, 26).await;
    let mut process = started(&disk);
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    caught_up(&disk, &*views).await;
    let before = reader(&disk, "sunrise").checkpoint().await.unwrap();
    assert!(before.size() > 2 * ENTRIES_PER_BUNDLE + 100);

    expires(&disk);
    let rows = dump(&disk);
    let all = objects(&disk);
    let said = lines(&disk, &["prune"]);
    assert_eq!(objects(&disk), all, "unless it is told to, it only tells");
    assert_eq!(dump(&disk), rows);
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
    let kept = without(&rows, &done);
    assert!(dump(&disk) == kept);
    rebuilt_the_same(&disk);
    let counted = counts(&said);
    assert!(counted["access"].as_u64() > Some(100), "{counted}");
    assert_eq!(counted, counts(&done));
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
    // Nor is it in what the files don't use any more.
    let gone = rows
        .iter()
        .find(|row| !kept.contains(row) && row.contains("\"observations\""));
    let gone = gone.unwrap_or_else(|| panic!("{counted}"));
    let gone: Value = serde_json::from_str(gone).unwrap();
    let gone = gone["command"].as_str().unwrap();
    let bytes = std::fs::read(disk.path().join("views.db")).unwrap();
    let found = bytes
        .windows(gone.len())
        .any(|bytes| bytes == gone.as_bytes());
    assert!(!found);
}

/// The views follow, row by row, from what is left: also where the event log has not removed yet what it
/// may.
pub fn rebuilt_the_same(disk: &OnDisk) {
    let config = std::fs::read_to_string(disk.config()).unwrap();
    let forever = "[log.options]\nretention = { access_events = \"forever\" }\n";
    let whole = config.replace("/log.db", "/whole.db");
    let whole = whole.replace("[log.options]\n", forever);
    std::fs::write(disk.config(), whole).unwrap();
    assert!(tool(disk, &["rebuild"]).stdout.is_empty());
    let follows = String::from_utf8(tool(disk, &["rebuild", "--dump-views"]).stdout).unwrap();
    std::fs::write(disk.config(), config).unwrap();
    assert!(follows.lines().eq(dump(disk)));
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_short_anywhere_it_is_ended_by_the_next_run() {
    let disk = OnDisk::new().await;
    aged(&disk, 16).await;
    let mut process = started(&disk);
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    caught_up(&disk, &*views).await;
    assert!(process.terminate().await.unwrap().success());
    drop(views);
    expires(&disk);
    let (rows, before) = (dump(&disk), disk.path().join("before"));
    copied(disk.path(), &before);
    let done = lines(&disk, &["prune", "--apply"]);
    let (kept, left) = (without(&rows, &done), objects(&disk));
    assert!(dump(&disk) == kept && kept.len() < rows.len());
    for kill in 1..=8 {
        std::fs::remove_dir_all(disk.path().join("tiles")).unwrap();
        copied(&before, disk.path());
        let config = disk.config();
        let args = ["prune", "--apply", "--config", config.to_str().unwrap()];
        let spec = Spec::program(PROGRAM, disk.path().join("prune.log")).args(args);
        let mut prune = Process::spawn(&spec).unwrap();
        tokio::time::sleep(Duration::from_millis(12 * kill)).await;
        // It may be done already.
        let _ = prune.kill9();
        // No bundle is gone of which there are rows, and no row of what is kept.
        let now = dump(&disk);
        let mut objects_before = objects_in(&before).into_iter();
        let gone = |path: PathBuf| {
            !disk
                .path()
                .join(path.strip_prefix(&before).unwrap())
                .exists()
        };
        assert!(
            !objects_before.any(gone) || now == kept,
            "killed {kill} times"
        );
        assert!(kept.iter().all(|row| now.contains(row)));
        lines(&disk, &["prune", "--apply"]);
        assert!(dump(&disk) == kept, "killed {kill} times");
        // What a folder's writer was killed over is in nobody's way.
        let half = |path: &&PathBuf| path.to_string_lossy().contains('#');
        let now: BTreeSet<PathBuf> = objects(&disk);
        let also = now.symmetric_difference(&left).filter(|path| !half(path));
        let also: Vec<&PathBuf> = also.collect();
        assert!(also.is_empty(), "killed {kill} times: {also:?}");
    }
    rebuilt_the_same(&disk);
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

pub fn started(disk: &OnDisk) -> Process {
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

/// Records of which all but the last fifth are so old that they expire after three years; some are of
/// a person under a legal hold. Nothing expires yet.
pub async fn aged(disk: &OnDisk, rounds: u32) {
    change(
        disk,
        "[log.options]\n",
        "[log.options]\nretention = { access_events = \"forever\" }\n",
    );
    disk.fixture.workload(rounds).await;
    hold(disk, "sunset").await;
    age(disk);
}

/// From now on it expires after three years; one complex has a case before the courts. Of the event log a
/// copy stays whole.
pub fn expires(disk: &OnDisk) {
    let log = Connection::open(disk.path().join("log.db")).unwrap();
    let copy = disk.path().join("whole.db");
    log.execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    change(disk, "retention = { access_events = \"forever\" }\n", "");
    let file = std::fs::read_to_string(disk.config()).unwrap();
    let case = "\n[[prune.holds]]\ncomplex = \"harbour\"\nfrom = \"2020-01-01T00:00:00Z\"\nreason = \"case 7\"\n";
    std::fs::write(disk.config(), file + case).unwrap();
}

pub fn dump(disk: &OnDisk) -> Vec<String> {
    let output = String::from_utf8(tool(disk, &["dump-views"]).stdout).unwrap();
    output.lines().map(str::to_owned).collect()
}

/// How many rows of each table, as it was told.
pub fn counts(lines: &[Value]) -> Value {
    let line = lines.iter().find(|line| line.get("rows").is_some());
    line.unwrap()["rows"].clone()
}

/// The rows of all records but those of the bundles that are told to be gone.
pub fn without(rows: &[String], told: &[Value]) -> Vec<String> {
    let parsed = |row: &String| serde_json::from_str::<Value>(row).unwrap();
    let bundle = |log: &Value, index: u64| {
        let line = told.iter().find(|line| line["log"] == *log);
        let runs = line.and_then(|line| line["bundles"].as_array());
        runs.into_iter().flatten().any(|run| {
            let (first, last) = (run[0].as_u64().unwrap(), run[1].as_u64().unwrap());
            (first..=last).contains(&(index / ENTRIES_PER_BUNDLE))
        })
    };
    let leaves = rows
        .iter()
        .map(parsed)
        .filter(|row| row["table"] == "leaves");
    let gone: BTreeSet<(String, u64)> = leaves
        .filter(|row| bundle(&row["log"], row["index"].as_u64().unwrap()))
        .map(|row| {
            (
                row["log"].as_str().unwrap().to_owned(),
                row["offset"].as_u64().unwrap(),
            )
        })
        .collect();
    assert!(gone.len() as u64 >= ENTRIES_PER_BUNDLE);
    let kept = |row: &&String| {
        let row = parsed(row);
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let complex =
            || text("complex").or_else(|| text("device")?.split('.').next().map(str::to_owned));
        let log = match row["table"].as_str().unwrap() {
            "leaves" => text("log").unwrap(),
            "reads" => format!("audit.reads.v1/{}", complex().unwrap()),
            "unreadable" => format!(
                "{}/{}",
                text("topic").unwrap(),
                text("complex").unwrap_or(format!("_partition-{}", row["partition"]))
            ),
            "devices" | "statuses" => return true,
            _ => format!("access.events.v1/{}", complex().unwrap()),
        };
        row["offset"]
            .as_u64()
            .is_none_or(|offset| !gone.contains(&(log, offset)))
    };
    rows.iter().filter(kept).cloned().collect()
}

/// Trees and views into another folder.
fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in ["views.db", "views.db-wal", "views.db-shm"] {
        _ = std::fs::remove_file(to.join(name));
    }
    for name in ["views.db", "views.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    for object in objects_in(from) {
        let path = to.join(object.strip_prefix(from).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&object, path).unwrap();
    }
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

pub fn lines(disk: &OnDisk, args: &[&str]) -> Vec<Value> {
    let output = String::from_utf8(tool(disk, args).stdout).unwrap();
    let lines = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Every file below the tiles.
fn objects(disk: &OnDisk) -> BTreeSet<PathBuf> {
    objects_in(disk.path())
}

fn objects_in(site: &Path) -> BTreeSet<PathBuf> {
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
    below(&site.join("tiles"), &mut found);
    found
}
