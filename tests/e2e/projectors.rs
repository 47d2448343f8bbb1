//! Two projectors on the same log, tiles and views, each in turn paused for longer than its place in the
//! group lasts: the other takes over, and what is signed stays one history.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::fixtures::COMPLEXES;
use harness::process::{Process, Spec, wait_until};
use harness::proofs::{self, Checkpoint};
use harness::site::{Part, Site};

use crate::crash::{Evidence, Load, rebuilt};
use crate::support::{PATIENCE, Scene, audit};

const ROUNDS: usize = 4;
const PRESSES: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_projectors_sign_one_history_whoever_of_them_is_paused() -> Result<()> {
    let mut scene = Scene::start().await?;
    let mut twin = start_twin(scene.site())?;
    let [first_log, twin_log] = [
        scene.site_mut().process(Part::Projector)?.log().to_owned(),
        twin.log().to_owned(),
    ];
    twin.wait_ready(PATIENCE, "partitions", || async {
        said(&twin_log, "partition taken on") > 0
    })
    .await?;
    let watcher = Watcher::start(scene.site())?;
    let load = Load::start(&scene, std::slice::from_ref(&scene.bff)).await?;
    for round in 0..ROUNDS {
        wait_until(PATIENCE, "openings under load", load.more_openings(PRESSES)).await?;
        let (paused, other) = match round % 2 {
            0 => (&mut twin, &first_log),
            _ => (scene.site_mut().process(Part::Projector)?, &twin_log),
        };
        // Of SQLite files one may be paused while it writes: the other waits, and says so.
        let noticed = || said(other, "partition taken on") + said(other, "trying again");
        let before = noticed();
        paused.pause()?;
        wait_until(PATIENCE, "the other to notice", || async {
            noticed() > before
        })
        .await?;
        wait_until(PATIENCE, "presses meanwhile", load.more_presses(PRESSES)).await?;
        paused.resume()?;
    }
    wait_until(PATIENCE, "openings afterwards", load.more_openings(PRESSES)).await?;
    let told = load.stop().await?;
    Evidence::settled(&scene).await?.adds_up(&told)?;
    rebuilt::trees_and_views(&scene).await?;

    let seen = watcher.stop()?;
    let auditor = scene.auditor().await?;
    for complex in COMPLEXES {
        let seen = &seen[&("access.events.v1".to_owned(), complex.id.to_owned())];
        let (_, newest) = seen.last_key_value().context("a checkpoint")?;
        for old in seen.values().filter(|old| old.size < newest.size) {
            let proof = audit::consistency(&auditor, complex.id, old.size, newest.size).await?;
            proofs::consistency(old, newest, &proof)
                .with_context(|| format!("{}: {old:?}, {newest:?}", complex.id))?;
        }
    }
    let checkpoints: usize = seen.values().map(BTreeMap::len).sum();
    let given_up = said(&first_log, "partition given up") + said(&twin_log, "partition given up");
    eprintln!("{checkpoints} checkpoints of one history, {given_up} partitions given up");
    assert!(checkpoints > 10 && given_up > 0);
    for log in [&first_log, &twin_log] {
        assert_eq!(said(log, "halted"), 0, "{}", log.display());
    }
    let ended = twin.terminate().await?;
    assert!(ended.success(), "{ended}");
    scene.finish().await
}

/// The same configuration, on another admin listener.
fn start_twin(site: &Site) -> Result<Process> {
    let log = site.dir.join("logs/projector-twin.log");
    let spec = Spec::workspace("projector", log)?
        .args(["project", "--config"])
        .arg(site.config(Part::Projector))
        .env("PROJECTOR__PROCESS__ADMIN__LISTEN", "127.0.0.1:0");
    Process::spawn(&spec)
}

/// How often a process has said this.
fn said(log: &PathBuf, what: &str) -> usize {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text).matches(what).count()
}

/// Every checkpoint that was ever published, by log and size.
type Seen = BTreeMap<(String, String), BTreeMap<u64, Checkpoint>>;

/// Reads every published checkpoint all the while.
struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen>>,
}

impl Watcher {
    fn start(site: &Site) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, tiles, vkey) = (stop.clone(), site.tiles(), site.keys.vkey.clone());
        let thread = std::thread::Builder::new().spawn(move || {
            let mut seen = Seen::new();
            loop {
                let last = stopped.load(Ordering::Relaxed);
                look(&tiles, &vkey, &mut seen)?;
                if last {
                    return Ok(seen);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// What was published, this moment's too.
    fn stop(self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the watcher")?
    }
}

fn look(tiles: &PathBuf, vkey: &str, seen: &mut Seen) -> Result<()> {
    for topic in fs::read_dir(tiles)? {
        let topic = topic?;
        for complex in fs::read_dir(topic.path())? {
            let complex = complex?;
            let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            let (topic, id) = (name(&topic), name(&complex));
            // A log that is just begun has none.
            let Ok(note) = fs::read_to_string(complex.path().join("checkpoint")) else {
                continue;
            };
            let key = proofs::key_of(vkey, &topic, &id)?;
            let checkpoint = proofs::checkpoint(&note, &key)?;
            let of_log = seen.entry((topic, id)).or_default();
            let known = of_log.entry(checkpoint.size).or_insert(checkpoint.clone());
            ensure!(known.root == checkpoint.root, "two roots: {checkpoint:?}");
        }
    }
    Ok(())
}
