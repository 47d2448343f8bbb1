//! Opening, repeating, asking, cancelling.

use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::support::{COMMAND_SVC, OPEN, Site, in_seconds, problem};

#[tokio::test]
async fn an_open_is_executed_journalled_told_and_its_state_can_be_asked() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let command = Uuid::now_v7();
    let (status, opened) = caller
        .open(&token, "sunrise.north-gate", command, in_seconds(30))
        .await;
    assert_eq!(
        (status, &opened["result"], &opened["code"]),
        (StatusCode::OK, &json!("executed"), &json!("opened"))
    );
    let (_, state) = caller.state(&token, command).await;
    assert_eq!(state["state"], "executed");
    assert_eq!(state["final"], true);
    assert_eq!(state["partner_ref"], opened["partner_ref"]);
    assert_eq!(state["at"], opened["at"]);
    assert_eq!(caller.cancel(&token, command).await, state);
    let journal = running.get("/control/journal").await;
    assert_eq!(journal["openings"][0]["opening_id"], opened["partner_ref"]);
    assert_eq!(journal["openings"][0]["method"], "remote");
}

#[tokio::test]
async fn a_hundred_duplicates_at_once_open_once_and_get_one_answer() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let (command, expires_at) = (Uuid::now_v7(), in_seconds(30));
    let calls = (0..100).map(|_| caller.open(&token, "sunrise.lobby", command, expires_at));
    let answers = futures::future::join_all(calls).await;
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
        assert_eq!(answer.0, StatusCode::OK);
    }
    assert_eq!(running.openings(command).await, 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let (command, expires_at) = (Uuid::now_v7(), in_seconds(30));
    caller
        .open(&token, "sunrise.lobby", command, expires_at)
        .await;
    for (device, expires_at) in [
        ("sunrise.north-gate", expires_at),
        ("sunrise.lobby", in_seconds(31)),
    ] {
        let (status, answer) = caller.open(&token, device, command, expires_at).await;
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::CONFLICT, &problem("key-reused"))
        );
    }
    assert_eq!(running.openings(command).await, 1);
}

#[tokio::test]
async fn a_cancelled_id_never_opens_and_is_bound_to_its_complex() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let command = Uuid::now_v7();
    let (status, unseen) = caller.state(&token, command).await;
    assert_eq!(
        (status, &unseen["type"]),
        (StatusCode::NOT_FOUND, &problem("unknown-command"))
    );
    let cancelled = caller.cancel(&token, command).await;
    assert_eq!(cancelled["state"], "cancelled");
    let (status, answer) = caller
        .open(&token, "sunrise.lobby", command, in_seconds(30))
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::GONE, &problem("cancelled"))
    );
    assert_eq!(running.openings(command).await, 0);

    let elsewhere = caller.token(OPEN, "moonrise").await;
    let (status, answer) = caller.state(&elsewhere, command).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::FORBIDDEN, &problem("wrong-resource"))
    );
    let path = format!("/v1/commands/{command}/cancel");
    let (status, _) = caller.call(Method::POST, &path, &elsewhere, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, answer) = caller
        .open(&elsewhere, "moonrise.lobby", command, in_seconds(30))
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::CONFLICT, &problem("key-reused"))
    );
}

#[tokio::test]
async fn cancel_needs_the_scope_of_the_open() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let doors = caller.token("doors:open", "sunrise").await;
    let barriers = caller.token("barriers:open", "sunrise").await;
    let command = Uuid::now_v7();
    caller
        .open(&doors, "sunrise.lobby", command, in_seconds(30))
        .await;
    let path = format!("/v1/commands/{command}/cancel");
    let (status, answer) = caller.call(Method::POST, &path, &barriers, None).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::FORBIDDEN, &problem("insufficient-scope"))
    );
    assert_eq!(caller.cancel(&doors, command).await["state"], "executed");
}

#[tokio::test]
async fn past_its_expiry_nothing_opens_by_the_partners_clock() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let (late, ahead) = (Uuid::now_v7(), Uuid::now_v7());
    let expires_at = in_seconds(-1);
    for _ in 0..2 {
        let (status, answer) = caller.open(&token, "sunrise.lobby", late, expires_at).await;
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::GONE, &problem("expired"))
        );
    }
    assert_eq!(caller.cancel(&token, late).await["code"], "expired");
    running
        .post("/control/clock", json!({"offset_seconds": 60}))
        .await;
    let (_, answer) = caller
        .open(&token, "sunrise.lobby", ahead, in_seconds(30))
        .await;
    assert_eq!(answer["type"], problem("expired"));
    let (status, answer) = caller
        .open(&token, "sunrise.lobby", Uuid::now_v7(), in_seconds(7200))
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("/expires_at"))
    );
    assert_eq!(running.get("/control/journal").await["openings"], json!([]));
}

#[tokio::test]
async fn what_can_not_be_opened_is_remembered_as_such() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let expires_at = in_seconds(30);
    let [unknown, unsupported, offline] = std::array::from_fn(|_| Uuid::now_v7());
    let (status, answer) = caller
        .open(&token, "sunrise.attic", unknown, expires_at)
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::NOT_FOUND, &problem("unknown-device"))
    );
    let path = "/v1/complexes/sunrise/devices/sunrise.lobby/open";
    let wrong = caller
        .request(Method::POST, path, &token)
        .header("Idempotency-Key", unsupported.to_string())
        .json(&json!({"operation": "open_barrier", "expires_at": expires_at.to_string()}));
    let (status, answer) = crate::support::answer(wrong.send().await.unwrap()).await;
    assert_eq!(
        (status, &answer["type"]),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            &problem("operation-not-supported")
        )
    );
    running
        .post(
            "/control/devices/sunrise.lobby/status",
            json!({"online": false}),
        )
        .await;
    let (status, answer) = caller
        .open(&token, "sunrise.lobby", offline, expires_at)
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &problem("device-offline"))
    );
    running
        .post(
            "/control/devices/sunrise.lobby/status",
            json!({"online": true}),
        )
        .await;
    let (status, _) = caller
        .open(&token, "sunrise.lobby", offline, expires_at)
        .await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the first answer is repeated"
    );
    for (command, code) in [
        (unknown, "unknown_device"),
        (unsupported, "operation_not_supported"),
        (offline, "device_offline"),
    ] {
        let state = caller.cancel(&token, command).await;
        assert_eq!(
            (&state["state"], &state["code"]),
            (&json!("not_executed"), &json!(code))
        );
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_with_the_field_and_bind_no_id() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let command = Uuid::now_v7();
    let path = "/v1/complexes/sunrise/devices/sunrise.lobby/open";
    let good = json!({"operation": "open_door", "expires_at": in_seconds(30).to_string()});
    let mut with_user = good.clone();
    with_user["user_id"] = json!("CANARY");
    let bodies = [
        (json!({"operation": "open_door"}), "/expires_at"),
        (
            json!({"operation": "CANARY", "expires_at": "2030-01-01T00:00:00Z"}),
            "/operation",
        ),
        (
            json!({"operation": "open_door", "expires_at": "CANARY"}),
            "/expires_at",
        ),
        (with_user, ""),
        (json!([]), ""),
    ];
    for (body, field) in bodies {
        let request = caller
            .request(Method::POST, path, &token)
            .header("Idempotency-Key", command.to_string())
            .json(&body);
        let (status, answer) = crate::support::answer(request.send().await.unwrap()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["errors"][0]["field"], field, "{body}");
        assert!(!answer.to_string().contains("CANARY"), "{answer}");
    }
    for key in [
        None,
        Some("\"quoted\"".to_owned()),
        Some(command.to_string().to_uppercase()),
    ] {
        let mut request = caller.request(Method::POST, path, &token).json(&good);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let (status, answer) = crate::support::answer(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!("header:Idempotency-Key"))
        );
    }
    let big = caller
        .request(Method::POST, path, &token)
        .header("content-type", "application/json")
        .body(" ".repeat(70_000));
    assert_eq!(
        big.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let plain = caller.request(Method::POST, path, &token).body("x");
    assert_eq!(
        plain.send().await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(caller.state(&token, command).await.0, StatusCode::NOT_FOUND);
}
