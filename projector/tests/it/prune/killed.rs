//! Pruning that is killed is ended by the next run.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use harness::process::{Process, Spec};

use super::scene::{
    copied, dump, expires, lines, objects, objects_in, projected, rebuilt_the_same, without,
};
use crate::process::PROGRAM;
use crate::site::OnDisk;

#[tokio::test(flavor = "multi_thread")]
async fn cut_short_anywhere_it_is_ended_by_the_next_run() {
    let disk = OnDisk::new().await;
    let (mut process, views) = projected(&disk, 16).await;
    assert!(process.terminate().await.unwrap().success());
    drop(views);
    expires(&disk);
    let (rows, before) = (dump(&disk), disk.path().join("before"));
    copied(disk.path(), &before);
    let done = lines(&disk, &["prune", "--apply"]);
    let (kept, left) = (without(&rows, &done), objects(&disk));
    assert!(dump(&disk) == kept && kept.len() < rows.len());
    for kill in 1..=8 {
        std::fs::remove_dir_all(disk.path().join("tiles")).unwrap();
        copied(&before, disk.path());
        let config = disk.config();
        let args = ["prune", "--apply", "--config", config.to_str().unwrap()];
        let spec = Spec::program(PROGRAM, disk.path().join("prune.log")).args(args);
        let mut prune = Process::spawn(&spec).unwrap();
        tokio::time::sleep(Duration::from_millis(12 * kill)).await;
        // It may be done already.
        let _ = prune.kill9();
        // No bundle is gone of which there are rows, and no row of what is kept.
        let now = dump(&disk);
        let mut objects_before = objects_in(&before).into_iter();
        let gone = |path: PathBuf| {
            !disk
                .path()
                .join(path.strip_prefix(&before).unwrap())
                .exists()
        };
        assert!(
            !objects_before.any(gone) || now == kept,
            "killed {kill} times"
        );
        assert!(kept.iter().all(|row| now.contains(row)));
        lines(&disk, &["prune", "--apply"]);
        assert!(dump(&disk) == kept, "killed {kill} times");
        // What a folder's writer was killed over is in nobody's way.
        let half = |path: &&PathBuf| path.to_string_lossy().contains('#');
        let now: BTreeSet<PathBuf> = objects(&disk);
        let also = now.symmetric_difference(&left).filter(|path| !half(path));
        let also: Vec<&PathBuf> = also.collect();
        assert!(also.is_empty(), "killed {kill} times: {also:?}");
    }
    rebuilt_the_same(&disk);
}
