//! `GET /v1/deliveries`: a partner's own last deliveries.

use std::sync::Arc;

use authn::peer::PeerIdentity;
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::refusal::Refusal;
use super::verdicts::{Answer, answers};
use crate::deliveries::Delivery;
use crate::gateway::Gateway;

#[derive(Serialize)]
struct Shown {
    since: Timestamp,
    deliveries: Vec<One>,
}

#[derive(Serialize)]
struct One {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    verdicts: Vec<Answer>,
}

impl From<Delivery> for One {
    fn from(delivery: Delivery) -> Self {
        Self {
            at: delivery.at,
            message: delivery.message,
            status: delivery.status.as_u16(),
            reason: delivery.reason,
            verdicts: answers(&delivery.verdicts),
        }
    }
}

pub(super) async fn get(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<PeerIdentity>,
) -> Response {
    match shown(&gateway, &peer) {
        Ok(shown) => Json(shown).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn shown(gateway: &Gateway, peer: &PeerIdentity) -> Result<Shown, Refusal> {
    let caller = gateway.caller(peer)?;
    let _share = gateway.quotas.admit(caller.partner())?;
    let deliveries = gateway.deliveries.of(caller.partner());
    Ok(Shown {
        since: gateway.deliveries.since(),
        deliveries: deliveries.into_iter().map(One::from).collect(),
    })
}
