//! `POST /v1/complexes/{complex}/devices/{device}/open`.

use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::extract::{InComplex, OfDevice, StrictJson, idempotency_key};
use super::{Api, faults};
use crate::command::{End, OPENED, OpenRequest, Opened, Operation, Outcome, Refusal, StateName};
use crate::ids::OpeningId;
use crate::listener::Connection;
use crate::oauth::{Grant, Scope};
use crate::problem::{Kind, Problem};

/// What a refused client is asked to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    operation: Operation,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct OpenResult {
    result: StateName,
    code: String,
    partner_ref: OpeningId,
    at: Timestamp,
}

pub(super) async fn open(
    grant: Grant,
    State(api): State<Api>,
    Extension(connection): Extension<Connection>,
    InComplex(complex): InComplex,
    OfDevice(device): OfDevice,
    headers: HeaderMap,
    StrictJson(body): StrictJson<Body>,
) -> Result<Response, Problem> {
    let authority = grant.authority()?;
    grant.require_complex(&complex)?;
    if let Some((_, known)) = api.desk.fleet.find(&device) {
        grant.require(Scope::from(known.kind.operation()))?;
    } else if !authority.operations.contains(&body.operation) {
        grant.require(Scope::from(body.operation))?;
    }
    if !device.is_in(&complex) {
        return Err(Problem::field(
            "path:device",
            "a device of the complex in the path",
        ));
    }
    let id = idempotency_key(&headers)?;
    let request = OpenRequest {
        complex,
        device,
        operation: body.operation,
        expires_at: body.expires_at,
    };
    let (opened, fault) = api.desk.open(id, request).await?;
    let answer = answer(opened);
    match fault {
        Some(fault) => Ok(faults::spoil(fault, answer, &connection).await),
        None => Ok(answer),
    }
}

fn answer(opened: Opened) -> Response {
    match opened {
        Opened::Ended(Outcome { end, opening, at }) => {
            let (result, code) = match end {
                End::Executed => (StateName::Executed, OPENED.to_owned()),
                End::Rejected(code) => (StateName::Rejected, code),
                End::NotExecuted(why) => return refusal(why).into_response(),
            };
            Json(OpenResult {
                result,
                code,
                partner_ref: opening,
                at,
            })
            .into_response()
        }
        Opened::Forbidden => {
            Problem::new(Kind::Cancelled, "Use a new command id for a new attempt.").into_response()
        }
        Opened::KeyReused => {
            Problem::new(Kind::KeyReused, "Use a new command id for another request.")
                .into_response()
        }
        Opened::TooFarAhead => Problem::field(
            "/expires_at",
            "at most the agreed time ahead of the partner's clock",
        )
        .into_response(),
        Opened::Lost => Problem::new(Kind::Internal, "Cancel the command.").into_response(),
    }
}

fn refusal(why: Refusal) -> Problem {
    let kind = match why {
        Refusal::Expired => Kind::Expired,
        Refusal::UnknownDevice => Kind::UnknownDevice,
        Refusal::OperationNotSupported => Kind::OperationNotSupported,
        Refusal::DeviceOffline => Kind::DeviceOffline,
        Refusal::RateLimited => Kind::RateLimited,
        Refusal::Unavailable => Kind::Unavailable,
        Refusal::Internal => Kind::Internal,
    };
    let problem = Problem::new(kind, "Not opened, and never will be under this command id.");
    match why {
        Refusal::RateLimited | Refusal::Unavailable => problem.retry_after(RETRY_AFTER),
        _ => problem,
    }
}
