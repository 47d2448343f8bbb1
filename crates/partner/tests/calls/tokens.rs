//! Access tokens: asked for exactly, used only if granted exactly, shared, renewed, dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::vocabulary::Operation;
use partner::{NotSent, OpenResult, PartnerClient, TokenRefused};
use tokio::time::Instant;

use crate::http::Asked;
use crate::open::{command, gate, in_a_minute};
use crate::partner::{EXECUTED, Partner, Reply, json, problem, soon, sunrise, token};

async fn open(client: &PartnerClient, operation: Operation) -> OpenResult {
    client
        .within(&sunrise(), jiff::Timestamp::now())
        .unwrap()
        .open(command(), &gate(), operation, in_a_minute(), soon())
        .await
        .unwrap()
        .result
}

#[track_caller]
fn assert_executed(result: &OpenResult) {
    assert!(matches!(result, OpenResult::Executed { .. }), "{result:?}");
}

#[tokio::test]
async fn a_token_is_asked_for_one_operation_in_one_complex_by_the_certificate_alone() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let client = partner.client();
    assert_executed(&open(&client, Operation::OpenDoor).await);
    assert_executed(&open(&client, Operation::OpenDoor).await);
    assert_executed(&open(&client, Operation::OpenBarrier).await);
    let asked = partner.tokens_asked();
    assert_eq!(asked.len(), 2, "one for each scope, then kept");
    for (asked, scope) in asked.iter().zip(["doors:open", "barriers:open"]) {
        assert_eq!(asked.method, "POST");
        let mut form: Vec<(String, String)> = url::form_urlencoded::parse(asked.body.as_bytes())
            .into_owned()
            .collect();
        form.sort();
        let expected = [
            ("client_id", "command-svc"),
            ("grant_type", "client_credentials"),
            ("resource", "urn:smarthome:complex:sunrise"),
            ("scope", scope),
        ];
        let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(form, expected);
        assert!(!asked.headers.contains_key("authorization"));
        assert!(!asked.certificate.is_empty());
    }
}

#[tokio::test]
async fn a_token_that_was_not_granted_exactly_is_not_used() {
    type Grant = fn(&Asked) -> Reply;
    fn granted(members: &str) -> Reply {
        json(format!(r#"{{"access_token":"canary-token"{members}}}"#))
    }
    let refused = TokenRefused::Refused;
    let table: [(&str, TokenRefused, Grant); 16] = [
        ("another scope", TokenRefused::OtherScope, |_| {
            granted(r#","token_type":"Bearer","expires_in":300,"scope":"barriers:open""#)
        }),
        ("a wider scope", TokenRefused::OtherScope, |_| {
            granted(r#","token_type":"Bearer","expires_in":300,"scope":"doors:open barriers:open""#)
        }),
        ("an empty scope", TokenRefused::OtherScope, |_| {
            granted(r#","token_type":"Bearer","expires_in":300,"scope":"""#)
        }),
        ("no scope", TokenRefused::OtherScope, |_| {
            granted(r#","token_type":"Bearer","expires_in":300"#)
        }),
        ("no end", TokenRefused::Unintelligible, |_| {
            granted(r#","token_type":"Bearer","scope":"doors:open""#)
        }),
        ("ended", TokenRefused::Unintelligible, |_| {
            granted(r#","token_type":"Bearer","expires_in":0,"scope":"doors:open""#)
        }),
        ("another kind", TokenRefused::Unintelligible, |_| {
            granted(r#","token_type":"DPoP","expires_in":300,"scope":"doors:open""#)
        }),
        ("no header", TokenRefused::Unintelligible, |_| {
            json(
                r#"{"access_token":"a\nb","token_type":"Bearer","expires_in":300,"scope":"doors:open"}"#,
            )
        }),
        ("no token response", TokenRefused::Unintelligible, |_| {
            json("<html>")
        }),
        ("too long", TokenRefused::Unintelligible, |_| {
            granted(&format!(r#","x":"{}""#, "x".repeat(65_536)))
        }),
        ("unavailable", TokenRefused::Unavailable, |_| {
            problem(503, "unavailable")
        }),
        ("reset", TokenRefused::Unavailable, |_| {
            Reply::RawAndReset(Vec::new())
        }),
        ("a client", refused("token_invalid_client"), |_| {
            Reply::Answer(
                401,
                "application/json",
                r#"{"error":"invalid_client"}"#.to_owned(),
            )
        }),
        ("a scope", refused("token_invalid_scope"), |_| {
            Reply::Answer(
                400,
                "application/json",
                r#"{"error":"invalid_scope"}"#.to_owned(),
            )
        }),
        ("a target", refused("token_invalid_target"), |_| {
            Reply::Answer(
                400,
                "application/json",
                r#"{"error":"invalid_target"}"#.to_owned(),
            )
        }),
        ("anything else", refused("token_refused"), |_| {
            Reply::Answer(
                400,
                "application/json",
                r#"{"error":"canary-token"}"#.to_owned(),
            )
        }),
    ];
    for (name, expected, grant) in table {
        let partner = Partner::start_with_tokens(grant, |_| json(EXECUTED)).await;
        let result = open(&partner.client(), Operation::OpenDoor).await;
        let why = NotSent::NoToken(expected);
        assert_eq!(result, OpenResult::NotSent { why }, "{name}");
        assert!(partner.calls().is_empty(), "{name}");
        assert!(!format!("{result:?} {why}").contains("canary"), "{name}");
        assert!(why.code().starts_with("token_"), "{name}");
    }
}

#[tokio::test]
async fn all_who_wait_share_one_request() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let client = partner.client();
    let opens = (0..32).map(|_| open(&client, Operation::OpenDoor));
    for result in futures::future::join_all(opens).await {
        assert_executed(&result);
    }
    assert_eq!(partner.tokens_asked().len(), 1);
    assert_eq!(partner.calls().len(), 32);
}

#[tokio::test]
async fn a_token_that_does_not_come_in_time_is_not_waited_for() {
    let partner = Partner::start_with_tokens(|_| Reply::Hang, |_| json(EXECUTED)).await;
    let client = partner.client();
    let handle = client.within(&sunrise(), jiff::Timestamp::now()).unwrap();
    let sent = handle
        .open(
            command(),
            &gate(),
            Operation::OpenDoor,
            in_a_minute(),
            Instant::now() + Duration::from_millis(200),
        )
        .await
        .unwrap();
    let why = NotSent::NoToken(TokenRefused::DeadlinePassed);
    assert_eq!(sent.result, OpenResult::NotSent { why });
    assert!(partner.calls().is_empty());
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends_while_the_old_one_goes_on() {
    let served = Arc::new(AtomicUsize::new(0));
    let number = Arc::clone(&served);
    let partner = Partner::start_with_tokens(
        move |asked| match number.fetch_add(1, Ordering::SeqCst) {
            0 => token(asked, 4),
            1 => problem(503, "unavailable"),
            _ => token(asked, 300),
        },
        |_| json(EXECUTED),
    )
    .await;
    let client = partner.client();
    let started = Instant::now();
    // From three quarters of its life on, another one is asked for.
    while served.load(Ordering::SeqCst) < 3 {
        let result = open(&client, Operation::OpenDoor).await;
        if started.elapsed() < Duration::from_millis(3500) {
            assert_executed(&result);
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    assert_executed(&open(&client, Operation::OpenDoor).await);
    assert_eq!(served.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_token_that_the_partner_forgot_is_dropped() {
    let first = Arc::new(AtomicBool::new(true));
    let partner = Partner::start(move |_| {
        if first.swap(false, Ordering::SeqCst) {
            problem(401, "token-invalid")
        } else {
            json(EXECUTED)
        }
    })
    .await;
    let client = partner.client();
    let result = open(&client, Operation::OpenDoor).await;
    let OpenResult::NotExecuted { code, .. } = result else {
        panic!("{result:?}");
    };
    assert_eq!(code.as_str(), "token_invalid");
    assert_eq!(partner.calls().len(), 1, "an open is not tried again");
    assert_executed(&open(&client, Operation::OpenDoor).await);
    assert_eq!(partner.tokens_asked().len(), 2);
}

#[tokio::test]
async fn another_certificate_gets_another_token_and_another_connection() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let client = partner.client();
    assert_executed(&open(&client, Operation::OpenDoor).await);
    partner.pki().client();
    client.tls().reload_now().unwrap();
    assert_executed(&open(&client, Operation::OpenDoor).await);
    let asked = partner.asked();
    let kinds: Vec<bool> = asked.iter().map(Asked::is_token).collect();
    assert_eq!(kinds, [true, false, true, false]);
    assert_eq!(asked[0].certificate, asked[1].certificate);
    assert_eq!(asked[2].certificate, asked[3].certificate);
    assert_ne!(asked[1].certificate, asked[2].certificate);
}

#[tokio::test]
async fn the_token_endpoint_is_discovered_once() {
    let partner = Partner::start(|asked| {
        let base = format!("https://{}", asked.headers["host"]);
        match asked.target.as_str() {
            "/.well-known/oauth-authorization-server" => json(format!(
                r#"{{"issuer":"{base}","token_endpoint":"{base}/oauth/token",
                     "token_endpoint_auth_methods_supported":["tls_client_auth"],
                     "tls_client_certificate_bound_access_tokens":true}}"#
            )),
            _ => json(EXECUTED),
        }
    })
    .await;
    let mut config = partner.config();
    config.token_endpoint = None;
    let client = PartnerClient::new(config).unwrap();
    assert_executed(&open(&client, Operation::OpenDoor).await);
    assert_executed(&open(&client, Operation::OpenBarrier).await);
    let discoveries = partner
        .calls()
        .iter()
        .filter(|asked| asked.target.starts_with("/.well-known"))
        .count();
    assert_eq!(discoveries, 1);
}
