//! A rebuild that is killed, before the swap, after it and within.

use std::time::Duration;

use harness::process::Process;
use projector::store;
use rusqlite::Connection;

use super::Site;
use crate::run::wait;

/// Killed anywhere, the views are the old ones or the new ones, whole; and the next run is as any.
pub async fn killed_anywhere(site: &Site, kills: u64, apart: Duration) {
    let before = site.dump();
    for kill in 1..=kills {
        let serving = site.generation().await;
        let mut rebuild = Process::spawn(&site.spec(&["rebuild", "--swap"])).unwrap();
        tokio::time::sleep(apart * u32::try_from(kill).unwrap()).await;
        // It may be done already.
        let _ = rebuild.kill9();
        let now = site.generation().await;
        assert!(now == serving || now == serving + 1, "{now}");
        assert!(site.dump() == before, "killed {kill} times");
    }
    let (code, out, error) = site.rebuild(&["--swap"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(site.dump() == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_it_leaves_whole_views() {
    let site = Site::new().await;
    killed_anywhere(&site, 8, Duration::from_millis(15)).await;
}

/// Killed around the swap, a step later each time until it was done before: what is read is the old
/// views or the new ones. `mark` makes the rows of a generation others than those of the log.
pub async fn killed_around_the_swap(site: &Site, step: Duration, mark: impl AsyncFn(u64)) {
    let right = site.dump();
    let views = site.config.views.as_ref().unwrap();
    let root = store::open_configured_root(views).await.unwrap();
    let (mut before, mut after) = (0, 0);
    for kill in 0.. {
        let serving = root.pointer().await.unwrap().serving;
        mark(serving).await;
        let marked = site.dump();
        assert!(marked != right);
        let mut rebuild = site.built(serving).await;
        tokio::time::sleep(step * kill).await;
        // It may be done already.
        let _ = rebuild.kill9();
        let now = root.pointer().await.unwrap().serving;
        match now - serving {
            0 => assert!(site.dump() == marked, "killed {kill} steps behind"),
            1 => assert!(site.dump() == right, "killed {kill} steps behind"),
            _ => panic!("{now} behind {serving}"),
        }
        match now == serving {
            true => before += 1,
            false => after += 1,
        }
        if after >= 2 {
            break;
        }
        // The next run is as any, whatever was left.
        assert_eq!(site.rebuild(&["--swap"]).0, i32::from(now == serving));
        assert!(site.dump() == right);
    }
    assert!(before > 0, "none was killed before the swap");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_around_the_swap_it_leaves_one_whole_generation() {
    let site = Site::new().await;
    let mark = async |generation: u64| {
        let name = match generation {
            1 => "views.db".to_owned(),
            later => format!("views.db.g{later}"),
        };
        let views = Connection::open(site.file(&name)).unwrap();
        for table in ["claims", "completions", "observations"] {
            let sql = format!("UPDATE {table} SET leaf = leaf + 1000");
            assert!(views.execute(&sql, []).unwrap() > 0, "{table}");
        }
    };
    killed_around_the_swap(&site, Duration::from_millis(10), mark).await;
    killed_within_the_swap(&site, mark).await;
}

/// The old views are locked, and the root is not written yet.
async fn killed_within_the_swap(site: &Site, mark: impl AsyncFn(u64)) {
    let (serving, marked, mut rebuild, held) = loop {
        let serving = site.generation().await;
        assert!(serving > 1, "views and root are two files");
        mark(serving).await;
        let marked = site.dump();
        let mut rebuild = site.built(serving).await;
        let held = Connection::open(site.file("views.db")).unwrap();
        held.busy_timeout(Duration::from_secs(5)).unwrap();
        held.execute_batch("BEGIN IMMEDIATE").unwrap();
        if site.generation().await == serving {
            break (serving, marked, rebuild, held);
        }
        // It was faster.
        held.execute_batch("ROLLBACK").unwrap();
        let _ = rebuild.kill9();
    };
    let old = Connection::open(site.file(&format!("views.db.g{serving}"))).unwrap();
    old.busy_timeout(Duration::ZERO).unwrap();
    wait(
        async || match old.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
            Ok(()) => false,
            Err(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy),
        },
    )
    .await;
    rebuild.kill9().unwrap();
    held.execute_batch("ROLLBACK").unwrap();
    assert_eq!(site.generation().await, serving);
    assert!(site.dump() == marked);
    assert_eq!(site.rebuild(&["--swap"]).0, 1);
    assert!(site.dump() == site.follows_from_the_log());
}
