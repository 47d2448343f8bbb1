//! `projector prune`: takes away what has expired, from the audit log's bundles and from the views, and
//! says so.
//!
//! A bundle goes with its positions when every record of it has expired, and nothing holds it: no person
//! under a legal hold is named in it, it has no outcome of a command of such a person, and no period of
//! its complex is on hold. In doubt it stays. Hashes always stay.

mod holds;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use auditlog::{
    Checkpoint, CheckpointSigner, ENTRIES_PER_BUNDLE, LogId, LogReader, Origin, Position, Pruned,
    Pruning, logs_of,
};
use eventlog::Keep;
use jiff::Timestamp;
use object_store::ObjectStore;
use serde_json::json;

use crate::config::Config;
use crate::store::{self, Gone, Removed};
use crate::{project, tiles, views};
use holds::{Holds, Named};

pub use holds::PeriodHold;
pub(crate) use rows::gone;

/// A log that may be pruned, and how old a record of it must be.
struct Log {
    id: LogId,
    reader: LogReader,
    checkpoint: Checkpoint,
    /// Records that were taken in before this have expired.
    before: Timestamp,
}

/// What is to become of the bundles of one log.
#[derive(Default)]
struct Plan {
    goes: Vec<u64>,
    /// By bundle, what holds it.
    held: BTreeMap<u64, String>,
}

/// Says, one JSON object a log, what of it has expired and what holds it, and how many rows of the views
/// are of what is gone; removes both where `apply`.
///
/// First all that goes is said, signed; from then on no rebuild brings rows of it back. Then the rows go,
/// and last the bundles. A run that is cut short anywhere is ended by the next one.
///
/// # Errors
/// Configuration, storage or the event log; what was removed by then is said to be.
pub async fn run(config: &Config, apply: bool) -> anyhow::Result<Vec<String>> {
    let sections = config.for_project().map_err(anyhow::Error::msg)?;
    let signer = project::signer(&sections)?;
    let store = tiles::to_write(sections.tiles).await?;
    let logs = expiring(&store, &signer, config).await?;
    let holds = Holds::read(config).await?;
    let (mut lines, mut gone, mut said) = (Vec::new(), Gone::default(), Vec::new());
    for log in &logs {
        let pruned = log.reader.pruned().await?;
        let plan = plan(log, &pruned, &holds).await?;
        let pruned = extended(&pruned, &plan, log.before);
        let bundles = pruned.prunings.iter().flat_map(|p| p.bundles.clone());
        let bundles: BTreeSet<u64> = bundles.collect();
        let offsets = rows::offsets(&log.reader, &log.checkpoint, &bundles).await?;
        gone.add(log.id.clone(), offsets);
        // Also where nothing goes: an earlier run may have been cut short.
        if !bundles.is_empty() {
            let origin = Origin::new(&sections.audit.origin, &log.id)?;
            if apply {
                pruned.say(&*store, &log.id, &origin, &signer).await?;
            }
            said.push((&log.id, origin, pruned));
        }
        if !plan.goes.is_empty() || !plan.held.is_empty() {
            lines.push(line(log, &plan, apply));
        }
    }
    let rows = remove_rows(config, &gone, apply).await?;
    if apply {
        for (log, origin, pruned) in said {
            let verifier = signer.verifier();
            pruned.remove(&*store, log, &origin, verifier).await?;
        }
    }
    if !rows.is_empty() {
        lines.push(json!({ "rows": rows, "removed": apply }).to_string());
    }
    Ok(lines)
}

/// From the views that serve; others go whole, as they would keep such rows. A rebuild that has begun is
/// thereby superseded: it may not know yet what is said to be gone.
async fn remove_rows(config: &Config, gone: &Gone, apply: bool) -> anyhow::Result<Removed> {
    if gone.is_empty() {
        return Ok(Removed::new());
    }
    let views = config.views().map_err(anyhow::Error::msg)?;
    if apply {
        let root = store::open_configured_root(views).await?;
        root.drop_idle().await?;
    }
    let store = store::open_configured(views).await?;
    let removed = store.remove(gone, apply).await;
    removed.context("rows of the views are left: run it again")
}

fn line(log: &Log, plan: &Plan, apply: bool) -> String {
    let held: Vec<_> = plan
        .held
        .iter()
        .map(|(bundle, by)| json!({ "bundle": bundle, "by": by }))
        .collect();
    json!({
        "log": log.id.to_string(),
        "expired_before": log.before.to_string(),
        "bundles": runs(&plan.goes).map(|(first, last)| [first, last]).collect::<Vec<_>>(),
        "records": plan.goes.len() as u64 * ENTRIES_PER_BUNDLE,
        "removed": apply,
        "held": held,
    })
    .to_string()
}

/// The logs whose records expire. The clock is this machine's, or that of the newest record where it
/// is behind: a machine whose clock has run ahead makes nothing expire.
async fn expiring(
    store: &Arc<dyn ObjectStore>,
    signer: &CheckpointSigner,
    config: &Config,
) -> anyhow::Result<Vec<Log>> {
    let sections = config.for_project().map_err(anyhow::Error::msg)?;
    let mut found = Vec::new();
    let mut newest: Option<i64> = None;
    for topic in views::TOPICS.into_iter().filter(|t| views::has_leaves(*t)) {
        let logs = logs_of(&**store, topic.name()).await;
        for id in logs.context("the tiles can't be listed")? {
            let origin = Origin::new(&sections.audit.origin, &id)?;
            let verifier = signer.verifier().clone();
            let reader = LogReader::open(id.clone(), origin, Arc::clone(store), verifier)?;
            let checkpoint = match reader.checkpoint().await {
                Err(auditlog::Error::NoCheckpoint { .. }) => continue,
                other => other?,
            };
            let last = (checkpoint.size().saturating_sub(1)) / ENTRIES_PER_BUNDLE;
            let positions = reader
                .positions(&checkpoint, last)
                .await?
                .unwrap_or_default();
            newest = newest.max(positions.iter().map(|at| at.append_time).max());
            found.push((topic, id, reader, checkpoint));
        }
    }
    let now = newest.and_then(|newest| Timestamp::from_millisecond(newest).ok());
    let Some(now) = now.map(|newest| newest.min(Timestamp::now())) else {
        return Ok(Vec::new());
    };
    let logs = found
        .into_iter()
        .filter_map(|(topic, id, reader, checkpoint)| {
            let Keep::For(kept) = sections.log.options.retention.of(topic) else {
                return None;
            };
            let before = now.checked_sub(kept).ok()?;
            Some(Log {
                id,
                reader,
                checkpoint,
                before,
            })
        });
    Ok(logs.collect())
}

/// All but the last bundle: the writer goes on from it, and it says where the one before it ends.
async fn plan(log: &Log, pruned: &Pruned, holds: &Holds) -> anyhow::Result<Plan> {
    let last = log.checkpoint.size().saturating_sub(1) / ENTRIES_PER_BUNDLE;
    let mut expired = Vec::new();
    for bundle in (0..last).filter(|bundle| !pruned.has(*bundle)) {
        // How old it is where nobody kept that, nobody knows.
        let positions = log.reader.positions(&log.checkpoint, bundle).await?;
        if positions.is_some_and(|all| all.iter().all(|at| has_expired(at, log.before))) {
            expired.push(bundle);
        }
    }
    let mut named = Named::default();
    let mut plan = Plan::default();
    for bundle in &expired {
        let leaves = log.reader.bundle(*bundle).await?;
        if let Some(by) = holds.on(&log.id, &leaves, &mut named) {
            plan.held.insert(*bundle, by);
        }
    }
    for bundle in expired {
        if plan.held.contains_key(&bundle) {
            continue;
        }
        // An outcome may stand far behind its decision.
        let by = match named.is_empty() {
            true => None,
            false => named.in_any(&log.reader.bundle(bundle).await?),
        };
        match by {
            Some(by) => _ = plan.held.insert(bundle, by),
            None => plan.goes.push(bundle),
        }
    }
    Ok(plan)
}

fn has_expired(at: &Position, before: Timestamp) -> bool {
    at.append_time < before.as_millisecond()
}

/// What is said to be gone, then.
fn extended(pruned: &Pruned, plan: &Plan, before: Timestamp) -> Pruned {
    let new = runs(&plan.goes).map(|(first, last)| Pruning {
        at: Timestamp::now().as_millisecond(),
        before: before.as_millisecond(),
        bundles: first..last + 1,
    });
    Pruned {
        prunings: pruned.prunings.iter().cloned().chain(new).collect(),
    }
}

/// Bundles that follow each other: the first and the last of each run.
fn runs(bundles: &[u64]) -> impl Iterator<Item = (u64, u64)> {
    bundles
        .chunk_by(|one, next| one + 1 == *next)
        .filter_map(|run| Some((*run.first()?, *run.last()?)))
}
