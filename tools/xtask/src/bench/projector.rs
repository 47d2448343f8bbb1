//! The log through trees and views, beside a bare loop that writes the same rows; Merkle appends alone;
//! searches in a big view; memory.

mod bare;
mod filled;
mod pages;
mod records;
mod scene;
mod searches;
mod trees;

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::clients::Operator;
use harness::fixtures::ensure_subject;
use harness::site::{Pair, Part, Site};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;

use self::scene::{Place, Projected, Scene, peak_memory};
use super::report::{Better, Figure, Report, Split};
use crate::{Engine, demo, target};

/// Records that are projected together, by default: `project.batch`.
const BATCH: usize = 2048;

/// How often it is told how far a view is filled.
const PARTS: u64 = 20;

/// Who searches: an auditor of every complex.
const READER: &str = "auditor";

/// A round of ours, and what the bare loop took, by way to send.
type Round = (Projected, Vec<(&'static str, Duration)>);

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Records in the log.
    pub(crate) records: usize,
    /// Rounds of each side.
    pub(crate) rounds: usize,
    /// Accesses in the view that is searched.
    pub(crate) rows: u64,
}

/// Runs it on one pair of engines, or on both.
pub(crate) fn run(engine: Option<Engine>, extent: Extent) -> Result<Report> {
    ensure!(
        extent.records > 0 && extent.rounds > 0,
        "nothing to measure"
    );
    let report = tokio::runtime::Runtime::new()?.block_on(measure(engine, extent));
    eventlog::wait_closed();
    report
}

async fn measure(engine: Option<Engine>, extent: Extent) -> Result<Report> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let dir = tempfile::tempdir_in(folder)?;
    let progress = demo::spinner();
    let mut report = Report {
        load: format!(
            "{} records and a view of {} accesses on each pair of engines, {} rounds a side, by turns",
            extent.records, extent.rows, extent.rounds
        ),
        figures: Vec::new(),
        splits: Vec::new(),
    };
    for (pair, name) in [(Pair::Cluster, "Cassandra"), (Pair::Embedded, "SQLite")] {
        let meant = match engine {
            None => true,
            Some(Engine::Kafka) => pair == Pair::Cluster,
            Some(Engine::Sqlite) => pair == Pair::Embedded,
        };
        if !meant {
            continue;
        }
        tell(&progress, format!("{name}: starting the engines"));
        match Scene::start(pair, &dir.path().join(name)).await? {
            Some(scene) => on(scene, name, extent, &progress, &mut report).await?,
            None => report.load += &format!("; no {name} here"),
        }
    }
    tell(&progress, "Merkle appends alone".to_owned());
    let trees = trees::measure(dir.path(), extent.rounds).await?;
    report.figures.push(trees);
    progress.finish_and_clear();
    Ok(report)
}

async fn on(
    mut scene: Scene,
    name: &str,
    extent: Extent,
    progress: &ProgressBar,
    report: &mut Report,
) -> Result<()> {
    tell(progress, format!("{name}: filling the log"));
    let records = scene.fill(extent.records).await?;
    // What a virtual machine compiles meanwhile is not what is measured.
    tell(progress, format!("{name}: warming up"));
    let warm = scene.place("warm").await?;
    scene.project(&warm, records).await?;
    scene.drop(&warm).await?;
    let mut rounds = Vec::new();
    let mut last = None;
    for number in 1..=extent.rounds {
        tell(
            progress,
            format!("{name}: projecting, round {number} of {}", extent.rounds),
        );
        let place = scene.place(&format!("ours{number}")).await?;
        let ours = scene.project(&place, records).await?;
        tell(
            progress,
            format!("{name}: {:.0} records/s; the same rows, bare", ours.rate),
        );
        let parts = (records as usize).div_ceil(BATCH);
        let bare = bare::write(&mut scene, &place, parts).await?;
        for (how, took) in &bare.took {
            let rate = records as f64 / took.as_secs_f64();
            let what = format!(
                "{name}: {rate:.0} records/s bare, {} rows, {how}",
                bare.rows
            );
            tell(progress, what);
        }
        if let Some(earlier) = last.replace(place) {
            scene.drop(&earlier).await?;
        }
        rounds.push((ours, bare.took));
    }
    of_rounds(name, records, &rounds, report);
    if let Some(place) = last {
        search(&mut scene, &place, name, extent.rows, progress, report).await?;
    }
    scene.site.stop().await
}

fn of_rounds(name: &str, records: u64, rounds: &[Round], report: &mut Report) {
    let ways = rounds.first().map_or(0, |(_, bare)| bare.len());
    for way in 0..ways {
        let bare = |(_, bare): &Round| bare.get(way).copied();
        let how = rounds.iter().find_map(bare).map_or("", |(how, _)| how);
        let rates = rounds.iter().filter_map(|round| {
            let (_, took) = bare(round)?;
            Some((round.0.rate, records as f64 / took.as_secs_f64()))
        });
        report.figures.push(Figure::new(
            format!("{name}: records through tree and views; the reference is a bare loop of the same rows, {how}"),
            "1/s",
            Better::More,
            rates.collect(),
        ));
    }
    let memory = rounds.iter().map(|(ours, _)| {
        let [before, peak] = ours.memory.map(mebibytes);
        (peak, before)
    });
    report.figures.push(Figure::new(
        format!("{name}: peak memory (RSS) of `project`; the reference is before the first record"),
        "MiB",
        Better::Less,
        memory.collect(),
    ));
    let mean = |of: usize| {
        let all = rounds.iter().filter_map(|(ours, _)| ours.cpu_us.get(of));
        all.sum::<f64>() / rounds.len() as f64
    };
    report.splits.push(Split {
        name: format!("{name}: CPU of a record, µs"),
        parts: vec![
            ("the projector", mean(0), None),
            ("the view store's process", mean(1), None),
        ],
    });
}

/// Searches before and after the view has grown.
async fn search(
    scene: &mut Scene,
    place: &Place,
    name: &str,
    rows: u64,
    progress: &ProgressBar,
    report: &mut Report,
) -> Result<()> {
    tell(progress, format!("{name}: searching"));
    scene.site.start_part(Part::Issuer).await?;
    register_reader(&mut scene.site).await?;
    let mut serve = scene.serve(place).await?;
    // Compiled, connected and cached: only the size is to differ.
    both(&scene.site).await?;
    let small = both(&scene.site).await?;
    let before = peak_memory(serve.pid())?;
    tell(
        progress,
        format!("{name}: filling the view with {rows} accesses"),
    );
    let parts = Cell::new(0);
    let told = |done: u64| {
        let part = done * PARTS / rows.max(1);
        if parts.replace(part) != part {
            tell(progress, format!("{name}: {done} of {rows} accesses"));
        }
    };
    filled::fill(scene, place, rows, told).await?;
    tell(progress, format!("{name}: searching in all of it"));
    both(&scene.site).await?;
    let big = both(&scene.site).await?;
    for (by, big, small) in [
        ("gRPC", &big[0], &small[0]),
        ("console", &big[1], &small[1]),
    ] {
        for (what, at) in [("p50", 0.5), ("p99", 0.99)] {
            let ms = |taken: &Histogram<u64>| taken.value_at_quantile(at) as f64 / 1e3;
            report.figures.push(Figure::new(
                format!(
                    "{name}: page of a search, {by}, {what}; the reference is before the view grew"
                ),
                "ms",
                Better::Less,
                vec![(ms(big), ms(small))],
            ));
        }
    }
    let memory = [peak_memory(serve.pid())?, before].map(mebibytes);
    report.figures.push(Figure::new(
        format!("{name}: peak memory (RSS) of `serve`; the reference is before the view grew"),
        "MiB",
        Better::Less,
        vec![(memory[0], memory[1])],
    ));
    serve.terminate().await?;
    scene.site.terminate(Part::Issuer).await
}

/// Registers who is going to read, as an operator does: nobody else's reads are recorded.
async fn register_reader(site: &mut Site) -> Result<()> {
    site.start_part(Part::CommandSvc).await?;
    let mut operator = Operator::connect(site).await?;
    ensure_subject(site, &mut operator, READER).await?;
    site.terminate(Part::CommandSvc).await
}

/// Searches as clients of gRPC ask, then as browsers do.
async fn both(site: &Site) -> Result<[Histogram<u64>; 2]> {
    Ok([searches::measure(site).await?, pages::measure(site).await?])
}

/// Says what is being done, also where nobody sees a spinner.
fn tell(progress: &ProgressBar, what: String) {
    if progress.is_hidden() {
        eprintln!("{what}");
    }
    progress.set_message(what);
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
