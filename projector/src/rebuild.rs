//! Everything once more from the event log alone: what the stored trees and views must equal, and the
//! views that take over from the serving ones.

mod command;
mod past;
mod progress;
mod reading;
mod replay;
mod rows;
mod sums;
mod trees;

use std::collections::BTreeMap;
use std::sync::Arc;

use auditlog::{LogId, RootBuilder};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventlog::EventLog;
use serde_json::json;

use crate::config::Config;
use crate::project::leaf;
use crate::prune;
use crate::store::{self, Building, Generations, StoreError, Swap, ViewReader};
use crate::views;
use reading::{Ends, Reading};
use replay::Replay;

pub use command::RebuildArgs;
pub use past::past;

/// What a comparison has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What is stored is what follows from the log.
    Same,
    /// It is not.
    Different,
    /// Something is missing or moves too fast.
    Untold,
}

/// What a rebuild has found and done.
#[derive(Debug)]
pub struct Report {
    /// For people: each difference, as far as there is room, and what was done.
    pub lines: Vec<String>,
    /// What the comparison has come to.
    pub verdict: Verdict,
}

/// Builds the next generation of the views beside the serving one, compares both and the trees with what
/// is stored, and swaps if that is wished and the trees are right.
///
/// # Errors
/// Log or stores can't be read or written; another rebuild has begun. The serving views are as they were.
pub async fn rebuild(config: &Config, batch: usize, swap: bool) -> anyhow::Result<Report> {
    let views = config.views().map_err(anyhow::Error::msg)?;
    let root = &*store::open_configured_root(views).await?;
    let log = &*open(config).await?;
    let mut report = trees::compare(config, log).await?;
    let trees = report.verdict;
    let building = root.begin().await?;
    let serving = &*root.serving(&building).await?;
    let new = &*building.store.reader();
    let store = Arc::clone(&building.store);
    let mut replay = Replay::start(config, log, store, batch).await?;
    // Read when the rebuild has begun: whoever prunes later supersedes it.
    replay.without(prune::gone(config).await?);
    // Never further than the serving views are: the trees must have every leaf that a row is of.
    let begun = projected(root, log, &building).await?;
    replay.to(&begun).await?;
    match rows::differences(serving, new).await {
        Ok(before) if before.is_empty() => {}
        Ok(before) => {
            let caught_up = projected(root, log, &building).await?;
            replay.to(&caught_up).await?;
            let after = rows::differences(serving, new).await?;
            let mut rows = rows::report(&before, &after, replay.lacks_records());
            let still = begun == projected(root, log, &building).await?;
            if still && begun != ends_of(log).await? && rows.verdict == Verdict::Different {
                let text = "the projection stands still behind the log, maybe amid a batch: start it, and \
                            run this again";
                rows.lines.push(text.to_owned());
                rows.verdict = Verdict::Untold;
            }
            report.add(rows);
        }
        Err(error @ StoreError::Schema { .. }) => {
            report
                .lines
                .push(format!("the rows are not compared: {error}"));
        }
        Err(error @ StoreError::Corrupt { .. }) => report.add(Report {
            lines: vec![error.to_string()],
            verdict: Verdict::Different,
        }),
        Err(error) => return Err(error.into()),
    }
    if swap {
        report.lines.push(match trees {
            Verdict::Same => {
                take_over(root, log, &building, &mut replay).await?;
                "swapped: the rebuilt views serve".to_owned()
            }
            _ => "not swapped: the trees aren't those of the log".to_owned(),
        });
    }
    Ok(report)
}

/// Catches up and swaps, until nothing was projected between.
async fn take_over(
    root: &dyn Generations,
    log: &dyn EventLog,
    building: &Building,
    replay: &mut Replay,
) -> anyhow::Result<()> {
    loop {
        replay.to(&projected(root, log, building).await?).await?;
        if root.swap(building).await? == Swap::Done {
            return Ok(());
        }
    }
}

/// Drops the views that don't serve.
///
/// # Errors
/// The store can't be changed.
pub async fn drop_idle(config: &Config) -> anyhow::Result<()> {
    let views = config.views().map_err(anyhow::Error::msg)?;
    let root = store::open_configured_root(views).await?;
    Ok(root.drop_idle().await?)
}

/// The root of every tree, one JSON object a line: topic, complex, size, root.
///
/// # Errors
/// The event log can't be read.
pub async fn trees(config: &Config) -> anyhow::Result<Vec<String>> {
    let log = open(config).await?;
    let ends = ends_of(&*log).await?;
    let mut trees: BTreeMap<LogId, RootBuilder> = BTreeMap::new();
    for topic in views::TOPICS
        .into_iter()
        .filter(|topic| views::has_leaves(*topic))
    {
        let mut reading = Reading::start(&*log, topic).await?;
        while let Some(records) = reading.next(&ends, command::BATCH).await? {
            for record in records {
                let tree = trees.entry(views::log_of(&record)?).or_default();
                tree.push(leaf(&record).bytes());
            }
        }
    }
    let lines = trees.iter().map(|(log, tree)| {
        json!({
            "topic": log.topic(),
            "complex": log.complex(),
            "size": tree.size(),
            "root": BASE64_STANDARD.encode(tree.root()),
        })
        .to_string()
    });
    Ok(lines.collect())
}

/// The views, in a store that is gone with its last reference.
///
/// # Errors
/// The event log can't be read, or the section `[records]` is wrong.
pub async fn views(config: &Config, batch: usize) -> anyhow::Result<Arc<dyn ViewReader>> {
    let log = open(config).await?;
    let store = store::scratch().await?;
    let mut replay = Replay::start(config, &*log, Arc::clone(&store), batch).await?;
    replay.without(prune::gone(config).await?);
    replay.to(&ends_of(&*log).await?).await?;
    Ok(store.reader())
}

impl Report {
    fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.verdict = match (self.verdict, other.verdict) {
            (Verdict::Different, _) | (_, Verdict::Different) => Verdict::Different,
            (Verdict::Untold, _) | (_, Verdict::Untold) => Verdict::Untold,
            (Verdict::Same, Verdict::Same) => Verdict::Same,
        };
    }
}

async fn open(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    let log = config.log().map_err(anyhow::Error::msg)?;
    Ok(eventlog::open(&log.url, log.options.clone()).await?)
}

/// The ends that the log has now.
async fn ends_of(log: &dyn EventLog) -> anyhow::Result<Ends> {
    let mut ends = Ends::new();
    for topic in views::TOPICS {
        ends.insert(topic, log.end_offsets(topic).await?);
    }
    Ok(ends)
}

/// How far the serving views are. They can't be further than their log.
async fn projected(
    root: &dyn Generations,
    log: &dyn EventLog,
    building: &Building,
) -> anyhow::Result<Ends> {
    let progress = root.progress(building.serving).await?;
    let mut ends = ends_of(log).await?;
    for (topic, ends) in &mut ends {
        for (partition, end) in (0..).zip(ends) {
            let next = progress.get(&(topic.name().to_owned(), partition));
            let next = next.copied().unwrap_or(0);
            anyhow::ensure!(
                next <= *end,
                "the log of {topic} ends before what was projected: it is another log, or has lost records"
            );
            *end = next;
        }
    }
    Ok(ends)
}
