//! Filling gaps: what a partner did not deliver is asked for, and what it can't give is recorded.
//!
//! Every instance does it by itself, at moments that chance sets apart: what two of them bring at
//! once is the same event twice, which every fold counts once.

mod config;
mod plan;
mod round;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::completeness::OpenGap;
use domain::event::{Actor, Body, DeliveryGap, Event};
use domain::vocabulary::{ActorKind, GapReason};
use domain::{ComplexId, EventId};
use eventlog::Topic;
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge};
use partner::EventsClient;
use records::{EventReader, to_record};
use service::trace::TraceContext;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use config::BackfillConfig;

use self::round::{Ended, Place, round};
use crate::completeness::Watch;
use crate::gateway::Gateway;
use crate::record::SOURCE;

/// What one partner's gaps are filled with.
struct Backfill {
    gateway: Arc<Gateway>,
    watch: Arc<Watch>,
    client: EventsClient,
    after: Duration,
    give_up: Duration,
    places: HashMap<ComplexId, Place>,
}

/// Starts looking for gaps, until `shutdown`.
///
/// # Errors
/// A partner's certificate files can't be used.
pub(crate) fn start(
    config: &BackfillConfig,
    gateway: &Arc<Gateway>,
    reader: &Arc<EventReader>,
    reload_every: Duration,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let from = (gateway.clock)() - signed(config.window);
    let watch = Arc::new(Watch::spawn(&gateway.log, reader, from, shutdown));
    for partner in &config.partners {
        let client = EventsClient::new(partner.clone())
            .with_context(|| format!("`backfill.partners`: `{}`", partner.partner))?;
        let reload = Arc::clone(client.tls()).reload_every(reload_every);
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(reload));
        let work = Backfill {
            gateway: Arc::clone(gateway),
            watch: Arc::clone(&watch),
            client,
            after: config.after,
            give_up: config.give_up,
            places: HashMap::new(),
        };
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(work.run()));
    }
    Ok(())
}

impl Backfill {
    /// Looks again and again; never returns.
    async fn run(mut self) {
        self.watch.hydrated().await;
        loop {
            if !self.look().await {
                sleep(self.after.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
            }
        }
    }

    /// Asks for every gap that is due. True if there is more to read at once.
    async fn look(&mut self) -> bool {
        let now = (self.gateway.clock)();
        let open = self.watch.read(|fold| fold.open());
        self.tell_metrics(&open);
        let mut more = false;
        for (complex, gaps) in plan::due(open, self.client.partner(), now, signed(self.after)) {
            more |= self.ask(&complex, &gaps, now).await;
        }
        more
    }

    async fn ask(&mut self, complex: &ComplexId, gaps: &[OpenGap], now: Timestamp) -> bool {
        let mut place = self.places.remove(complex).unwrap_or_default();
        let partner = self.client.partner();
        let asked = round(
            &self.gateway,
            &self.watch,
            &self.client,
            complex,
            &mut place,
        )
        .await;
        let more = match asked {
            Ok(Ended::More) => true,
            Ok(Ended::Exhausted) => {
                // What the round brought has to be folded before what is left is judged.
                self.watch.caught_up().await;
                let oldest = place.oldest.take();
                self.record(complex, now, self.after, |gap| {
                    Some(plan::why(gap, oldest.as_ref()))
                })
                .await;
                false
            }
            Err(error) => {
                tracing::warn!(
                    %partner, %complex, gaps = gaps.len(), %error,
                    "gaps stay open: the partner can't be asked for what is missing; trying again"
                );
                let untold = |gap: &OpenGap| (!gap.told).then_some(GapReason::PartnerUnreachable);
                self.record(complex, now, self.give_up, untold).await;
                false
            }
        };
        self.places.insert(complex.clone(), place);
        more
    }

    /// Records the gaps of a complex that had stood open for `age` at `now` and still do.
    async fn record(
        &self,
        complex: &ComplexId,
        now: Timestamp,
        age: Duration,
        why: impl Fn(&OpenGap) -> Option<GapReason>,
    ) {
        let open = self.watch.read(|fold| fold.open());
        let partner = self.client.partner();
        let mut due = plan::due(open, partner, now, signed(age));
        for gap in due.remove(complex).unwrap_or_default() {
            let Some(reason) = why(&gap) else { continue };
            let event = unfilled(&gap, reason, (self.gateway.clock)());
            let record = to_record(&event, Some(TraceContext::root().to_string()), SOURCE);
            if let Err(error) = self.gateway.log.append(Topic::AccessEvents, record).await {
                // It is open still, so the next round says it.
                tracing::warn!(%partner, %complex, %error, "a gap is not recorded; trying again");
                return;
            }
            let labels = [
                ("partner", partner.to_string()),
                ("reason", reason.as_str().to_ascii_lowercase()),
            ];
            counter!("webhook_gaps_unfilled_total", &labels).increment(1);
            tracing::warn!(
                %partner, device = %gap.device, epoch = gap.epoch,
                first = gap.span.first, last = gap.span.last, reason = reason.as_str(),
                "events are missing and can't be had; ask the partner what became of them"
            );
        }
        // So that the next look knows what was said.
        self.watch.caught_up().await;
    }

    fn tell_metrics(&self, open: &[OpenGap]) {
        let partner = self.client.partner();
        let own = open.iter().filter(|gap| gap.partner == *partner);
        let count = u32::try_from(own.count()).unwrap_or(u32::MAX);
        gauge!("webhook_gaps_open", "partner" => partner.to_string()).set(count);
        let given_up = self.watch.read(|fold| fold.given_up());
        counter!("webhook_gaps_given_up_total").absolute(given_up);
    }
}

/// The record of a gap that can't be filled.
fn unfilled(gap: &OpenGap, reason: GapReason, now: Timestamp) -> Event {
    let id = EventId(Uuid::now_v7());
    Event {
        id,
        occurred_at: now,
        complex: gap.device.complex(),
        device: Some(gap.device.clone()),
        actor: Actor {
            kind: ActorKind::Service,
            subject: None,
            caller: "webhook-gw".to_owned(),
        },
        correlation: id.to_string(),
        body: Body::DeliveryGap(DeliveryGap {
            partner: gap.partner.clone(),
            epoch: gap.epoch,
            first: gap.span.first,
            last: gap.span.last,
            reason,
            detected_at: gap.since,
        }),
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
