//! `POST /v1/events`.

use std::sync::Arc;
use std::time::Instant;

use authn::peer::PeerIdentity;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use service::trace::{TRACEPARENT, TraceContext};
use tracing::Instrument;

use super::body;
use super::refusal::Refusal;
use super::verdicts::answer;
use crate::event::Format;
use crate::gateway::{Gateway, NotTaken};
use crate::telemetry;
use crate::verify::Unverified;

pub(super) async fn post(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<PeerIdentity>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let header = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    let trace = TraceContext::from_header(header).child();
    let span = trace.span("POST /v1/events");
    let taken = async {
        match take(&gateway, peer, request, &trace).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    };
    let response = taken.instrument(span).await;
    telemetry::answered(response.status(), began.elapsed());
    response
}

async fn take(
    gateway: &Gateway,
    peer: PeerIdentity,
    request: Request,
    trace: &TraceContext,
) -> Result<Response, Refusal> {
    let _place = gateway.in_flight.try_acquire().map_err(|_| Refusal::Busy)?;
    let (parts, body) = request.into_parts();
    let format = Format::of(&parts.headers).ok_or(Refusal::UnsupportedMediaType)?;
    let body = body::read(body, &parts.headers, &gateway.limits).await?;
    let unverified = Unverified {
        peer,
        headers: parts.headers,
        body,
    };
    let verdicts = gateway
        .take(format, unverified, trace)
        .await
        .inspect_err(|why| {
            if let NotTaken::NotRecorded(error) = why {
                tracing::warn!(%error, "append failed");
            }
        })?;
    Ok(answer(&verdicts))
}
