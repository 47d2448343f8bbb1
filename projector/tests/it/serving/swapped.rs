//! Views are swapped while somebody searches and watches all the time.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::id::DeviceId;
use eventlog::Topic;
use proto::access::{SearchAccessRequest, WatchAccessRequest};

use super::{Site, sunrise};
use crate::fixture::{at, device, observed};
use crate::process::PROGRAM;

/// Records that are there before.
const SETTLED: u64 = 40;
/// Readers look for another generation about once a second.
const FOLLOWED: Duration = Duration::from_millis(1_300);

/// The record of this number, which is its leaf's in the log.
async fn append(site: &Site, gate: &DeviceId, number: u64) {
    let second = i64::try_from(number).unwrap();
    let event = observed(gate, &format!("event-{number}"), 1, at(second));
    site.disk
        .fixture
        .unsigned(Topic::AccessEvents, &event)
        .await;
}

/// All pages, newest first.
async fn search(site: &Site) -> Vec<u64> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = SearchAccessRequest {
            page_size: 50,
            page_token,
            ..sunrise()
        };
        let (records, next) = site.search(asked).await.unwrap();
        found.extend(records.iter().map(|record| record.leaf_index));
        if next.is_empty() {
            return found;
        }
        page_token = next;
    }
}

/// No call fails, no row is missing or there twice. `frozen`: what is written in the moment of the swap is
/// found all the same.
pub async fn nothing_is_lost_or_told_twice(site: &Site, frozen: bool) {
    let gate = device("sunrise.gate");
    for number in 0..SETTLED {
        append(site, &gate, number).await;
    }
    site.projected().await;
    let asked = WatchAccessRequest {
        complex_id: "sunrise".into(),
        ..WatchAccessRequest::default()
    };
    let stream = site.audit().await.watch_access(site.auditor(asked)).await;
    let mut stream = stream.unwrap().into_inner();
    let (last, settled) = (AtomicU64::new(u64::MAX), AtomicU64::new(SETTLED));

    let loading = async {
        let config = site.disk.config();
        let swapping = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(PROGRAM);
            command.args(["rebuild", "--swap", "--config"]).arg(config);
            (command.output().unwrap(), Instant::now())
        });
        let mut number = SETTLED;
        let grow = async |number: &mut u64| {
            append(site, &gate, *number).await;
            *number += 1;
            // No faster than it is projected: whoever is slow would never see the end of it.
            site.projected().await;
            if frozen {
                settled.store(*number, Ordering::SeqCst);
            }
        };
        while !swapping.is_finished() {
            grow(&mut number).await;
        }
        let (swapped, at) = swapping.await.unwrap();
        let said = String::from_utf8_lossy(&swapped.stdout).into_owned();
        assert!(said.contains("swapped: "), "{said}{swapped:?}");
        while at.elapsed() < FOLLOWED {
            grow(&mut number).await;
        }
        append(site, &gate, number).await;
        last.store(number, Ordering::SeqCst);
    };
    let searching = async {
        let mut searches = 0;
        while last.load(Ordering::SeqCst) == u64::MAX {
            let known = settled.load(Ordering::SeqCst);
            let found = search(site).await;
            assert!(found.is_sorted_by(|one, next| one > next), "{found:?}");
            let rows = found.iter().filter(|number| **number < known).count();
            assert_eq!(rows as u64, known);
            searches += 1;
        }
        searches
    };
    let watching = async {
        let mut told = Vec::new();
        while told.last() != Some(&last.load(Ordering::SeqCst)) {
            let message = stream.message().await.unwrap().expect("it goes on");
            told.extend(message.record.map(|record| record.leaf_index));
        }
        told
    };
    let ((), searches, told) = tokio::join!(loading, searching, watching);
    assert!(searches > 1);
    let all: Vec<u64> = (SETTLED..=last.load(Ordering::SeqCst)).collect();
    assert_eq!(told, all);
    site.projected().await;
    assert_eq!(search(site).await.len() as u64, SETTLED + told.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_is_not_seen_by_who_searches_and_watches() {
    let site = Site::start().await;
    nothing_is_lost_or_told_twice(&site, true).await;
}
