//! Runs of the projection, and what they leave behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use auditlog::{CheckpointSigner, LogId, LogReader, Origin, RootBuilder};
use eventlog::{EventLog, TailFrom};
use object_store::ObjectStore;
use projector::config::WitnessesConfig;
use projector::project::{Conditions, Pace, Parts, TreeParts, Witnesses, run};
use projector::store::{self, ViewStore};
use projector::{dump, views};
use service::health::Health;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fixture::Fixture;

pub const ORIGIN: &str = "test.example/audit";

/// Where a projection writes.
#[derive(Clone)]
pub struct Site {
    pub tiles: Arc<dyn ObjectStore>,
    pub views: Arc<dyn ViewStore>,
    pub signer: Arc<CheckpointSigner>,
    /// Who is shown checkpoints.
    pub asked: Option<Arc<WitnessesConfig>>,
}

impl Site {
    pub async fn new() -> Self {
        let (signer, _) = CheckpointSigner::generate(ORIGIN).unwrap();
        Self {
            tiles: auditlog::open(&"memory://".parse().unwrap()).unwrap(),
            views: store::scratch().await.unwrap(),
            signer: Arc::new(signer),
            asked: None,
        }
    }

    fn witnesses(&self) -> Option<Arc<Witnesses>> {
        let asked = self.asked.as_deref();
        asked.map(|asked| Arc::new(Witnesses::new(asked).unwrap()))
    }

    pub async fn dump(&self) -> Vec<String> {
        dump::lines(&*self.views.reader()).await.unwrap()
    }

    pub fn reader(&self, log: &LogId) -> LogReader {
        let origin = Origin::new(ORIGIN, log).unwrap();
        let verifier = self.signer.verifier().clone();
        LogReader::open(log.clone(), origin, Arc::clone(&self.tiles), verifier).unwrap()
    }

    /// Size and root of every tree, as published and as their heads say.
    pub async fn trees(&self, log: &dyn EventLog) -> BTreeMap<LogId, (u64, [u8; 32])> {
        let mut trees = BTreeMap::new();
        for id in rebuilt(log).await.into_keys() {
            let checkpoint = self.reader(&id).checkpoint().await.unwrap();
            let head = self.views.load(&id).await.unwrap().unwrap();
            assert_eq!(
                (head.size, head.root),
                (checkpoint.size(), checkpoint.root()),
                "{id}"
            );
            trees.insert(id, (checkpoint.size(), checkpoint.root()));
        }
        trees
    }
}

/// Size and root of every tree, from nothing but the log.
pub async fn rebuilt(log: &dyn EventLog) -> BTreeMap<LogId, (u64, [u8; 32])> {
    let mut trees: BTreeMap<LogId, RootBuilder> = BTreeMap::new();
    for topic in views::TOPICS
        .into_iter()
        .filter(|topic| views::has_leaves(*topic))
    {
        let ends = log.end_offsets(topic).await.unwrap();
        let mut tail = log.tail(topic, TailFrom::Beginning).await.unwrap();
        while tail.positions() != ends {
            for record in tail.next_batch(100).await.unwrap() {
                let value = record.value.clone().unwrap_or_default();
                let (partition, offset) = (record.position.partition, record.position.offset);
                let leaf = auditlog::Leaf::of(value, partition, offset);
                trees
                    .entry(views::log_of(&record).unwrap())
                    .or_default()
                    .push(leaf.bytes());
            }
        }
    }
    trees
        .into_iter()
        .map(|(log, tree)| (log, (tree.size(), tree.root())))
        .collect()
}

/// A projection at work.
pub struct Running {
    pub health: Health,
    pub shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub fn start(fixture: &Fixture, site: &Site, batch: usize) -> Self {
        let trees = TreeParts {
            tiles: Arc::clone(&site.tiles),
            views: Arc::clone(&site.views),
            signer: Arc::clone(&site.signer),
            origin: ORIGIN.to_owned(),
            open_logs: 2,
            witnesses: site.witnesses(),
        };
        let parts = Parts {
            log: Arc::clone(&fixture.log),
            reader: Arc::new(fixture.reader()),
            trees: Arc::new(trees),
        };
        let pace = Pace {
            batch,
            linger: Duration::from_millis(1),
            pause: Duration::from_millis(1),
        };
        let (health, shutdown) = (Health::new(), CancellationToken::new());
        let conditions = Conditions::register(&health);
        health.started();
        let task = tokio::spawn(run(Arc::new(parts), pace, conditions, shutdown.clone()));
        Self {
            health,
            shutdown,
            task,
        }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.ended().await;
    }

    pub async fn ended(self) {
        self.task.await.unwrap().unwrap();
    }

    /// Waits until everything that the log holds is projected.
    pub async fn caught_up(&self, log: &dyn EventLog, views: &dyn ViewStore) {
        let reader = views.reader();
        wait(async || {
            for topic in views::TOPICS {
                for (partition, end) in (0..).zip(log.end_offsets(topic).await.unwrap()) {
                    let progress = reader.progress(topic, partition).await.unwrap();
                    if progress.unwrap_or(0) < end {
                        return false;
                    }
                }
            }
            true
        })
        .await;
    }
}

/// Waits for something to become true.
pub async fn wait(mut met: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !met().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .expect("it never came true");
}

/// Projects all of a log.
pub async fn project(fixture: &Fixture, site: &Site, batch: usize) {
    let running = Running::start(fixture, site, batch);
    running.caught_up(&*fixture.log, &*site.views).await;
    running.stop().await;
}
