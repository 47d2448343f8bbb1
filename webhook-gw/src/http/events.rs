//! `POST /v1/events`, and `POST /v1/events:validate`, which records nothing.

use std::sync::Arc;
use std::time::Instant;

use authn::peer::PeerIdentity;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use service::trace::{TRACEPARENT, TraceContext};
use tracing::Instrument;

use super::body;
use super::refusal::Refusal;
use super::verdicts::answer;
use crate::backlog::Place;
use crate::deliveries::{Delivery, message_id};
use crate::event::Format;
use crate::gateway::{Gateway, NotTaken, Verdict};
use crate::telemetry;
use crate::verify::{Caller, Unverified};

pub(super) async fn post(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<PeerIdentity>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let trace = trace(request.headers());
    let span = trace.span("POST /v1/events");
    let response = take(&gateway, &peer, request, &trace)
        .instrument(span)
        .await;
    telemetry::answered(response.status(), began.elapsed());
    response
}

pub(super) async fn validate(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<PeerIdentity>,
    request: Request,
) -> Response {
    let span = trace(request.headers()).span("POST /v1/events:validate");
    let validated = async {
        let _place = gateway.in_flight.try_acquire().map_err(|_| Refusal::Busy)?;
        let _counted = telemetry::in_flight();
        let caller = gateway.caller(&peer)?;
        let _share = gateway.quotas.admit(caller.partner())?;
        let (parts, body) = request.into_parts();
        let (format, unverified, _room) = read(&gateway, caller, parts.headers, body).await?;
        Ok(gateway.validate(format, unverified)?)
    };
    match validated.instrument(span).await {
        Ok(verdicts) => answer(&verdicts),
        Err(refusal) => Refusal::into_response(refusal),
    }
}

/// Takes a request, and keeps how it was answered for whoever sent it.
async fn take(
    gateway: &Gateway,
    peer: &PeerIdentity,
    request: Request,
    trace: &TraceContext,
) -> Response {
    let Ok(_place) = gateway.in_flight.try_acquire() else {
        return Refusal::Busy.into_response();
    };
    let _counted = telemetry::in_flight();
    let caller = match gateway.caller(peer) {
        Ok(caller) => caller,
        Err(why) => return Refusal::from(why).into_response(),
    };
    let (partner, at) = (caller.partner().clone(), (gateway.clock)());
    let (parts, body) = request.into_parts();
    let message = message_id(&parts.headers);
    let taken = recorded(gateway, caller, parts.headers, body, trace).await;
    let (response, reason, verdicts) = match taken {
        Ok(verdicts) => (answer(&verdicts), None, verdicts),
        Err(refusal) => {
            let reason = refusal.reason();
            (refusal.into_response(), Some(reason), Vec::new())
        }
    };
    let delivery = Delivery {
        at,
        message,
        status: response.status(),
        reason,
        verdicts,
    };
    gateway.deliveries.keep(&partner, delivery);
    response
}

async fn recorded(
    gateway: &Gateway,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
    trace: &TraceContext,
) -> Result<Vec<Verdict>, Refusal> {
    let _share = gateway.quotas.admit(caller.partner())?;
    let (format, unverified, mut place) = read(gateway, caller, headers, body).await?;
    let taken = gateway.take(format, unverified, &mut place, trace).await;
    Ok(taken.inspect_err(|why| {
        if let NotTaken::NotRecorded(error) = why {
            tracing::warn!(%error, "append failed");
        }
    })?)
}

/// Reads a request within its limits, if there is room for it.
async fn read(
    gateway: &Gateway,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<(Format, Unverified, Place), Refusal> {
    let format = Format::of(&headers).ok_or(Refusal::UnsupportedMediaType)?;
    let most = body::most(&headers, &gateway.limits)?;
    let mut place = gateway.backlog.admit(most).map_err(NotTaken::from)?;
    let body = body::read(body, &gateway.limits).await?;
    place.shrink(body.len());
    let unverified = Unverified {
        caller,
        headers,
        body,
    };
    Ok((format, unverified, place))
}

fn trace(headers: &HeaderMap) -> TraceContext {
    let header = headers.get(TRACEPARENT);
    TraceContext::from_header(header.and_then(|value| value.to_str().ok())).child()
}
