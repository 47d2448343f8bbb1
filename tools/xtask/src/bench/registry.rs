//! The registry at the size of a city: what a grant costs in memory, how long a process takes to
//! know it all, and how long a decision on it takes.

mod deciding;
mod hydrating;
mod site;

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context as _, Result};
use domain::registry::Registry;

use self::site::Site;
use super::report::{Better, Figure, Report};
use crate::{demo, target};

/// Rounds of decisions; the middle one counts.
const ROUNDS: usize = 5;
/// What each grant of the reference is: its id, its person and a device, in one bare map.
type Bare = HashMap<u128, [u8; 64]>;

/// Runs it with this many grants.
pub(crate) fn run(grants: usize) -> Result<Report> {
    let site = Site::of(grants);
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let dir = tempfile::tempdir_in(folder)?;
    let progress = demo::spinner();

    // First: memory that was freed would be counted as free.
    progress.set_message("folding");
    let before = resident()?;
    let mut registry = Registry::default();
    for (complex, set) in site.change_sets() {
        let answer = registry.fold(&complex, set);
        answer.context("a change set of the benchmark must apply")?;
    }
    let ours = resident()?.saturating_sub(before);
    let before = resident()?;
    let bare: Bare = (0..site.grants())
        .map(|grant| (site::id(grant), [7; 64]))
        .collect();
    let theirs = resident()?.saturating_sub(before);
    let each = |bytes: u64| bytes as f64 / site.grants() as f64;
    let mut figures = vec![Figure::new(
        "memory of a grant with its share of all else (RSS); the reference is a HashMap of ids to 64 B",
        "B",
        Better::Less,
        vec![(each(ours), each(theirs))],
    )];

    progress.set_message("deciding");
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|round| deciding::round(&site, &registry, &bare, round))
        .collect::<Result<_>>()?;
    for (name, at) in [("p50", 0.5), ("p99", 0.99)] {
        let rounds = rounds
            .iter()
            .map(|(ours, bare)| (ours.us(at), bare.us(at)))
            .collect();
        let name = format!("decide {name}; the reference is one look-up in that HashMap");
        figures.push(Figure::new(name, "µs", Better::Less, rounds));
    }
    drop((registry, bare));

    let runtime = tokio::runtime::Runtime::new()?;
    let hydrated = runtime.block_on(hydrating::measure(&site, dir.path(), |what| {
        progress.set_message(what);
    }));
    drop(runtime);
    eventlog::wait_closed();
    figures.extend(hydrated?);
    progress.finish_and_clear();
    Ok(Report {
        load: site.to_string(),
        figures,
        splits: Vec::new(),
    })
}

/// Physical memory of this process, in bytes (`VmRSS`, proc(5)).
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.context("/proc/self/status has no VmRSS")? * 1024)
}

/// Seconds since `start`.
fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
