//! One round of asking: a partner's events of one complex, page by page, to the end.

use std::time::Duration;

use domain::ComplexId;
use domain::completeness::Standing;
use jiff::Timestamp;
use metrics::counter;
use partner::events::{Asked, EventCursor};
use partner::{CallError, EventsClient};
use service::trace::TraceContext;
use tokio::time::Instant;

use super::plan::Oldest;
use crate::completeness::Watch;
use crate::event::{self, CloudEvent, Format};
use crate::gateway::{Gateway, NotTaken};

/// How long a partner may take to give a page.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages of one round. What is left then comes in the next.
const PAGES: usize = 50;

/// Where a partner's events of a complex were read to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    cursor: Option<EventCursor>,
    /// Set while this is the first time through all that the partner keeps.
    pub(super) oldest: Option<Oldest>,
}

impl Default for Place {
    /// At the beginning.
    fn default() -> Self {
        Self {
            cursor: None,
            oldest: Some(Oldest::new()),
        }
    }
}

/// How a round ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The partner has no more.
    Exhausted,
    /// There is more to read.
    More,
}

/// Why a round broke off. What it had read until then is recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The partner.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Ourselves.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// Its perimeter.
    #[error("the partner's perimeter in this complex is not in force; open it, or ignore the gap")]
    OutOfPerimeter,
}

/// Reads on from `place`, and records what was missing. A page counts as read only once all of it
/// that was missing is durable.
pub(super) async fn round(
    gateway: &Gateway,
    watch: &Watch,
    client: &EventsClient,
    complex: &ComplexId,
    place: &mut Place,
) -> Result<Ended, Broken> {
    if !gateway.registry.is_fresh() {
        return Err(NotTaken::RegistryStale.into());
    }
    let partner = client.partner();
    let now = (gateway.clock)();
    let admitted = gateway
        .registry
        .read(|registry, _| registry.in_perimeter(partner, complex, now));
    if !admitted {
        return Err(Broken::OutOfPerimeter);
    }
    for _ in 0..PAGES {
        let deadline = Instant::now() + PATIENCE;
        let asked = client.events(complex, place.cursor.as_ref(), deadline);
        let page = match asked.await? {
            Asked::Page(page) => page,
            Asked::CursorExpired => {
                tracing::warn!(%partner, %complex, "events behind our place are deleted at the partner; reading all that it keeps");
                *place = Place::default();
                continue;
            }
        };
        if page.events.is_empty() {
            place.cursor = Some(page.next);
            return Ok(Ended::Exhausted);
        }
        // A page that leads to itself would never end.
        if place.cursor.as_ref() == Some(&page.next) {
            return Err(CallError::Unintelligible.into());
        }
        take(gateway, watch, client, &page.events, place, now).await?;
        place.cursor = Some(page.next);
    }
    Ok(Ended::More)
}

/// Records what of a page was missing.
async fn take(
    gateway: &Gateway,
    watch: &Watch,
    client: &EventsClient,
    texts: &[String],
    place: &mut Place,
    now: Timestamp,
) -> Result<(), Broken> {
    let partner = client.partner();
    let mut missing: Vec<CloudEvent<'_>> = Vec::new();
    for text in texts {
        // What is no CloudEvent has no place in any order, so it closes no gap either.
        let Ok(events) = event::parse(Format::Single, text.as_bytes(), 1) else {
            tracing::warn!(%partner, "the partner keeps something that is no CloudEvent; it is left out");
            continue;
        };
        for event in events {
            let Some((device, sequence)) = event.device_order() else {
                continue;
            };
            let standing = watch.read(|fold| fold.standing(partner, &device, sequence));
            if matches!(standing, Standing::Missing | Standing::Ahead) {
                missing.push(event);
            }
            if let Some(oldest) = &mut place.oldest {
                let of = oldest.entry((device, sequence.epoch));
                let first = of.or_insert(sequence.sequence);
                *first = sequence.sequence.min(*first);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let trace = TraceContext::root();
    let verdicts = gateway.record(partner, missing, now, &trace).await?;
    let count = u64::try_from(verdicts.len()).unwrap_or(u64::MAX);
    counter!("webhook_backfilled_events_total", "partner" => partner.to_string()).increment(count);
    tracing::info!(%partner, count, "events that were missing are recorded");
    Ok(())
}
