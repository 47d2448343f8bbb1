//! Each named failure: what the request gets, whether it opened, what cancel says.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{COMMAND_SVC, Caller, OPEN, Running, Site, eventually, in_seconds, problem};

struct Scene {
    _site: Site,
    running: Running,
    caller: Caller,
    token: String,
}

async fn scene() -> Scene {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    play(site, running, caller).await
}

async fn play(site: Site, running: Running, caller: Caller) -> Scene {
    let token = caller.token(OPEN, "sunrise").await;
    Scene {
        _site: site,
        running,
        caller,
        token,
    }
}

const LOBBY: &str = "sunrise.lobby";
/// How long a request is waited for that is never answered.
const A_MOMENT: Duration = Duration::from_millis(700);

/// An open whose answer never comes, comes broken, or is a bare status.
#[derive(Debug, PartialEq)]
enum Got {
    Nothing,
    Broken,
    Status(u16, Value),
}

impl Scene {
    async fn open(&self, command: Uuid) -> Got {
        self.open_within(command, Duration::from_secs(20)).await
    }

    async fn open_within(&self, command: Uuid, patience: Duration) -> Got {
        let request = self
            .caller
            .open_request(&self.token, LOBBY, command, in_seconds(30));
        let response = match request.timeout(patience).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Got::Nothing,
            Err(_) => return Got::Broken,
        };
        let status = response.status().as_u16();
        match response.bytes().await {
            Err(_) => Got::Broken,
            Ok(body) if body.is_empty() => Got::Status(status, Value::Null),
            Ok(body) => serde_json::from_slice(&body)
                .map_or(Got::Broken, |body: Value| Got::Status(status, body)),
        }
    }
}

#[tokio::test]
async fn every_failure_does_what_the_table_says_over_http_2() {
    every_failure_does_what_the_table_says(scene().await).await;
}

#[tokio::test]
async fn every_failure_does_what_the_table_says_over_http_1_1() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller_1_1(running.partner.api, COMMAND_SVC);
    every_failure_does_what_the_table_says(play(site, running, caller).await).await;
}

async fn every_failure_does_what_the_table_says(scene: Scene) {
    let slug = |status: u16, name: &str| (status, problem(name));
    let cases = [
        ("hang_before_open", None, false, "cancelled"),
        ("hang_after_open", None, true, "executed"),
        ("reset_before_open", None, false, "cancelled"),
        ("reset_after_open", None, true, "executed"),
        ("truncate_body", None, true, "executed"),
        ("garbage_json", None, true, "executed"),
        ("not_found_lie", Some((404, Value::Null)), true, "executed"),
        ("http_500", Some((500, Value::Null)), false, "not_executed"),
        (
            "http_429",
            Some(slug(429, "rate-limited")),
            false,
            "not_executed",
        ),
        (
            "http_503",
            Some(slug(503, "unavailable")),
            false,
            "not_executed",
        ),
        (
            "offline",
            Some(slug(422, "device-offline")),
            false,
            "not_executed",
        ),
    ];
    for (mode, expected, opens, fenced) in cases {
        scene
            .running
            .fail(LOBBY, json!({"mode": mode, "times": 1}))
            .await;
        let command = Uuid::now_v7();
        let patience = if mode.starts_with("hang") {
            A_MOMENT
        } else {
            Duration::from_secs(20)
        };
        let got = scene.open_within(command, patience).await;
        match (expected, &got) {
            (None, Got::Nothing) => assert!(mode.starts_with("hang"), "{mode}: {got:?}"),
            (None, Got::Broken) => assert!(!mode.starts_with("hang"), "{mode}: {got:?}"),
            (Some((status, kind)), Got::Status(got_status, body)) => {
                assert_eq!(
                    (*got_status, body.get("type").unwrap_or(&Value::Null)),
                    (status, &kind),
                    "{mode}"
                );
            }
            _ => panic!("{mode}: {got:?}"),
        }
        let state = scene.caller.cancel(&scene.token, command).await;
        assert_eq!(state["state"], fenced, "{mode}");
        assert_eq!(
            scene.running.openings(command).await,
            usize::from(opens),
            "{mode}"
        );
        let Got::Status(200, _) = scene.open(Uuid::now_v7()).await else {
            panic!("{mode} did not end")
        };
    }
}

#[tokio::test]
async fn a_duplicate_after_a_fault_gets_the_truth() {
    let scene = scene().await;
    scene
        .running
        .fail(LOBBY, json!({"mode": "not_found_lie", "times": 1}))
        .await;
    let (command, expires_at) = (Uuid::now_v7(), in_seconds(30));
    let (status, _) = scene
        .caller
        .open(&scene.token, LOBBY, command, expires_at)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, answer) = scene
        .caller
        .open(&scene.token, LOBBY, command, expires_at)
        .await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::OK, &json!("executed"))
    );
    assert_eq!(scene.running.openings(command).await, 1);
}

#[tokio::test]
async fn a_rejection_is_an_answer() {
    let scene = scene().await;
    scene
        .running
        .fail(LOBBY, json!({"mode": "reject", "code": "night_rule"}))
        .await;
    let command = Uuid::now_v7();
    let Got::Status(200, answer) = scene.open(command).await else {
        panic!()
    };
    assert_eq!(
        (&answer["result"], &answer["code"]),
        (&json!("rejected"), &json!("night_rule"))
    );
    assert_eq!(
        scene.caller.cancel(&scene.token, command).await["result"],
        "rejected"
    );
    assert_eq!(scene.running.openings(command).await, 0);
}

#[tokio::test]
async fn cancel_forbids_a_queued_command_and_waits_for_a_moving_one() {
    let scene = scene().await;
    scene
        .running
        .fail(
            LOBBY,
            json!({"mode": "slow", "ms": 60_000, "stage": "before_actuation", "times": 1}),
        )
        .await;
    let queued = Uuid::now_v7();
    assert_eq!(scene.open_within(queued, A_MOMENT).await, Got::Nothing);
    assert_eq!(
        scene.caller.state(&scene.token, queued).await.1["state"],
        "in_progress"
    );
    assert_eq!(
        scene.caller.cancel(&scene.token, queued).await["state"],
        "cancelled"
    );
    assert_eq!(scene.running.openings(queued).await, 0);

    scene
        .running
        .fail(LOBBY, json!({"mode": "slow", "ms": 4000, "times": 1}))
        .await;
    let moving = Uuid::now_v7();
    assert_eq!(scene.open_within(moving, A_MOMENT).await, Got::Nothing);
    let state = scene.caller.cancel(&scene.token, moving).await;
    assert_eq!(
        (&state["state"], &state["final"]),
        (&json!("in_progress"), &json!(false))
    );
    assert_eq!(
        scene.caller.ended(&scene.token, moving).await["state"],
        "executed"
    );
    assert_eq!(
        scene.caller.cancel(&scene.token, moving).await["state"],
        "executed"
    );
}

#[tokio::test]
async fn a_held_command_expires_and_a_waiting_duplicate_learns_of_it() {
    let scene = scene().await;
    scene
        .running
        .fail(LOBBY, json!({"mode": "hang_before_open", "times": 1}))
        .await;
    let (command, expires_at) = (Uuid::now_v7(), in_seconds(30));
    let first = scene
        .caller
        .open_request(&scene.token, LOBBY, command, expires_at);
    let first = tokio::spawn(first.timeout(Duration::from_secs(2)).send());
    eventually(|| async {
        (scene.caller.state(&scene.token, command).await.0 == StatusCode::OK).then_some(())
    })
    .await;
    let duplicate = scene.caller.open(&scene.token, LOBBY, command, expires_at);
    let shift = async {
        // The token expires later than the command.
        scene
            .running
            .post("/control/clock", json!({"offset_seconds": 60}))
            .await
    };
    let ((status, answer), _) = tokio::join!(duplicate, shift);
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::GONE, &problem("expired"))
    );
    assert!(
        first.await.unwrap().is_err(),
        "the first request is never answered"
    );
    assert_eq!(scene.running.openings(command).await, 0);
}

#[tokio::test]
async fn failures_are_checked_and_can_be_taken_back() {
    let scene = scene().await;
    let path = format!("/control/devices/{LOBBY}/failure");
    for (body, field) in [
        (json!({"mode": "slow"}), "/ms"),
        (json!({"mode": "offline", "ms": 5}), "/ms"),
        (json!({"mode": "offline", "code": "x"}), "/code"),
        (json!({"mode": "explode"}), "/mode"),
        (json!({"mode": "offline", "times": 0}), "/times"),
    ] {
        let (status, answer) = scene
            .running
            .control(Method::POST, &path, Some(body.clone()))
            .await;
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}"
        );
    }
    scene.running.fail(LOBBY, json!({"mode": "offline"})).await;
    let shown = scene.running.get("/control/devices").await;
    let lobby = shown["devices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["status"]["device"] == LOBBY)
        .unwrap();
    assert_eq!(lobby["failure"]["mode"], "offline");
    scene.running.control(Method::DELETE, &path, None).await;
    assert!(matches!(
        scene.open(Uuid::now_v7()).await,
        Got::Status(200, _)
    ));
}
