//! A log that the program made, verified by Go's checksum database's code, which nobody here wrote.
//! `SMARTHOME_LEAVES` says how many leaves; unless it is set, a few thousand.

use std::path::Path;

use auditlog::{CheckpointSigner, LogId, Origin, Pruned, Pruning};
use domain::vocabulary::Outcome;
use eventlog::{Position, Topic};
use harness::engines::sumdb::Sumdb;
use harness::process::{Process, Spec};
use projector::config::Config;
use projector::store::ViewReader;

use crate::fixture::{command, completed, device};
use crate::process::PROGRAM;
use crate::run::{ORIGIN, wait};
use crate::site::OnDisk;

const COMPLEX: &str = "sunrise";
/// Some full tiles, and partial ones on both levels.
const FEW: u64 = 2_700;
/// Records that are appended at once.
const AT_ONCE: usize = 500;

fn leaves() -> u64 {
    let wanted = std::env::var("SMARTHOME_LEAVES").ok();
    wanted.map_or(FEW, |wanted| wanted.parse().unwrap())
}

/// Appends signed records with these numbers; the place of the last.
async fn grow(disk: &OnDisk, from: u64, until: u64) -> Position {
    let gate = device(&format!("{COMPLEX}.gate"));
    let mut last = Vec::new();
    for first in (from..until).step_by(AT_ONCE) {
        let numbers = first..until.min(first + AT_ONCE as u64);
        let records = numbers.map(|number| {
            let event = completed(&gate, command(number.into()), Outcome::Executed);
            let record = disk.fixture.record(Topic::AccessEvents, &event);
            (Topic::AccessEvents, record)
        });
        let appended = disk.fixture.log.append_all(records.collect()).await;
        last = appended.unwrap();
    }
    *last.last().unwrap()
}

/// Waits until the record at that place is projected, however long that takes while it goes on.
async fn projected(views: &dyn ViewReader, last: Position) {
    let at = async || {
        let progress = views.progress(Topic::AccessEvents, last.partition).await;
        progress.ok().flatten().unwrap_or(0)
    };
    loop {
        let before = at().await;
        if before > last.offset {
            break;
        }
        wait(async || at().await > before).await;
    }
}

/// The file with one byte changed, while `look` looks.
fn flipped(file: &Path, at: usize, look: impl FnOnce()) {
    let good = std::fs::read(file).unwrap();
    let mut bad = good.clone();
    bad[at] ^= 1;
    std::fs::write(file, bad).unwrap();
    look();
    std::fs::write(file, good).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn gos_checksum_database_verifies_what_the_program_made() {
    let Some(sumdb) = Sumdb::build().unwrap() else {
        return;
    };
    let disk = OnDisk::new().await;
    let text = std::fs::read_to_string(disk.config()).unwrap();
    std::fs::write(disk.config(), text.replace("batch = 16", "batch = 512")).unwrap();
    let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
    let views = projector::store::open_reader(&config.views.as_ref().unwrap().url).unwrap();
    let spec = Spec::program(PROGRAM, disk.path().join("projector.log")).args([
        "project",
        "--config",
        disk.config().to_str().unwrap(),
    ]);
    let mut process = Process::spawn(&spec).unwrap();

    let log = LogId::new(Topic::AccessEvents.name(), COMPLEX).unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let vkey = disk.verifier.vkey_for(&origin).unwrap();
    let folder = disk.path().join("tiles").join(log.topic()).join(COMPLEX);
    let old = disk.path().join("old-checkpoint");
    let size = leaves();
    projected(&*views, grow(&disk, 0, size / 3).await).await;
    std::fs::copy(folder.join("checkpoint"), &old).unwrap();
    projected(&*views, grow(&disk, size / 3, size).await).await;
    assert!(process.terminate().await.unwrap().success());

    let verified = || sumdb.command(&folder, &vkey).arg(&old).output().unwrap();
    let good = verified();
    assert!(
        good.status.success(),
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    assert_eq!(
        String::from_utf8(good.stdout).unwrap().trim(),
        size.to_string()
    );
    let refused = || assert_eq!(verified().status.code(), Some(1));
    // A record, a hash of one, a hash of hashes, the root, the signature.
    flipped(&folder.join("tile/entries/003"), 700, refused);
    flipped(&folder.join("tile/0/003"), 700, refused);
    let whole = folder.join("tile/1/000");
    let part = format!("tile/1/000.p/{}", size >> 8);
    let above = if whole.exists() {
        whole
    } else {
        folder.join(part)
    };
    flipped(&above, 70, refused);
    let note = std::fs::read_to_string(folder.join("checkpoint")).unwrap();
    let root = note.match_indices('\n').nth(1).unwrap().0 + 1;
    flipped(&folder.join("checkpoint"), root + 9, refused);
    flipped(&folder.join("checkpoint"), note.len() - 9, refused);
    assert!(verified().status.success());

    // Of a pruned log it says what it can't read, and holds the rest, also the hashes, against the root.
    let store = auditlog::open_folder(&disk.path().join("tiles")).unwrap();
    let signer = CheckpointSigner::from_file(&disk.path().join("audit.key")).unwrap();
    let pruned = Pruned {
        prunings: vec![Pruning {
            at: 2,
            before: 1,
            bundles: 1..3,
        }],
    };
    pruned.say(&*store, &log, &origin, &signer).await.unwrap();
    let removed = pruned.remove(&*store, &log, &origin, signer.verifier());
    removed.await.unwrap();
    let good = verified();
    let error = String::from_utf8_lossy(&good.stderr).into_owned();
    assert!(good.status.success(), "{error}");
    let told = format!(
        "{size}\n\
         entries 256 to 511 are pruned: they are in the tree, what they say can't be read\n\
         entries 512 to 767 are pruned: they are in the tree, what they say can't be read\n"
    );
    assert_eq!(String::from_utf8(good.stdout).unwrap(), told);
    flipped(&folder.join("tile/0/001"), 700, refused);
    flipped(&folder.join("tile/entries/003"), 700, refused);
    let statement = std::fs::read(folder.join("pruned")).unwrap();
    flipped(&folder.join("pruned"), statement.len() - 9, refused);
    std::fs::remove_file(folder.join("pruned")).unwrap();
    refused();
}
