//! `projector rebuild`: what it finds, and what it leaves behind however it ends.

pub mod killed;
pub mod loaded;

use std::path::PathBuf;
use std::process::{Command, Output};

use eventlog::Topic;
use harness::process::{Process, Spec};
use jiff::Timestamp;
use projector::config::Config;
use projector::store::{self, Progress, StoreError, Swap};
use rusqlite::Connection;

use crate::process::{PROGRAM, caught_up, tool};
use crate::run::wait;
use crate::site::OnDisk;

pub struct Site {
    pub disk: OnDisk,
    pub config: Config,
}

impl Site {
    pub fn of(disk: OnDisk) -> Self {
        let config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
        Self { disk, config }
    }

    /// With some records, projected.
    async fn new() -> Self {
        let site = Self::of(OnDisk::new().await);
        site.grow().await;
        site
    }

    /// More records, projected.
    pub async fn grow(&self) {
        self.disk.fixture.workload(1).await;
        let mut project = self.project();
        self.caught_up().await;
        assert!(project.terminate().await.unwrap().success());
    }

    pub fn project(&self) -> Process {
        Process::spawn(&self.spec(&["project"])).unwrap()
    }

    fn spec(&self, args: &[&str]) -> Spec {
        let log = self.disk.path().join(format!("{}.log", args[0]));
        let config = self.disk.config();
        let config = ["--config", config.to_str().unwrap()];
        Spec::program(PROGRAM, log).args(args.iter().copied().chain(config))
    }

    pub async fn caught_up(&self) {
        let views = self.config.views.as_ref().unwrap();
        let views = store::open_configured_reader(views).unwrap();
        caught_up(&self.disk, &*views).await;
    }

    pub fn dump(&self) -> String {
        String::from_utf8(tool(&self.disk, &["dump-views"]).stdout).unwrap()
    }

    pub fn follows_from_the_log(&self) -> String {
        let output = tool(&self.disk, &["rebuild", "--dump-views"]).stdout;
        String::from_utf8(output).unwrap()
    }

    pub async fn generation(&self) -> u64 {
        let views = self.config.views.as_ref().unwrap();
        let root = store::open_configured_root(views).await.unwrap();
        root.pointer().await.unwrap().serving
    }

    /// Exit code, what was printed, and what was said.
    pub fn rebuild(&self, args: &[&str]) -> (i32, String, String) {
        let output: Output = Command::new(PROGRAM)
            .arg("rebuild")
            .args(args)
            .arg("--config")
            .arg(self.disk.config())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// A rebuild that has built all, and compares it, or swaps.
    async fn built(&self, serving: u64) -> Process {
        let views = self.config.views.as_ref().unwrap();
        let root = store::open_configured_root(views).await.unwrap();
        let projected = root.progress(serving).await.unwrap();
        let rebuild = Process::spawn(&self.spec(&["rebuild", "--swap"])).unwrap();
        wait(async || {
            let pointer = root.pointer().await.unwrap();
            let built = root.progress(serving + 1).await;
            let built = built.is_ok_and(|built| built == projected);
            pointer.serving > serving || (pointer.building.is_some() && built)
        })
        .await;
        rebuild
    }

    fn file(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }
}

/// Rebuilt in batches of three sizes, each time into the next generation, the views stay the same.
pub async fn any_batches_give_the_same(site: &Site) {
    let before = site.dump();
    let generation = site.generation().await;
    assert!(before.len() > 10_000);
    for (swaps, batch) in (1..).zip(["1", "7", "1024"]) {
        let (code, out, error) = site.rebuild(&["--swap", "--batch", batch]);
        assert_eq!(code, 0, "{out}{error}");
        assert!(
            error.contains(" records"),
            "it tells how far it is: {error}"
        );
        assert_eq!(site.generation().await, generation + swaps);
        assert!(site.dump() == before, "batches of {batch}");
    }
    // It goes on from there, and the trees with it.
    site.grow().await;
    assert!(site.dump() == site.follows_from_the_log());
    crate::process::rebuilt_trees_are_in(&site.disk, site.tiles()).await;
}

impl Site {
    fn tiles(&self) -> std::sync::Arc<dyn object_store::ObjectStore> {
        auditlog::open(&self.config.tiles.as_ref().unwrap().url).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_any_size_give_the_same_views_and_trees() {
    any_batches_give_the_same(&Site::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_row_and_a_missing_one_are_named_and_mended() {
    let site = Site::new().await;
    let (code, out, error) = site.rebuild(&[]);
    assert_eq!((code, out.as_str()), (0, ""), "{error}");
    let right = site.dump();
    let views = Connection::open(site.file("views.db")).unwrap();
    let wrong = "UPDATE completions SET outcome = 1 - outcome % 2 WHERE (complex, command, off)
        = (SELECT complex, command, off FROM completions LIMIT 1)";
    assert_eq!(views.execute(wrong, []).unwrap(), 1);
    let missing = "DELETE FROM devices WHERE device = 'sunset.gate'";
    assert_eq!(views.execute(missing, []).unwrap(), 1);
    drop(views);
    let (code, out, _) = site.rebuild(&[]);
    assert_eq!(code, 1, "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].starts_with("row completions harbour "), "{out}");
    assert!(lines[0].ends_with("differs in outcome"), "{out}");
    let missing = "row devices sunset.gate: follows from the log, and doesn't serve";
    assert_eq!(lines[1], missing);
    assert_eq!(site.rebuild(&["--swap"]).0, 1);
    assert!(site.dump() == right);
    // The old generation is there until it is dropped, and the new one needs none of it.
    let old = || Connection::open(site.file("views.db")).unwrap();
    let claims = "SELECT count(*) FROM claims";
    old()
        .query_row(claims, [], |row| row.get::<_, u64>(0))
        .unwrap();
    assert_eq!(site.rebuild(&["--drop"]).0, 0);
    assert!(old().prepare(claims).is_err());
    assert!(site.dump() == right);
    assert_eq!(site.rebuild(&[]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_not_the_logs_is_named_and_nothing_is_swapped() {
    let site = Site::new().await;
    let tile = site.file("tiles/access.events.v1/sunset/checkpoint");
    let other = site.file("tiles/access.events.v1/harbour/checkpoint");
    std::fs::copy(other, tile).unwrap();
    let (code, out, _) = site.rebuild(&["--swap"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("tree access.events.v1/sunset: "), "{out}");
    assert!(out.contains("not swapped"), "{out}");
    assert_eq!(site.generation().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_superseded_can_neither_write_nor_swap() {
    let site = Site::new().await;
    let views = site.config.views.as_ref().unwrap();
    let old = store::open_configured(views).await.unwrap();
    let root = store::open_configured_root(views).await.unwrap();
    let progress = Progress {
        topic: Topic::AccessEvents,
        partition: 0,
        next: 1_000_000,
    };
    let first = root.begin().await.unwrap();
    // What serves knows more than what is empty.
    assert_eq!(root.swap(&first).await.unwrap(), Swap::Behind);
    let second = root.begin().await.unwrap();
    let refused = first.store.apply(Vec::new(), progress).await;
    assert!(
        matches!(refused, Err(StoreError::Superseded)),
        "{refused:?}"
    );
    let refused = root.swap(&first).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(old.successor().await.unwrap().is_none());
    assert_eq!(site.rebuild(&["--swap"]).0, 0);
    let refused = second.store.apply(Vec::new(), progress).await;
    assert!(
        matches!(refused, Err(StoreError::Superseded)),
        "{refused:?}"
    );
    let refused = old.apply(Vec::new(), progress).await;
    assert!(
        matches!(refused, Err(StoreError::Superseded)),
        "{refused:?}"
    );
    let new = old.successor().await.unwrap().unwrap();
    new.apply(Vec::new(), progress).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_another_version_are_replaced_while_they_serve() {
    let site = Site::new().await;
    let right = site.dump();
    let views = Connection::open(site.file("views.db")).unwrap();
    let old = "DROP TABLE hours; PRAGMA user_version = 2";
    views.execute_batch(old).unwrap();
    drop(views);
    let views = site.config.views.as_ref().unwrap();
    let refused = store::open_configured(views).await.err().unwrap();
    assert!(refused.to_string().contains("rebuild --swap"), "{refused}");
    let (code, out, error) = site.rebuild(&["--swap"]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("not compared"), "{out}");
    assert!(site.dump() == right);
    site.grow().await;
    assert!(site.dump() == site.follows_from_the_log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_a_file_of_its_own_that_readers_open() {
    let site = Site::new().await;
    let then = site.dump();
    // The log's own times are in milliseconds.
    let until = Timestamp::from_millisecond(Timestamp::now().as_millisecond() + 1).unwrap();
    wait(async || Timestamp::now() >= until).await;
    let until = until.to_string();
    site.grow().await;
    let now = site.dump();
    assert_ne!(then, now);
    let past = site.file("past.db");
    let args = ["--until", &until, "--to", past.to_str().unwrap()];
    let (code, out, error) = site.rebuild(&args);
    assert_eq!(code, 0, "{out}{error}");
    let config = std::fs::read_to_string(site.disk.config()).unwrap();
    let asked = config.replace("/views.db\"", "/past.db\"");
    assert_ne!(asked, config);
    std::fs::write(site.disk.config(), asked).unwrap();
    assert!(site.dump() == then);
    std::fs::write(site.disk.config(), config).unwrap();
    assert!(site.dump() == now);
    // Nothing is written over, and nothing half is left.
    let (code, _, error) = site.rebuild(&args);
    assert_eq!(code, 3);
    assert!(error.contains("exists already"), "{error}");
    assert!(!site.file("past.db.half").exists());
}
