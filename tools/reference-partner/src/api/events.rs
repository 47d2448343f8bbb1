//! `GET /v1/complexes/{complex}/events`: backfill.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Api;
use super::extract::{InComplex, Paging, bad_cursor};
use crate::events::Page;
use crate::oauth::{Grant, Scope};
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

#[derive(Serialize)]
pub(super) struct EventPage {
    events: Vec<Box<RawValue>>,
    next: String,
}

pub(super) async fn list(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
    paging: Paging<100, 500>,
) -> Result<Json<EventPage>, Problem> {
    grant.require(Scope::EventsRead)?;
    grant.require_complex(&complex)?;
    let book = api.desk.book.clone();
    let page = api
        .desk
        .store
        .run(move |tx| book.page(tx, &complex, paging.after.as_deref(), paging.limit));
    match page.await? {
        Page::Events(events, next) => {
            let events = events
                .into_iter()
                .map(RawValue::from_string)
                .collect::<Result<_, _>>();
            Ok(Json(EventPage {
                events: events.map_err(StoreError::from)?,
                next,
            }))
        }
        Page::UnknownCursor => Err(bad_cursor()),
        Page::CursorExpired => Err(Problem::new(
            Kind::CursorExpired,
            "Start again without after; what lies between is lost.",
        )),
    }
}
