//! Role `project`: consumes the event log in order, writes trees and views, commits last.

mod batch;
mod changes;
mod consume;
mod follow;
mod grow;
mod lag;
mod partition;
mod patience;
mod standing;
mod trees;
mod witnesses;
mod write;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auditlog::{CheckpointSigner, CheckpointVerifier};
use authn::record::{RecordVerifier, Speaker};
use eventlog::{EventLog, LogError};
use records::EventReader;
use service::Context;
use service::config::SecretFile;
use service::health::{Condition, Health};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ProjectSections};
use crate::store::{self, StoreError};
use crate::tiles;

pub use partition::Parts;
pub(crate) use partition::leaf;
pub use trees::TreeParts;
pub use witnesses::Witnesses;
pub(crate) use write::write;

/// The consumer group.
pub const GROUP: &str = "projector";
/// Whose signature decisions, completions and registry changes need.
const SPEAKER: &str = "command-svc";

/// Why a batch has to be projected again.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The view store failed.
    #[error(transparent)]
    Views(#[from] StoreError),
    /// A tree's storage failed.
    #[error(transparent)]
    Tree(#[from] auditlog::Error),
    /// The event log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How records are taken from the log.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Records at once, at most.
    pub batch: usize,
    /// How long a batch waits for more.
    pub linger: Duration,
    /// The first pause after a failure; it doubles up to 5 s.
    pub pause: Duration,
}

/// What the projection tells about itself.
pub struct Conditions {
    /// Whether records are being taken and written.
    pub projection: Condition,
    /// Whether all trees take leaves.
    pub trees: Condition,
}

impl Conditions {
    /// Registers them.
    pub fn register(health: &Health) -> Self {
        Self {
            projection: health.condition("projection"),
            trees: health.condition("trees"),
        }
    }
}

/// The role, ready to run.
pub struct Project {
    parts: Arc<Parts>,
    pace: Pace,
    conditions: Conditions,
    health: Health,
    shutdown: CancellationToken,
}

/// Opens all that the role needs.
///
/// # Errors
/// What is wrong in the configuration, or can't be opened.
pub async fn prepare(config: &Config, context: &Context) -> anyhow::Result<Project> {
    let conditions = Conditions::register(&context.health);
    let sections = config.for_project().map_err(anyhow::Error::msg)?;
    let signer = signer(&sections)?;
    let log = eventlog::open(&sections.log.url, sections.log.options.clone()).await?;
    let witnesses = sections.project.witnesses.as_ref().map(Witnesses::new);
    let trees = TreeParts {
        tiles: tiles::to_write(sections.tiles).await?,
        views: store::open_configured(sections.views).await?,
        signer: Arc::new(signer),
        origin: sections.audit.origin.clone(),
        open_logs: sections.project.open_logs,
        witnesses: witnesses.transpose()?.map(Arc::new),
    };
    let parts = Parts {
        log,
        reader: Arc::new(event_reader(config)?),
        trees: Arc::new(trees),
    };
    Ok(Project {
        parts: Arc::new(parts),
        pace: Pace {
            batch: sections.project.batch,
            linger: sections.project.linger,
            pause: Duration::from_millis(100),
        },
        conditions,
        health: context.health.clone(),
        shutdown: context.shutdown.clone(),
    })
}

impl Project {
    /// Projects until shutdown, into whichever generation of the views serves.
    ///
    /// # Errors
    /// The event log is misconfigured, or the views are for another version of this program; anything
    /// else is tried again for as long as it takes.
    pub async fn run(self) -> anyhow::Result<()> {
        let (mut parts, mut conditions) = (self.parts, self.conditions);
        loop {
            let turn = self.shutdown.child_token();
            let projecting = run(Arc::clone(&parts), self.pace, conditions, turn.clone());
            let views = &*parts.trees.views;
            let Some(views) = follow::until_superseded(views, turn, projecting).await? else {
                return Ok(());
            };
            tracing::info!("rebuilt views serve now: projecting into them");
            metrics::counter!("projector_generations_followed_total").increment(1);
            parts = Arc::new(parts.with(views));
            conditions = Conditions::register(&self.health);
        }
    }
}

/// Projects until shutdown.
///
/// # Errors
/// The event log is misconfigured; anything else is tried again for as long as it takes.
pub async fn run(
    parts: Arc<Parts>,
    pace: Pace,
    conditions: Conditions,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (progress, observed) = lag::channel();
    let log: Arc<dyn EventLog> = Arc::clone(&parts.log);
    let watching = shutdown
        .clone()
        .run_until_cancelled_owned(lag::watch(log, observed));
    let watching = tokio::spawn(watching);
    let trees = Arc::clone(&parts.trees);
    let showing = tokio::spawn(async move {
        if let Some(witnesses) = &trees.witnesses {
            witnesses.run(&trees).await;
        }
    });
    let projected = consume::run(parts, pace, conditions, progress, shutdown).await;
    watching.abort();
    showing.abort();
    projected
}

/// What reads records, believing what the configuration says.
///
/// # Errors
/// The section is missing or names keys that can't be read.
pub(crate) fn event_reader(config: &Config) -> anyhow::Result<EventReader> {
    let trust = config.records().map_err(anyhow::Error::msg)?;
    let speaker: Speaker = SPEAKER.parse()?;
    let verifier = RecordVerifier::load(trust, speaker).context("section `[records]`")?;
    Ok(EventReader::new(verifier))
}

/// What signs checkpoints: the key, and the next one while they are changed. Readers must have been told
/// of both.
///
/// # Errors
/// One can't be read, or readers were not told of it.
pub(crate) fn signer(sections: &ProjectSections<'_>) -> anyhow::Result<CheckpointSigner> {
    let mut signer = signing_key(&sections.project.signing_key).context("`project.signing_key`")?;
    if let Some(file) = &sections.project.next_signing_key {
        let next = signing_key(file).and_then(|next| Ok(signer.and(next)?));
        signer = next.context("`project.next_signing_key`")?;
    }
    let told: CheckpointVerifier = sections.audit.verifier()?;
    signer.trusting(told).context(
        "`project.signing_key` or `project.next_signing_key` is not in the file of `audit.verification_key`",
    )
}

fn signing_key(file: &SecretFile) -> anyhow::Result<CheckpointSigner> {
    let secret = file.read()?;
    let text = std::str::from_utf8(&secret).context("it isn't text")?;
    Ok(CheckpointSigner::from_text(text)?)
}
