//! What an open says and to whom.

use std::time::Duration;

use domain::vocabulary::{Operation, Reason};
use domain::{CommandId, DeviceId};
use jiff::{SignedDuration, Timestamp};
use partner::{CommandState, Doubt, Fence, NotSent, OpenResult, OutOfPerimeter};
use tokio::time::Instant;
use uuid::Uuid;

use crate::partner::{EXECUTED, Partner, json, problem, soon, sunrise};

pub(crate) fn command() -> CommandId {
    CommandId(Uuid::from_u128(0x0198_c5f0_7000_7000_8000_0000_0000_0001))
}

pub(crate) fn gate() -> DeviceId {
    "sunrise.north-gate".parse().unwrap()
}

pub(crate) fn in_a_minute() -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(1)
}

#[tokio::test]
async fn an_open_carries_the_command_and_nothing_about_anybody() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let expires_at: Timestamp = "2999-01-01T00:00:00.25Z".parse().unwrap();
    let sent = partner
        .sunrise()
        .open(
            command(),
            &gate(),
            Operation::OpenBarrier,
            expires_at,
            soon(),
        )
        .await
        .unwrap();
    let OpenResult::Executed { code, partner_ref } = sent.result else {
        panic!("{sent:?}");
    };
    assert_eq!((code.as_str(), partner_ref.as_str()), ("opened", "R-1"));
    assert!(sent.latency > Duration::ZERO);

    let [call] = &partner.calls()[..] else {
        panic!("one request");
    };
    assert_eq!(call.method, "POST");
    assert_eq!(
        call.target,
        "/v1/complexes/sunrise/devices/sunrise.north-gate/open"
    );
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"operation": "open_barrier", "expires_at": "2999-01-01T00:00:00.25Z"})
    );
    let headers: Vec<(&str, &str)> = call
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (length, host) = (call.body.len().to_string(), partner.address.to_string());
    assert_eq!(
        headers,
        [
            ("accept", "*/*"),
            (
                "authorization",
                "Bearer token-barriers:open-urn:smarthome:complex:sunrise"
            ),
            ("content-length", length.as_str()),
            ("content-type", "application/json"),
            ("host", host.as_str()),
            ("idempotency-key", "0198c5f0-7000-7000-8000-000000000001"),
        ]
    );
}

#[tokio::test]
async fn what_is_outside_of_the_perimeter_is_never_sent() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let client = partner.client();
    let now = Timestamp::now();
    let refused = |perimeter| client.within(&perimeter, now).err();
    let mut other = sunrise();
    other.partner = "other".parse().unwrap();
    assert_eq!(refused(other), Some(OutOfPerimeter::OtherPartner));
    let mut closed = sunrise();
    closed.closed = true;
    assert_eq!(refused(closed), Some(OutOfPerimeter::NotInForce));
    let mut ended = sunrise();
    ended.not_after = Some(now);
    assert_eq!(refused(ended), Some(OutOfPerimeter::NotInForce));
    let mut reserved = sunrise();
    reserved.complex = "global".parse().unwrap();
    assert_eq!(refused(reserved), Some(OutOfPerimeter::OtherComplex));

    let mut doors_only = sunrise();
    doors_only.operations = vec![Operation::OpenDoor];
    let handle = client.within(&doors_only, now).unwrap();
    let open = |device: &'static str, operation| {
        let handle = handle.clone();
        async move {
            let device = device.parse().unwrap();
            handle
                .open(command(), &device, operation, in_a_minute(), soon())
                .await
                .unwrap_err()
        }
    };
    assert_eq!(
        open("sunset.door", Operation::OpenDoor).await,
        OutOfPerimeter::OtherComplex
    );
    assert_eq!(
        open("sunrise.gate", Operation::OpenBarrier).await,
        OutOfPerimeter::Operation
    );

    // In force when the handle was made, but not any more.
    let mut ending = sunrise();
    ending.not_after = Some(now);
    let handle = client
        .within(&ending, now - SignedDuration::from_secs(1))
        .unwrap();
    let late = handle
        .open(
            command(),
            &gate(),
            Operation::OpenDoor,
            in_a_minute(),
            soon(),
        )
        .await;
    assert_eq!(late.unwrap_err(), OutOfPerimeter::NotInForce);
    assert!(partner.asked().is_empty(), "not even a token");
}

#[tokio::test]
async fn nothing_is_sent_too_late() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let handle = partner.sunrise();
    let open = |expires_at, deadline| {
        let handle = handle.clone();
        async move {
            let sent = handle
                .open(
                    command(),
                    &gate(),
                    Operation::OpenDoor,
                    expires_at,
                    deadline,
                )
                .await
                .unwrap();
            assert_eq!(sent.latency, Duration::ZERO);
            sent.result
        }
    };
    let why = NotSent::Expired;
    assert_eq!(why.reason(), Reason::CommandExpired);
    assert_eq!(
        open(Timestamp::now(), soon()).await,
        OpenResult::NotSent { why }
    );
    let passed = open(in_a_minute(), Instant::now()).await;
    assert_eq!(
        passed,
        OpenResult::NotSent {
            why: NotSent::DeadlinePassed
        }
    );
    assert!(partner.calls().is_empty());
}

#[tokio::test]
async fn a_command_is_fenced_and_asked_about_with_its_own_scopes() {
    let partner = Partner::start(|asked| {
        let id = command();
        match asked.target.as_str() {
            "/v1/commands/0198c5f0-7000-7000-8000-000000000001/cancel" => json(format!(
                r#"{{"command_id":"{id}","state":"cancelled","final":true,"code":"cancelled"}}"#
            )),
            _ => problem(404, "unknown-command"),
        }
    })
    .await;
    // No perimeter is needed to settle what is left.
    let closing = partner.client().closing(&"sunrise".parse().unwrap());
    let fence = closing.cancel(command(), Operation::OpenDoor, soon()).await;
    let Fence::NotExecuted { reason, .. } = fence else {
        panic!("{fence:?}");
    };
    assert_eq!(reason, Reason::Fenced);
    assert_eq!(
        closing.status(command(), soon()).await,
        CommandState::Unseen
    );
    let calls = partner.calls();
    let seen: Vec<(&str, &str, &str)> = calls
        .iter()
        .map(|call| {
            let token = call.headers["authorization"].as_str();
            (call.method.as_str(), call.body.as_str(), token)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                "POST",
                "",
                "Bearer token-doors:open-urn:smarthome:complex:sunrise"
            ),
            (
                "GET",
                "",
                "Bearer token-commands:read-urn:smarthome:complex:sunrise"
            ),
        ]
    );
}

#[tokio::test]
async fn a_fence_that_is_not_answered_says_nothing() {
    let partner = Partner::start(|_| problem(503, "unavailable")).await;
    let closing = partner.client().closing(&"sunrise".parse().unwrap());
    let cancel = |deadline| closing.cancel(command(), Operation::OpenDoor, deadline);
    assert_eq!(
        cancel(soon()).await,
        Fence::Unknown {
            why: Doubt::Unsettled
        }
    );
    assert_eq!(
        cancel(Instant::now()).await,
        Fence::Unknown {
            why: Doubt::NotSent(NotSent::DeadlinePassed)
        }
    );
}
