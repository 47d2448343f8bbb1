//! Where the issuer listens, what it publishes, and the process itself.

use std::process::Command;
use std::time::Duration;

use dev_issuer::{Config, Error, NOTICE, serve, system_clock};
use harness::process::{Process, Spec, free_port};
use reqwest::header::LOCATION;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::scene::{CLIENT, PASSWORD, REDIRECT, SCOPE, Scene, USER, configuration, refused};

const BINARY: &str = env!("CARGO_BIN_EXE_dev-issuer");

#[tokio::test]
async fn a_listener_off_loopback_or_off_the_issuers_port_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let anywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = anywhere.local_addr().unwrap().port();
    let (text, _) = configuration(dir.path(), "127.0.0.1", port);
    for listener in [anywhere, elsewhere] {
        let config = Config::parse(&text).unwrap();
        let ended = serve(listener, config, system_clock(), std::future::pending()).await;
        assert!(matches!(ended, Err(Error::Listener(_))), "{ended:?}");
    }
    assert!(!dir.path().join("ready").exists());
}

#[tokio::test]
async fn the_metadata_names_the_endpoints_and_what_this_is() {
    let scene = Scene::start().await;
    let url = scene.url("/.well-known/openid-configuration");
    let metadata: Value = scene.get(url).await.json().await.unwrap();
    let issuer = scene.issuer.as_str().trim_end_matches('/');
    assert_eq!(metadata["notice"], NOTICE);
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["jwks_uri"], format!("{issuer}/jwks"));
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );

    let lost = scene.get(scene.url("/nowhere")).await;
    assert_eq!(lost.status(), 404);
    assert!(lost.text().await.unwrap().contains(NOTICE));
}

#[tokio::test]
async fn one_who_never_finishes_the_handshake_holds_up_nobody() {
    let scene = Scene::start().await;
    let port = scene.issuer.port().unwrap();
    let _silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    scene.login(PASSWORD, SCOPE).await.unwrap();
    scene.stop().await;
}

#[tokio::test]
async fn the_library_notices_an_issuer_that_is_not_the_one_asked_for() {
    let scene = Scene::start().await;
    let issuer = scene.issuer.as_str().replace("localhost", "127.0.0.1");
    let issuer = issuer.parse().unwrap();
    let login = dev_issuer::login(
        &scene.http,
        &issuer,
        CLIENT,
        REDIRECT,
        USER,
        PASSWORD,
        SCOPE,
    );
    assert!(matches!(login.await, Err(Error::Protocol { .. })));
    assert_eq!(
        refused(scene.login(PASSWORD, "admin").await),
        "invalid_scope"
    );
}

#[tokio::test]
async fn a_body_too_large_is_not_read() {
    let scene = Scene::start().await;
    let long = "x".repeat(20_000);
    let answer = scene.submit(scene.authorization(&[]), &long).await;
    assert_eq!(answer.status(), 400);
    assert!(!answer.headers().contains_key(LOCATION));
}

#[test]
fn the_process_refuses_a_configuration_that_is_unsafe_or_misspelt() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("issuer.toml");
    let (good, _) = configuration(dir.path(), "127.0.0.1", 20_000);
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let checked = Command::new(BINARY)
            .args(["--check-config", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8(checked.stderr).unwrap();
        (checked.status.success(), text)
    };
    assert_eq!(check(&good), (true, String::new()));
    for (from, to, word) in [
        ("127.0.0.1:", "0.0.0.0:", "listen"),
        ("ready_file", "raedy_file", "raedy_file"),
    ] {
        let (accepted, text) = check(&good.replace(from, to));
        assert!(!accepted && text.contains(word), "{text}");
        assert!(text.contains("DEVELOPMENT ONLY"), "{text}");
    }
}

#[tokio::test]
async fn the_process_serves_says_what_it_is_keeps_its_key_and_ends_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let (text, ca) = configuration(dir.path(), "127.0.0.1", port.number());
    let file = dir.path().join("issuer.toml");
    std::fs::write(&file, text).unwrap();
    let http = dev_issuer::http_client(&ca).unwrap();
    let issuer: Url = format!("https://localhost:{}", port.number())
        .parse()
        .unwrap();
    let key_set = issuer.join("/jwks").unwrap();
    let spec = Spec::program(BINARY, dir.path().join("log"))
        .arg("--config")
        .arg(&file);

    let mut key_sets = Vec::new();
    for _ in 0..2 {
        let mut process = Process::spawn(&spec).unwrap();
        process
            .wait_ready_http(&http, &key_set, Duration::from_secs(30))
            .await
            .unwrap();
        let ready = std::fs::read_to_string(dir.path().join("ready")).unwrap();
        assert_eq!(ready, format!("{}\n", port.address()));
        dev_issuer::login(&http, &issuer, CLIENT, REDIRECT, USER, PASSWORD, SCOPE)
            .await
            .unwrap();
        let keys = http.get(key_set.clone()).send().await.unwrap();
        key_sets.push(keys.text().await.unwrap());
        assert!(process.terminate().await.unwrap().success());
        assert!(!dir.path().join("ready").exists());
    }
    assert_eq!(key_sets[0], key_sets[1]);
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(log.contains(NOTICE), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains(USER), "{log}");
}
