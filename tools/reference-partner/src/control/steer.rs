//! Steering what is no device: the token endpoint, the clock, raw messages, the keys.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Control;
use crate::api::StrictJson;
use crate::oauth::{EndpointMode, Unchecked};
use crate::problem::{Kind, Problem};
use crate::webhooks::RawMessage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointBody {
    mode: EndpointMode,
    times: Option<u32>,
}

pub(super) async fn fail_token_endpoint(
    State(control): State<Control>,
    StrictJson(body): StrictJson<EndpointBody>,
) -> Result<StatusCode, Problem> {
    if body.times == Some(0) {
        return Err(Problem::field("/times", "from 1 on"));
    }
    control
        .authorization
        .failure
        .set(Some((body.mode, body.times)));
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn mend_token_endpoint(State(control): State<Control>) -> StatusCode {
    control.authorization.failure.set(None);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaxityBody {
    unchecked: Unchecked,
}

pub(super) async fn relax(
    State(control): State<Control>,
    StrictJson(body): StrictJson<LaxityBody>,
) -> StatusCode {
    control.authorization.laxity.set(Some(body.unchecked));
    StatusCode::NO_CONTENT
}

pub(super) async fn be_strict(State(control): State<Control>) -> StatusCode {
    control.authorization.laxity.set(None);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockBody {
    offset_seconds: i64,
}

#[derive(Serialize)]
pub(super) struct Now {
    now: Timestamp,
}

pub(super) async fn clock(
    State(control): State<Control>,
    StrictJson(body): StrictJson<ClockBody>,
) -> Json<Now> {
    let clock = &control.desk.clock;
    clock.shift(SignedDuration::from_secs(body.offset_seconds));
    Json(Now { now: clock.now() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBody {
    body: Option<String>,
    body_base64: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    sign: bool,
}

#[derive(Serialize)]
pub(super) struct RawAnswer {
    status: u16,
    body: String,
}

pub(super) async fn raw(
    State(control): State<Control>,
    StrictJson(raw): StrictJson<RawBody>,
) -> Result<Json<RawAnswer>, (StatusCode, Problem)> {
    let refused = |problem| (StatusCode::BAD_REQUEST, problem);
    let body = match (raw.body, raw.body_base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => BASE64
            .decode(text)
            .map_err(|_| refused(Problem::field("/body_base64", "expected base64")))?,
        _ => {
            return Err(refused(Problem::field(
                "",
                "exactly one of body and body_base64",
            )));
        }
    };
    let sender = control
        .sender
        .ok_or_else(|| refused(Problem::field("", "no webhook is configured")))?;
    let message = RawMessage {
        body,
        headers: raw.headers,
        sign: raw.sign,
    };
    match sender.raw(message, control.desk.clock.now()).await {
        Ok(answer) => Ok(Json(RawAnswer {
            status: answer.status.as_u16(),
            body: String::from_utf8_lossy(&answer.body).into_owned(),
        })),
        Err(error) => Err((
            StatusCode::BAD_GATEWAY,
            Problem::new(Kind::Unavailable, error),
        )),
    }
}

#[derive(Serialize)]
pub(super) struct Rotated {
    key_version: u32,
}

pub(super) async fn rotate_keys(State(control): State<Control>) -> Result<Json<Rotated>, Problem> {
    let key_version = control.desk.store.rotate(control.desk.clock.now()).await?;
    Ok(Json(Rotated { key_version }))
}
