#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt;

use super::*;

const LONG: Duration = Duration::from_secs(20);

struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn sh(&self, script: &str) -> Spec {
        Spec::program("/bin/sh", self.dir.path().join("log"))
            .args(["-c", script])
            .env("SCENE", self.dir.path())
    }
}

async fn logged(process: &mut Process, text: &str) {
    let log = process.log().to_owned();
    process
        .wait_ready(LONG, text, || async {
            fs::read_to_string(&log).unwrap().contains(text)
        })
        .await
        .unwrap();
}

/// A process that is gone or waits to be reaped by whoever inherited it.
fn is_gone(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn output_and_environment_reach_the_log_and_the_status_the_caller() {
    let scene = Scene::new();
    let spec = scene
        .sh("echo out $WORD; echo err >&2; exit 7")
        .env("WORD", "given");
    let mut process = Process::spawn(&spec).unwrap();
    assert_eq!(process.wait_exit(LONG).await.unwrap().code(), Some(7));
    assert_eq!(process.log_tail(5), "out given\nerr");
    assert!(process.kill9().is_err(), "its id may be another's by now");
}

#[tokio::test]
async fn termination_lets_a_process_finish_even_if_it_was_paused() {
    let scene = Scene::new();
    let spec = scene.sh("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done");
    let mut process = Process::spawn(&spec).unwrap();
    logged(&mut process, "up").await;
    process.pause().unwrap();
    assert_eq!(process.terminate().await.unwrap().code(), Some(3));
    assert!(process.log_tail(1).contains("bye"));
}

#[tokio::test]
async fn one_that_ends_at_once_when_asked_is_no_failure() {
    let scene = Scene::new();
    for _ in 0..20 {
        let mut process = Process::spawn(&scene.sh("exec sleep 1000")).unwrap();
        assert_eq!(process.terminate().await.unwrap().signal(), Some(15));
    }
}

#[tokio::test]
async fn one_that_ignores_termination_is_killed_and_reported() {
    let scene = Scene::new();
    let spec = scene
        .sh("trap '' TERM; echo up; while :; do sleep 0.05; done")
        .grace(Duration::from_millis(200));
    let mut process = Process::spawn(&spec).unwrap();
    logged(&mut process, "up").await;
    let text = format!("{:#}", process.terminate().await.unwrap_err());
    assert!(text.contains("ignored SIGTERM"), "{text}");
    assert_eq!(process.exited().unwrap().unwrap().signal(), Some(9));
}

#[tokio::test]
async fn one_that_keeps_starting_others_can_be_paused() {
    let scene = Scene::new();
    let mut process = Process::spawn(&scene.sh("echo up; while :; do /bin/true; done")).unwrap();
    logged(&mut process, "up").await;
    for _ in 0..50 {
        process.pause().unwrap();
        process.resume().unwrap();
    }
}

#[tokio::test]
async fn a_paused_process_does_nothing_until_resumed() {
    let scene = Scene::new();
    let beat = scene.dir.path().join("beat");
    let spec = scene.sh("while :; do echo x >> $SCENE/beat; done");
    let mut process = Process::spawn(&spec).unwrap();
    let length = || fs::metadata(&beat).map_or(0, |file| file.len());
    let grows = async |from: u64| wait_until(LONG, "a beat", || async { length() > from }).await;

    grows(0).await.unwrap();
    process.pause().unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    assert!(stat.contains(") T "), "{stat}");
    let paused_at = length();
    process.resume().unwrap();
    grows(paused_at).await.unwrap();
    assert_eq!(process.kill9().unwrap().signal(), Some(9));
}

#[tokio::test]
async fn waiting_for_one_that_died_fails_at_once_with_its_log() {
    let scene = Scene::new();
    let mut process = Process::spawn(&scene.sh("echo the reason; exit 1")).unwrap();
    let started = Instant::now();
    let wait = process.wait_ready(Duration::from_secs(600), "never", || async { false });
    let text = format!("{:#}", wait.await.unwrap_err());
    assert!(
        text.contains("the reason") && text.contains("exit status: 1"),
        "{text}"
    );
    assert!(started.elapsed() < LONG);
}

#[tokio::test]
async fn dropping_ends_the_process_and_what_it_started() {
    let scene = Scene::new();
    let spec = scene.sh("sleep 1000 & echo child $!; wait");
    let mut process = Process::spawn(&spec).unwrap();
    logged(&mut process, "child ").await;
    let pids = [
        process.pid(),
        process
            .log_tail(1)
            .rsplit_once(' ')
            .unwrap()
            .1
            .parse()
            .unwrap(),
    ];
    drop(process);
    wait_until(LONG, "both to be gone", || async {
        pids.iter().all(|pid| is_gone(*pid))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_group_is_ended_when_the_guard_loses_its_parent() {
    let scene = Scene::new();
    let mut process = Process::spawn(&scene.sh("echo up; sleep 1000")).unwrap();
    logged(&mut process, "up").await;
    // What the kernel does to the guard when the test process dies: its input ends.
    process.guard.as_mut().unwrap().close_input();
    assert_eq!(process.wait_exit(LONG).await.unwrap().signal(), Some(9));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let scene = Scene::new();
    let spec = Spec::program("/no/such/program", scene.dir.path().join("log"));
    let text = format!("{:#}", Process::spawn(&spec).unwrap_err());
    assert!(text.contains("/no/such/program"), "{text}");
}
