//! Opens and cancels at the same time, and more of them than there is room for.

use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::support::{COMMAND_SVC, OPEN, Site, in_seconds, problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_and_a_cancel_at_once_agree_on_what_happened() {
    let site = Site::with(None, "actuation = \"5ms\"");
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let expires_at = in_seconds(60);
    let races = (0..80_u64).map(|n| {
        let (caller, token, command) = (caller.clone(), token.clone(), Uuid::now_v7());
        async move {
            let open = caller.open(&token, "sunrise.lobby", command, expires_at);
            let cancel = async {
                tokio::time::sleep(std::time::Duration::from_micros(n * 200)).await;
                crate::support::eventually(|| async {
                    let fence = caller.cancel(&token, command).await;
                    (fence["final"] == true).then_some(fence)
                })
                .await
            };
            let (open, fence) = tokio::join!(open, cancel);
            (command, open, fence)
        }
    });
    for (command, (status, opened), fence) in futures::future::join_all(races).await {
        let openings = running.openings(command).await;
        if fence["state"] == "cancelled" {
            assert_eq!(
                (status, &opened["type"]),
                (StatusCode::GONE, &problem("cancelled"))
            );
            assert_eq!(openings, 0);
        } else {
            assert_eq!(
                (status, &opened["result"], &fence["state"]),
                (StatusCode::OK, &json!("executed"), &json!("executed"))
            );
            assert_eq!(openings, 1);
        }
    }
}

#[tokio::test]
async fn beyond_the_bound_an_open_is_refused_and_stays_so() {
    let site = Site::new(None);
    let text = std::fs::read_to_string(&site.config).unwrap();
    let text = text.replace(
        "max_commands_in_progress = 256",
        "max_commands_in_progress = 1",
    );
    std::fs::write(&site.config, text).unwrap();
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let expires_at = in_seconds(60);
    running
        .fail(
            "sunrise.lobby",
            json!({"mode": "hang_before_open", "times": 1}),
        )
        .await;
    let held = Uuid::now_v7();
    let request = caller.open_request(&token, "sunrise.lobby", held, expires_at);
    tokio::spawn(request.send());
    crate::support::eventually(|| async {
        (caller.state(&token, held).await.0 == StatusCode::OK).then_some(())
    })
    .await;
    let refused = Uuid::now_v7();
    let request = caller.open_request(&token, "sunrise.north-gate", refused, expires_at);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    caller.cancel(&token, held).await;
    let (status, answer) = caller
        .open(&token, "sunrise.north-gate", refused, expires_at)
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &problem("unavailable"))
    );
    assert_eq!(running.openings(refused).await, 0);
    let next = crate::support::eventually(|| async {
        let (status, _) = caller
            .open(&token, "sunrise.north-gate", Uuid::now_v7(), expires_at)
            .await;
        (status == StatusCode::OK).then_some(())
    });
    next.await;
}
