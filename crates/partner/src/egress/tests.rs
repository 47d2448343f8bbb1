#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use domain::vocabulary::Operation;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Serialize;

use super::*;
use crate::session::with_json;
use crate::wire;

/// Every type of `wire.rs` that is sent, as full as it gets, with its call.
fn bodies() -> Vec<(&'static str, Call, Value)> {
    fn full(name: &'static str, call: Call, body: &impl Serialize) -> (&'static str, Call, Value) {
        (name, call, serde_json::to_value(body).unwrap())
    }
    let now = Timestamp::UNIX_EPOCH;
    let open = wire::OpenRequest {
        operation: wire::operation(Operation::OpenDoor),
        expires_at: now,
    };
    let device = ["sunrise.door".parse().unwrap()];
    let token = || wire::Token {
        key_version: 1,
        token: "token",
    };
    let window = wire::Window {
        not_before: Some(now),
        not_after: Some(now),
        weekdays: vec![1],
        from: Some(0),
        until: Some(1),
        time_zone: Some("Europe/Moscow".to_owned()),
    };
    let credential = wire::Credential {
        kind: "plate",
        tokens: vec![token(), token()],
        window,
        devices: &device,
    };
    let key = wire::WrappedTokenKey {
        key_version: 1,
        enc: String::new(),
        wrapped: String::new(),
    };
    vec![
        full("OpenRequest", Call::Open, &open),
        full("OpenRequest", Call::VerifyOpen, &open),
        full("Credential", Call::PutCredential, &credential),
        full("WrappedTokenKey", Call::PutTokenKey, &key),
    ]
}

fn fields(call: Call, body: &Value) -> Result<BTreeSet<&'static str>, Undeclared> {
    let mut seen = Seen {
        call,
        rows: Vec::new(),
    };
    seen.json(body, String::new())?;
    Ok(seen.rows.iter().map(|row| LEDGER[*row].name).collect())
}

#[test]
fn the_ledger_declares_what_the_wire_types_hold_and_no_more() {
    for (name, call, body) in bodies() {
        let held = fields(call, &body).unwrap();
        let rows = LEDGER
            .iter()
            .filter(|field| field.place == Place::Body && field.calls.contains(&call));
        let declared: BTreeSet<&str> = rows.map(|field| field.name).collect();
        assert_eq!(held, declared, "{name}");
    }
}

#[test]
fn no_wire_type_is_left_out() {
    let source = include_str!("../wire.rs");
    let sent: BTreeSet<&str> = source
        .split("#[derive(")
        .filter(|part| {
            part.split(')').next().is_some_and(|derived| {
                derived.contains("Serialize")
                    && derived.replace("Deserialize", "").contains("Serialize")
            })
        })
        .filter_map(|part| part.split("struct ").nth(1)?.split(['<', ' ']).next())
        .collect();
    // Parts of a credential.
    let mut walked: BTreeSet<&str> = ["Token", "Window"].into();
    walked.extend(bodies().iter().map(|(name, ..)| *name));
    assert_eq!(sent, walked);
}

#[test]
fn an_empty_part_is_declared_where_its_members_are() {
    let window = serde_json::json!({ "window": {} });
    assert!(fields(Call::PutCredential, &window).unwrap().is_empty());
    let devices = serde_json::json!({ "devices": [] });
    assert!(fields(Call::PutCredential, &devices).is_ok());
    for odd in [
        serde_json::json!({ "window": [] }),
        serde_json::json!({ "tenant": {} }),
        serde_json::json!({ "tokens": [{ "token": {} }] }),
    ] {
        assert!(fields(Call::PutCredential, &odd).is_err(), "{odd}");
    }
}

fn request(path: &str) -> Request {
    let url = format!("https://partner.example{path}").parse().unwrap();
    let mut request = Request::new(Method::POST, url);
    let token = HeaderValue::from_static("Bearer t");
    request.headers_mut().insert("authorization", token);
    request
}

const OPEN: &str = "/v1/complexes/sunrise/devices/sunrise.door/open";

fn refused(call: Call, request: Request) -> String {
    Outgoing::declared(call, request).err().unwrap().to_string()
}

#[test]
fn nothing_that_is_not_declared_becomes_a_request() {
    let body = |body: Value| with_json(request(OPEN), &body).unwrap();
    let good = serde_json::json!({ "operation": "open_door", "expires_at": "x" });
    let sent = Outgoing::declared(Call::Open, body(good)).unwrap();
    let (_, rows) = sent.into_parts();
    let names: Vec<&str> = rows.iter().map(|row| LEDGER[*row].name).collect();
    assert_eq!(
        names,
        [
            "complex",
            "device",
            "authorization",
            "content-type",
            "expires_at",
            "operation"
        ]
    );

    let more = serde_json::json!({ "operation": "open_door", "who": { "name": "CANARY" } });
    let why = refused(Call::Open, body(more));
    assert!(why.contains("body `who.name` of open"), "{why}");
    assert!(!why.contains("CANARY"), "{why}");

    let mut header = request(OPEN);
    header
        .headers_mut()
        .insert("traceparent", HeaderValue::from_static("CANARY"));
    assert!(refused(Call::Open, header).contains("header `traceparent`"));
    let why = refused(Call::Open, request(&format!("{OPEN}?who=CANARY")));
    assert!(
        why.contains("query `who`") && !why.contains("CANARY"),
        "{why}"
    );
    for path in [
        "/v1/complexes/sunrise/people/CANARY/open",
        "/v1",
        &format!("{OPEN}/CANARY"),
    ] {
        let why = refused(Call::Open, request(path));
        assert!(why.contains("path") && !why.contains("CANARY"), "{why}");
    }
    let mut text = request(OPEN);
    *text.body_mut() = Some("CANARY".into());
    assert!(refused(Call::Open, text).contains("body ``"));
    let mut form = request("/oauth/token");
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    form.headers_mut().remove("authorization");
    form.headers_mut().insert("content-type", kind);
    *form.body_mut() = Some("grant_type=client_credentials&user=CANARY".into());
    assert!(refused(Call::Token, form).contains("form `user`"));
    // What one call may hold, another may not.
    let why = refused(Call::Cancel, request("/v1/commands/1/cancel?limit=1"));
    assert!(why.contains("query `limit` of cancel"), "{why}");
}

#[test]
fn a_row_is_declared_once_for_a_call() {
    for (number, field) in LEDGER.iter().enumerate() {
        assert!(!field.calls.is_empty(), "{}", field.name);
        for call in field.calls {
            let twice = LEDGER[number + 1..]
                .iter()
                .any(|other| other.is(*call, field.place, field.name));
            assert!(!twice, "{call}: {}", field.name);
        }
    }
}
