//! A swap while records come in and are read.

use std::process::Command;

use eventlog::Topic;
use projector::store::{self, AccessQuery};

use super::Site;
use crate::process::{PROGRAM, caught_up};

/// Records come in and are read while the views are swapped: none is lost. `frozen`: the old views take
/// nothing from the moment of the swap on, so that a reader never goes back.
pub async fn swapped_under_load(site: &Site, frozen: bool) {
    let generation = site.generation().await;
    let mut project = site.project();
    // It is at work on the old generation.
    site.caught_up().await;
    let reader = store::open_configured_reader(site.config.views.as_ref().unwrap()).unwrap();
    let (done, mut stop) = tokio::sync::oneshot::channel::<()>();
    let reading = async {
        let (mut answers, mut seen) = (0, vec![0; 3]);
        while stop.try_recv().is_err() {
            let answer = store::one_generation(async {
                let mut progress = Vec::new();
                for partition in 0..3 {
                    let next = reader.progress(Topic::AccessEvents, partition).await;
                    progress.push(next.unwrap().unwrap_or(0));
                }
                (progress, reader.search(&everything(), None, 10_000).await)
            });
            let (progress, found) = answer.await;
            assert!(!found.unwrap().is_empty());
            let back = progress.iter().zip(&seen).any(|(now, then)| now < then);
            assert!(!(frozen && back), "{progress:?} behind {seen:?}");
            seen = progress;
            answers += 1;
        }
        answers
    };
    let loading = async {
        let swapping = {
            let config = site.disk.config();
            tokio::task::spawn_blocking(move || {
                let mut command = Command::new(PROGRAM);
                command.args(["rebuild", "--swap", "--config"]).arg(config);
                command.output().unwrap()
            })
        };
        // No faster than it is projected: whoever is slow would never see the end of it.
        while !swapping.is_finished() {
            site.disk.fixture.workload(1).await;
            caught_up(&site.disk, &*reader).await;
        }
        let swapped = swapping.await.unwrap();
        let said = String::from_utf8_lossy(&swapped.stdout).into_owned();
        // Under such load it may not be able to tell; what it may not is to find a difference.
        assert_ne!(swapped.status.code(), Some(1), "{said}");
        assert!(said.contains("swapped: "), "{said}{swapped:?}");
        site.disk.fixture.workload(1).await;
        site.caught_up().await;
        done.send(()).unwrap();
    };
    let (answers, ()) = tokio::join!(reading, loading);
    assert!(answers > 0);
    assert_eq!(site.generation().await, generation + 1);
    assert!(project.terminate().await.unwrap().success());
    let log = std::fs::read_to_string(site.file("project.log")).unwrap();
    assert!(log.contains("rebuilt views serve now"), "{log}");
    assert!(!log.contains("halted"), "{log}");
    assert!(site.dump() == site.follows_from_the_log());
    crate::process::rebuilt_trees_are_in(&site.disk, site.tiles()).await;
}

fn everything() -> AccessQuery {
    AccessQuery {
        complex: "sunrise".parse().unwrap(),
        from: None,
        until: None,
        subject: None,
        device: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_swapped_while_records_come_in_and_are_read() {
    swapped_under_load(&Site::new().await, true).await;
}
