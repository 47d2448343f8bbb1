//! The binary: configuration, key rotation, kill -9.

use std::net::SocketAddr;
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::support::{
    COMMAND_SVC, OPEN, Site, WEBHOOK_GW, control, eventually, in_seconds, problem,
};

const BINARY: &str = env!("CARGO_BIN_EXE_reference-partner");

struct Process {
    child: Child,
    api: SocketAddr,
    control: SocketAddr,
    http: reqwest::Client,
}

impl Process {
    async fn start(site: &Site) -> Self {
        let mut child = Command::new(BINARY)
            .arg("--config")
            .arg(&site.config)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("it ended before it listened");
            let line: Value = serde_json::from_str(&line).unwrap();
            let fields = &line["fields"];
            if fields["message"] == "listening" {
                let address = |name: &str| fields[name].as_str().unwrap().parse().unwrap();
                let (api, control) = (address("api"), address("control"));
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Self {
                    child,
                    api,
                    control,
                    http: site.pki.client("uri:control"),
                };
            }
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) =
            control(&self.http, self.control, Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        control(&self.http, self.control, Method::GET, path, None)
            .await
            .1
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn after_kill_9_what_moved_is_executed_and_what_did_not_is_forbidden() {
    let site = Site::with(None, "actuation = \"1h\"");
    let first = Process::start(&site).await;
    let caller = site.caller(first.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let expires_at = in_seconds(600);
    let [held, moving] = std::array::from_fn(|_| Uuid::now_v7());
    first
        .post(
            "/control/devices/sunrise.lobby/failure",
            json!({"mode": "hang_before_open"}),
        )
        .await;
    for (device, command) in [("sunrise.lobby", held), ("sunrise.north-gate", moving)] {
        let request = caller.open_request(&token, device, command, expires_at);
        tokio::spawn(request.send());
    }
    eventually(|| async {
        let journal = first.get("/control/journal").await;
        let journalled = journal["openings"][0]["command_id"] == moving.to_string();
        let stages = first.get("/control/commands").await;
        let known = stages["commands"].as_array().unwrap().len() == 2;
        (journalled && known).then_some(())
    })
    .await;
    first.kill().await;

    let second = Process::start(&site).await;
    let caller = site.caller_again(&caller, second.api);
    assert_eq!(
        caller.state(&token, moving).await.1["state"],
        "executed",
        "a token outlives a restart"
    );
    assert_eq!(caller.state(&token, held).await.1["state"], "cancelled");
    let (_, answer) = caller.open(&token, "sunrise.lobby", held, expires_at).await;
    assert_eq!(answer["type"], problem("cancelled"));
    let (_, answer) = caller
        .open(&token, "sunrise.north-gate", moving, expires_at)
        .await;
    assert_eq!(
        answer["result"], "executed",
        "the answer is repeated, nothing opens"
    );
    let openings = second.get("/control/journal").await["openings"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(openings, 1);

    let gateway = site.caller(second.api, WEBHOOK_GW);
    let reading = gateway.token("events:read", "sunrise").await;
    let (_, page) = gateway
        .call(Method::GET, "/v1/complexes/sunrise/events", &reading, None)
        .await;
    let told: Vec<_> = page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["data"]["command_id"].clone())
        .collect();
    assert_eq!(told, [json!(moving.to_string())]);
    second.kill().await;
}

#[tokio::test]
async fn killed_under_load_it_opens_no_command_twice_and_forgets_no_answer() {
    let site = Site::new(None);
    let first = Process::start(&site).await;
    let caller = site.caller(first.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let expires_at = in_seconds(600);
    let commands: Vec<Uuid> = (0..60).map(|_| Uuid::now_v7()).collect();
    let mut calls = tokio::task::JoinSet::new();
    for command in commands.clone() {
        let request = caller.open_request(&token, "sunrise.lobby", command, expires_at);
        calls.spawn(async move {
            let response = request.send().await.ok()?;
            response
                .json::<Value>()
                .await
                .ok()
                .map(|answer| (command, answer))
        });
    }
    let mut answered = Vec::new();
    while answered.len() < 5 {
        answered.extend(calls.join_next().await.unwrap().unwrap());
    }
    first.kill().await;
    while let Some(call) = calls.join_next().await {
        answered.extend(call.unwrap());
    }

    let second = Process::start(&site).await;
    let caller = site.caller_again(&caller, second.api);
    let mut executed = 0;
    for command in &commands {
        let (_, answer) = caller
            .open(&token, "sunrise.lobby", *command, expires_at)
            .await;
        if let Some((_, first)) = answered.iter().find(|(id, _)| id == command) {
            assert_eq!(&answer, first, "another answer than before");
        }
        executed += usize::from(answer["result"] == "executed");
    }
    let journal = second.get("/control/journal").await;
    let mut opened: Vec<&str> = journal["openings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["command_id"].as_str().unwrap())
        .collect();
    assert_eq!(opened.len(), executed);
    opened.sort_unstable();
    opened.dedup();
    assert_eq!(opened.len(), executed, "a command opened twice");
    second.kill().await;
}

async fn run(site: &Site, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY)
        .args(arguments)
        .arg("--config")
        .arg(&site.config)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    (output.status.code(), text)
}

#[tokio::test]
async fn the_configuration_is_checked_without_starting() {
    let site = Site::new(None);
    assert_eq!(run(&site, &["--check-config"]).await.0, Some(0));
    assert!(!site.path("partner.db").exists(), "checking made files");
    let good = std::fs::read_to_string(&site.config).unwrap();
    std::fs::write(&site.config, good.replace("[journal]", "[jurnal]")).unwrap();
    let (code, text) = run(&site, &["--check-config"]).await;
    assert_eq!(code, Some(2));
    assert!(text.contains("jurnal"), "{text}");
    std::fs::write(&site.config, good.replace("attestation.pem", "ca.pem")).unwrap();
    let (code, text) = run(&site, &["--check-config"]).await;
    assert_eq!(code, Some(2));
    assert!(text.contains("attestation.signing_key"), "{text}");
}

#[tokio::test]
async fn keys_are_rotated_while_stopped_and_not_behind_a_running_partners_back() {
    let site = Site::new(None);
    let process = Process::start(&site).await;
    process
        .post("/control/devices/sunrise.lobby/forced", json!({}))
        .await;
    let (code, text) = run(&site, &["rotate-keys"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("stop"), "{text}");
    process.kill().await;
    assert_eq!(
        run(&site, &["rotate-keys"]).await,
        (Some(0), "key version 2\n".to_owned())
    );
    let process = Process::start(&site).await;
    let held = process.get("/control/held").await;
    assert_eq!(
        held["key_versions"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["2"]
    );
    assert_eq!(held["events"], 1);
    process.kill().await;
}
