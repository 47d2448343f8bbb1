//! What goes from between bundles that stay: its own rows, to the last one, and none of its neighbours'.

use eventlog::Topic;
use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{dump, expires, hold, lines, pressed, projected, rebuilt_the_same, without};
use crate::process::caught_up;
use crate::site::OnDisk;

#[tokio::test(flavor = "multi_thread")]
async fn rows_behind_held_ones_go_and_then_the_held_ones() {
    let disk = OnDisk::new().await;
    // Only the first record of all names him.
    let person = Uuid::now_v7();
    let mut first = pressed("sunrise");
    first.actor.subject = Some(person);
    disk.fixture.signed(Topic::AccessEvents, &first).await;
    hold(&disk, "sunrise", person, true).await;
    let (mut process, views) = projected(&disk, 26).await;
    expires(&disk);

    let rows = dump(&disk);
    let done = lines(&disk, &["prune", "--apply"]);
    assert_eq!(bundles(&done), json!([[1, 1]]));
    assert!(dump(&disk) == without(&rows, &done));
    rebuilt_the_same(&disk);

    // The case is over.
    hold(&disk, "sunrise", person, false).await;
    caught_up(&disk, &*views).await;
    let kept = dump(&disk);
    let done = lines(&disk, &["prune", "--apply"]);
    assert_eq!(bundles(&done), json!([[0, 0]]));
    assert!(dump(&disk) == without(&kept, &done));
    assert!(process.terminate().await.unwrap().success());
}

/// What is told of the log that a part of is held.
fn bundles(told: &[Value]) -> Value {
    let log = "access.events.v1/sunrise";
    let line = told.iter().find(|line| line["log"] == log);
    line.unwrap()["bundles"].clone()
}
