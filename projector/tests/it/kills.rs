//! The program killed with no warning, again and again while records come in: its trees and rows are those
//! of the log. `SMARTHOME_KILLS` says how often; a few times unless it is set.

use std::time::Duration;

use harness::process::{Process, Spec};
use projector::config::Config;
use projector::store::{self, ViewReader};
use projector::views::TOPICS;

use crate::process::{PROGRAM, caught_up, rebuilt_trees_are_in, tool};
use crate::run::wait;
use crate::site::OnDisk;

/// How often it is killed.
pub fn kills(few: u64) -> u64 {
    let wanted = std::env::var("SMARTHOME_KILLS").ok();
    wanted.map_or(few, |wanted| wanted.parse().unwrap())
}

/// Kills it so often, and looks at what it leaves behind.
pub async fn survives(disk: &OnDisk, kills: u64) {
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = store::open_configured_reader(config.views.as_ref().unwrap()).unwrap();
    let spec = Spec::program(PROGRAM, disk.path().join("projector.log")).args([
        "project",
        "--config",
        disk.config().to_str().unwrap(),
    ]);
    let mut hits = 0;
    for kill in 0..kills {
        let before = projected(&*views).await;
        let mut process = Process::spawn(&spec).unwrap();
        disk.fixture.workload(2).await;
        let anywhere = Duration::from_millis(kill * 37 % 200);
        if kill % 4 != 0 {
            // Else it may be killed while it starts.
            wait(async || projected(&*views).await > before).await;
        }
        tokio::time::sleep(anywhere).await;
        process.kill9().unwrap();
        let after = projected(&*views).await;
        hits += u64::from(before < after && after < appended(disk).await);
    }
    // It was at work, or this has shown nothing.
    assert!(hits * 3 >= kills, "{hits} of {kills} kills hit it at work");
    let mut process = Process::spawn(&spec).unwrap();
    caught_up(disk, &*views).await;
    let stored = tool(disk, &["dump-views"]).stdout;
    assert!(stored.len() > 10_000);
    assert!(stored == tool(disk, &["rebuild", "--dump-views"]).stdout);
    let tiles = auditlog::open(&config.tiles.as_ref().unwrap().url).unwrap();
    rebuilt_trees_are_in(disk, tiles).await;
    assert!(process.terminate().await.unwrap().success());
    let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
    assert!(!log.contains("halted"), "{log}");
    println!("{hits} of {kills} kills hit it at work");
}

/// Records that are projected, as far as that is known.
async fn projected(views: &dyn ViewReader) -> u64 {
    let mut sum = 0;
    for topic in TOPICS {
        for partition in 0..3 {
            let progress = views.progress(topic, partition).await;
            sum += progress.ok().flatten().unwrap_or(0);
        }
    }
    sum
}

/// Records that there are.
async fn appended(disk: &OnDisk) -> u64 {
    let mut sum = 0;
    for topic in TOPICS {
        let ends = disk.fixture.log.end_offsets(topic).await.unwrap();
        sum += ends.iter().sum::<u64>();
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_it_leaves_what_a_rebuild_gives() {
    let disk = OnDisk::new().await;
    survives(&disk, kills(8)).await;
    let log = std::fs::read_to_string(disk.path().join("projector.log")).unwrap();
    let traced = |line: &&str| {
        line.contains("\"projected\"") && line.contains("0af7651916cd43dd8448eb211c80319c")
    };
    assert!(
        log.lines().any(|line| traced(&line)),
        "the trace reaches the projector"
    );
}
