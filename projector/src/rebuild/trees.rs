//! Trees that follow from the log against the stored ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use auditlog::{Checkpoint, CheckpointVerifier, Error, LogId, LogReader, Origin, RootBuilder};
use eventlog::EventLog;
use object_store::ObjectStore;

use super::command::BATCH;
use super::progress::ProgressShown;
use super::reading::Reading;
use super::{Report, Verdict, ends_of};
use crate::config::Config;
use crate::project::leaf;
use crate::{tiles, views};

/// How often trees that grow are caught up with before they count as larger than their log.
const TRIES: usize = 3;

/// Compares every tree that follows from the log with its checkpoint, at the same size.
///
/// # Errors
/// Log or storage can't be read.
pub(super) async fn compare(config: &Config, log: &dyn EventLog) -> anyhow::Result<Report> {
    let mut signed = Signed::open(config).await?;
    let mut trees: BTreeMap<LogId, RootBuilder> = BTreeMap::new();
    let mut topics = Vec::new();
    for topic in views::TOPICS {
        if views::has_leaves(topic) {
            topics.push(Reading::start(log, topic).await?);
        }
    }
    let mut shown = ProgressShown::start("trees", "records");
    for _ in 0..TRIES {
        signed.look_at(&trees).await?;
        let mut ends = ends_of(log).await?;
        ends.retain(|topic, _| views::has_leaves(*topic));
        shown.aim(ends.values().flatten().sum());
        for topic in &mut topics {
            while let Some(records) = topic.next(&ends, BATCH).await? {
                shown.advance(records.len());
                for record in records {
                    let id = views::log_of(&record)?;
                    let tree = trees.entry(id.clone()).or_default();
                    tree.push(leaf(&record).bytes());
                    signed.grown(&id, tree).await?;
                }
            }
        }
        if !signed.is_ahead_of(&trees) {
            break;
        }
    }
    Ok(signed.report(&trees))
}

/// What is signed of each log, looked at while its tree grows towards it.
struct Signed {
    tiles: Arc<dyn ObjectStore>,
    origin: String,
    verifier: CheckpointVerifier,
    readers: HashMap<LogId, LogReader>,
    /// The checkpoint that was seen last; none where there is none.
    seen: HashMap<LogId, Option<Checkpoint>>,
    /// Logs of which some checkpoint was met at its size.
    met: BTreeSet<LogId>,
    different: BTreeMap<LogId, String>,
}

impl Signed {
    /// Opens the audit log's storage.
    ///
    /// # Errors
    /// What is wrong in the configuration, or can't be opened.
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let tiles = config.tiles().map_err(anyhow::Error::msg)?;
        let audit = config.audit().map_err(anyhow::Error::msg)?;
        Ok(Self {
            tiles: tiles::to_read(tiles).await?,
            origin: audit.origin.clone(),
            verifier: audit.verifier()?,
            readers: HashMap::new(),
            seen: HashMap::new(),
            met: BTreeSet::new(),
            different: BTreeMap::new(),
        })
    }

    /// A tree has one more leaf.
    ///
    /// # Errors
    /// The storage can't be read.
    async fn grown(&mut self, log: &LogId, tree: &RootBuilder) -> anyhow::Result<()> {
        if !self.seen.contains_key(log) {
            self.look(log).await?;
        }
        self.meet(log, tree);
        Ok(())
    }

    /// Looks again at what is signed, to meet that too.
    ///
    /// # Errors
    /// The storage can't be read.
    async fn look_at(&mut self, trees: &BTreeMap<LogId, RootBuilder>) -> anyhow::Result<()> {
        for (log, tree) in trees {
            self.look(log).await?;
            self.meet(log, tree);
        }
        Ok(())
    }

    /// Whether something is signed that a tree has not grown to.
    fn is_ahead_of(&self, trees: &BTreeMap<LogId, RootBuilder>) -> bool {
        trees
            .iter()
            .any(|(log, tree)| self.ahead(log, tree).is_some())
    }

    fn ahead(&self, log: &LogId, tree: &RootBuilder) -> Option<u64> {
        let checkpoint = self.seen.get(log)?.as_ref()?;
        (checkpoint.size() > tree.size()).then(|| checkpoint.size())
    }

    async fn look(&mut self, log: &LogId) -> anyhow::Result<()> {
        if !self.readers.contains_key(log) {
            let origin = Origin::new(&self.origin, log)?;
            let (tiles, verifier) = (Arc::clone(&self.tiles), self.verifier.clone());
            let reader = LogReader::open(log.clone(), origin, tiles, verifier)?;
            self.readers.insert(log.clone(), reader);
        }
        let Some(reader) = self.readers.get(log) else {
            return Ok(());
        };
        let checkpoint = match reader.checkpoint().await {
            Ok(checkpoint) => Some(checkpoint),
            Err(Error::NoCheckpoint { .. }) => None,
            Err(error @ (Error::Untrusted { .. } | Error::Mismatch { .. })) => {
                self.different.insert(log.clone(), error.to_string());
                None
            }
            Err(error) => return Err(error.into()),
        };
        self.seen.insert(log.clone(), checkpoint);
        Ok(())
    }

    fn meet(&mut self, log: &LogId, tree: &RootBuilder) {
        let Some(Some(checkpoint)) = self.seen.get(log) else {
            return;
        };
        if checkpoint.size() != tree.size() {
            return;
        }
        if checkpoint.root() == tree.root() {
            self.met.insert(log.clone());
        } else {
            let why = format!(
                "the root that is signed for {} leaves is not that of the log's records",
                tree.size()
            );
            self.different.insert(log.clone(), why);
        }
    }

    /// What is to be told of each tree that isn't proven the same.
    fn report(&self, trees: &BTreeMap<LogId, RootBuilder>) -> Report {
        let mut report = Report {
            lines: Vec::new(),
            verdict: Verdict::Same,
        };
        for (log, tree) in trees {
            let (why, verdict) = match (self.different.get(log), self.ahead(log, tree)) {
                (Some(why), _) => (why.clone(), Verdict::Different),
                (None, Some(signed)) => (
                    format!("{signed} leaves are signed, the log has {}", tree.size()),
                    Verdict::Different,
                ),
                (None, None) if self.met.contains(log) => continue,
                (None, None) => (
                    "nothing is signed that it could be compared with".to_owned(),
                    Verdict::Untold,
                ),
            };
            report.add(Report {
                lines: vec![format!("tree {log}: {why}")],
                verdict,
            });
        }
        report
    }
}
