//! Logs of which much has expired, and what is left of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditlog::{ENTRIES_PER_BUNDLE, LogId, LogReader, Origin};
use domain::event::{Actor, Body, Event, LegalHoldChanged};
use domain::id::{EventId, SubjectRef};
use domain::vocabulary::{ActorKind, Verdict};
use eventlog::Topic;
use harness::process::{Process, Spec};
use projector::config::Config;
use projector::store::{self, ViewReader};
use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::{at, decided, device};
use crate::process::{PROGRAM, caught_up, tool};
use crate::run::ORIGIN;
use crate::site::OnDisk;

/// Four years, in milliseconds.
const LONG_AGO: i64 = 4 * 365 * 86_400_000;

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

pub fn reader(disk: &OnDisk, complex: &str) -> LogReader {
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

/// So many rounds of [`aged`] records, projected by a process that is at work; and its views.
pub async fn projected(disk: &OnDisk, rounds: u32) -> (Process, Arc<dyn ViewReader>) {
    aged(disk, rounds).await;
    let process = started(disk);
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    caught_up(disk, &*views).await;
    (process, views)
}

fn change(disk: &OnDisk, from: &str, to: &str) {
    let text = std::fs::read_to_string(disk.config()).unwrap();
    assert!(text.contains(from));
    std::fs::write(disk.config(), text.replace(from, to)).unwrap();
}

/// Records of which all but the last fifth are so old that they expire after three years; some are of
/// a person under a legal hold. Nothing expires yet.
async fn aged(disk: &OnDisk, rounds: u32) {
    change(
        disk,
        "[log.options]\n",
        "[log.options]\nretention = { access_events = \"forever\" }\n",
    );
    disk.fixture.workload(rounds).await;
    hold(disk, "sunset", somebody(), true).await;
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
pub fn copied(from: &Path, to: &Path) {
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

/// Whoever the workload's decisions name.
fn somebody() -> Uuid {
    pressed("sunset").actor.subject.unwrap()
}

/// A decision about a gate.
pub fn pressed(of: &str) -> Event {
    let gate = device(&format!("{of}.gate"));
    decided(&gate, crate::fixture::command(1), Verdict::Deny, at(0))
}

/// Puts a person under a legal hold, or ends it.
pub async fn hold(disk: &OnDisk, of: &str, person: Uuid, held: bool) {
    let event = pressed(of);
    let changed = Event {
        id: EventId(Uuid::now_v7()),
        device: None,
        actor: Actor {
            kind: ActorKind::Operator,
            ..event.actor
        },
        body: Body::LegalHoldChanged(LegalHoldChanged {
            subject: SubjectRef(person),
            held,
            reason: "a court's order".to_owned(),
        }),
        ..event
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
pub fn objects(disk: &OnDisk) -> BTreeSet<PathBuf> {
    objects_in(disk.path())
}

pub fn objects_in(site: &Path) -> BTreeSet<PathBuf> {
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
