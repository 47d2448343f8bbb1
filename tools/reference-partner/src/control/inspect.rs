//! Looking at what the partner holds, without secrets.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Control;
use crate::command::{ControlView, StateName};
use crate::journal::Opening;
use crate::problem::{Kind, Problem};
use crate::store::Table;
use crate::webhooks::{Attempt, DeliveryState, Message, Outbox};

/// Ready when the store answers.
pub(super) async fn ready(State(control): State<Control>) -> StatusCode {
    match control.desk.store.run(|_| Ok(())).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    #[serde(default = "Limit::default")]
    limit: usize,
}

impl Limit {
    fn default() -> usize {
        1000
    }
}

#[derive(Serialize)]
pub(super) struct Openings {
    openings: Vec<Opening>,
}

pub(super) async fn journal(State(control): State<Control>) -> Result<Json<Openings>, Problem> {
    let journal = control.desk.journal.clone();
    let read = tokio::task::spawn_blocking(move || journal.read()).await;
    let failed = |error: String| Problem::new(Kind::Internal, error);
    let openings = read
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    Ok(Json(Openings { openings }))
}

#[derive(Serialize)]
pub(super) struct Delivery {
    message_id: String,
    event_ids: Vec<Uuid>,
    state: DeliveryState,
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdicts: Option<Value>,
}

impl From<Message> for Delivery {
    fn from(message: Message) -> Self {
        Self {
            message_id: message.webhook_id(),
            event_ids: message.event_ids,
            state: message.state,
            attempts: message.attempts,
            next_attempt_at: message.next_attempt_at,
            verdicts: message.verdicts,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Deliveries {
    deliveries: Vec<Delivery>,
}

pub(super) async fn deliveries(
    State(control): State<Control>,
    Query(Limit { limit }): Query<Limit>,
) -> Result<Json<Deliveries>, Problem> {
    let found = control
        .desk
        .store
        .run(move |tx| Outbox::list(tx, limit))
        .await?;
    Ok(Json(Deliveries {
        deliveries: found.into_iter().map(Delivery::from).collect(),
    }))
}

#[derive(Serialize)]
pub(super) struct Commands {
    commands: Vec<ControlView>,
}

pub(super) async fn commands(
    State(control): State<Control>,
    Query(Limit { limit }): Query<Limit>,
) -> Result<Json<Commands>, Problem> {
    Ok(Json(Commands {
        commands: control.desk.list(limit).await?,
    }))
}

#[derive(Serialize)]
pub(super) struct Held {
    commands: BTreeMap<StateName, i64>,
    outbox: BTreeMap<DeliveryState, i64>,
    credentials: i64,
    token_keys: i64,
    access_tokens: i64,
    events: i64,
    devices: i64,
    key_versions: BTreeMap<u32, i64>,
}

pub(super) async fn held(State(control): State<Control>) -> Result<Json<Held>, Problem> {
    let mut commands = BTreeMap::new();
    for command in control.desk.list(usize::MAX).await? {
        *commands.entry(command.status.state).or_insert(0) += 1;
    }
    let counted = control.desk.store.run(move |tx| {
        let mut outbox = BTreeMap::new();
        for message in Outbox::list(tx, usize::MAX)? {
            *outbox.entry(message.state).or_insert(0) += 1;
        }
        Ok(Held {
            commands,
            outbox,
            credentials: tx.count(Table::Credentials)?,
            token_keys: tx.count(Table::TokenKeys)?,
            access_tokens: tx.count(Table::AccessTokens)?,
            events: tx.count(Table::Events)?,
            devices: tx.count(Table::Devices)?,
            key_versions: tx.versions()?.into_iter().collect(),
        })
    });
    Ok(Json(counted.await?))
}
