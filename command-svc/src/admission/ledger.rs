//! Refusals of one minute, counted, and recorded as one summary each. Memory is bounded: when the
//! ledger is full, further names are counted under one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::event::{Actor, AdmissionSummary, Body, Event};
use domain::vocabulary::ActorKind;
use domain::{CallerName, ComplexId, EventId};
use eventlog::Topic;
use jiff::{Timestamp, Unit};
use service::trace::TraceContext;
use tracing::warn;
use uuid::Uuid;

use crate::recorder::{Recorder, SOURCE};

/// Names and reasons that are told apart in one minute.
const MOST: usize = 10_000;
/// Stands for names beyond that.
const OTHERS: &str = "others";

type Counts = HashMap<(CallerName, &'static str), u64>;

/// Counts of the present minute.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Counts>);

impl Ledger {
    /// Counts one refusal.
    pub(crate) fn count(&self, limited: CallerName, reason: &'static str) {
        metrics::counter!("admission_refused_total", "reason" => reason).increment(1);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (limited, reason);
        if counts.len() >= MOST && !counts.contains_key(&key) {
            let Ok(others) = OTHERS.parse() else {
                return;
            };
            key.0 = others;
        }
        *counts.entry(key).or_default() += 1;
    }

    /// Takes what was counted.
    fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records what was counted since the last time; what can't be recorded is counted again.
    pub(crate) async fn record(self: &Arc<Self>, recorder: &Recorder, now: Timestamp) {
        let minute = now.round(Unit::Minute).unwrap_or(now);
        let minute = if minute > now {
            minute - jiff::SignedDuration::from_mins(1)
        } else {
            minute
        };
        let mut lost = 0;
        for ((limited, reason), count) in self.take() {
            let event = summary(limited.clone(), reason, count, minute, now);
            let recorded = recorder
                .record(Topic::IngressRejected, &event, &TraceContext::root())
                .await;
            if recorded.is_err() {
                lost += 1;
                let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry((limited, reason)).or_default() += count;
            }
        }
        if lost > 0 {
            warn!(
                lost,
                "admission summaries not recorded yet; tried again in a minute"
            );
        }
    }
}

fn summary(
    limited: CallerName,
    reason: &str,
    count: u64,
    minute: Timestamp,
    now: Timestamp,
) -> Event {
    let id = EventId(Uuid::now_v7());
    Event {
        id,
        occurred_at: now,
        complex: ComplexId::unassigned(),
        device: None,
        actor: Actor {
            kind: ActorKind::Service,
            subject: None,
            caller: SOURCE.to_owned(),
        },
        correlation: id.0.to_string(),
        body: Body::AdmissionSummary(AdmissionSummary {
            limited,
            reason: reason.to_owned(),
            count,
            minute,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn refusals_are_summed_up_by_name_and_reason() {
        let ledger = Ledger::default();
        let bff: CallerName = "spiffe://smarthome/bff".parse().unwrap();
        for _ in 0..3 {
            ledger.count(bff.clone(), "RATE_LIMITED");
        }
        ledger.count(bff.clone(), "BUSY");
        let counts = ledger.take();
        assert_eq!(counts[&(bff.clone(), "RATE_LIMITED")], 3);
        assert_eq!(counts[&(bff, "BUSY")], 1);
        assert!(ledger.take().is_empty(), "each is told once");
    }

    #[test]
    fn a_flood_of_names_is_one_name() {
        let ledger = Ledger::default();
        for number in 0..MOST + 500 {
            ledger.count(number.to_string().parse().unwrap(), "RATE_LIMITED");
        }
        let counts = ledger.take();
        assert_eq!(counts.len(), MOST + 1);
        assert_eq!(counts[&(OTHERS.parse().unwrap(), "RATE_LIMITED")], 500);
    }
}
