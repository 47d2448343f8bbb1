//! An event log whose clock goes back and jumps to 1970 and 2100: order and rows follow offsets, and
//! times stand where they were said, no more.

use auditlog::LogId;
use eventlog::Topic;
use harness::process::{Process, Spec};
use projector::config::Config;
use projector::store::{self, Table};
use projector::views::{self, TOPICS};
use rusqlite::Connection;

use crate::process::{PROGRAM, caught_up, rebuilt_trees_are_in, tool};
use crate::run::{Site, project, rebuilt};
use crate::site::OnDisk;

/// 2100, in milliseconds since 1970.
const FAR: i64 = 4_102_444_800_000;

const DAY: i64 = 86_400_000;

/// Makes the append times of all records jump: into the past as far as the log keeps such records.
fn jump(disk: &OnDisk) {
    let file = Connection::open(disk.path().join("log.db")).unwrap();
    for topic in TOPICS {
        let past = match topic {
            Topic::RegistryEvents => "0".to_owned(),
            Topic::AccessEvents | Topic::AuditReads => format!("append_time - {}", 700 * DAY),
            _ => format!("append_time - {}", 20 * DAY),
        };
        for partition in 0..3 {
            let sql = format!(
                "UPDATE \"{topic}/{partition}\" SET append_time = CASE record_offset % 4
                   WHEN 0 THEN {past} WHEN 1 THEN {FAR} WHEN 2 THEN append_time - {DAY}
                   ELSE append_time END"
            );
            file.execute(&sql, []).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jumping_append_times_change_no_order_and_lose_nothing() {
    let disk = OnDisk::new().await;
    disk.fixture.workload(3).await;
    let log = &*disk.fixture.log;
    let roots = rebuilt(log).await;
    jump(&disk);
    assert_eq!(rebuilt(log).await, roots, "leaves are what was said alone");

    let spec = Spec::program(PROGRAM, disk.path().join("projector.log")).args([
        "project",
        "--config",
        disk.config().to_str().unwrap(),
    ]);
    let mut process = Process::spawn(&spec).unwrap();
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    caught_up(&disk, &*views).await;
    let stored = tool(&disk, &["dump-views"]).stdout;
    assert!(stored == tool(&disk, &["rebuild", "--dump-views"]).stdout);
    let tiles = auditlog::open(&config.tiles.as_ref().unwrap().url).unwrap();
    rebuilt_trees_are_in(&disk, tiles).await;
    assert!(process.terminate().await.unwrap().success());

    for batch in [1, 512] {
        let site = Site::new().await;
        project(&disk.fixture, &site, batch).await;
        assert_eq!(site.trees(log).await, roots);
        let stored = String::from_utf8_lossy(&stored);
        assert!(stored.lines().eq(site.dump().await), "batches of {batch}");
        let mut records = 0;
        for topic in TOPICS.into_iter().filter(|topic| views::has_leaves(*topic)) {
            let ends = log.end_offsets(topic).await.unwrap();
            records += ends.iter().sum::<u64>();
        }
        let leaves = site.views.reader().scan(Table::Leaves).await.unwrap();
        assert_eq!(leaves.len() as u64, records);
        // What was said of times is kept as it was said, in the order of the log.
        let reader = site.reader(&LogId::new("access.events.v1", "sunrise").unwrap());
        let checkpoint = reader.checkpoint().await.unwrap();
        let positions = reader.positions(&checkpoint, 0).await.unwrap().unwrap();
        assert!(positions.is_sorted_by_key(|position| position.offset));
        let times = || positions.iter().map(|position| position.append_time);
        assert!(times().filter(|time| *time == FAR).count() > 5);
        assert!(!times().is_sorted());
        let oldest = times().min().unwrap();
        assert!(times().any(|time| time - oldest > 600 * DAY && time < FAR));
    }
}
