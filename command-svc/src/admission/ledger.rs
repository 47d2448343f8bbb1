//! Refusals, counted by minute, and recorded as one summary each. Memory is bounded: when the
//! ledger is full, further names are counted under one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::event::{Actor, AdmissionSummary, Body, Event};
use domain::vocabulary::ActorKind;
use domain::{CallerName, ComplexId, EventId};
use eventlog::Topic;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use service::trace::TraceContext;
use tracing::warn;
use uuid::Uuid;

use crate::recorder::{Recorder, SOURCE};

/// Names, reasons and minutes that are told apart between two recordings.
const MOST: usize = 10_000;
/// Stands for names beyond that.
const OTHERS: &str = "others";

/// By who was refused, why, and in which minute.
type Counts = HashMap<(CallerName, &'static str, Timestamp), u64>;

/// Counts that are not recorded yet.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Counts>);

impl Ledger {
    /// Counts one refusal.
    pub(crate) fn count(&self, limited: CallerName, reason: &'static str) {
        self.count_at(limited, reason, Timestamp::now());
    }

    fn count_at(&self, limited: CallerName, reason: &'static str, now: Timestamp) {
        let down = TimestampRound::new()
            .smallest(Unit::Minute)
            .mode(RoundMode::Floor);
        let minute = now.round(down).unwrap_or(now);
        metrics::counter!("admission_refused_total", "reason" => reason).increment(1);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (limited, reason, minute);
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

    /// Records what was counted since the last time; from the first that can't be recorded on, it is
    /// kept for the next time.
    pub(crate) async fn record(&self, recorder: &Recorder, now: Timestamp) {
        let mut lost = 0;
        for ((limited, reason, minute), count) in self.take() {
            let event = summary(limited.clone(), reason, count, minute, now);
            let (topic, trace) = (Topic::IngressRejected, TraceContext::root());
            if lost > 0 || recorder.record(topic, &event, &trace).await.is_err() {
                lost += 1;
                let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry((limited, reason, minute)).or_default() += count;
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

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    #[test]
    fn refusals_are_summed_up_by_name_reason_and_minute() {
        let ledger = Ledger::default();
        let bff: CallerName = "spiffe://smarthome/bff".parse().unwrap();
        for (reason, time) in [
            ("RATE_LIMITED", "12:00:00"),
            ("RATE_LIMITED", "12:00:59.9"),
            ("BUSY", "12:00:30"),
            ("RATE_LIMITED", "12:01:00"),
        ] {
            ledger.count_at(bff.clone(), reason, at(time));
        }
        let counts = ledger.take();
        let of = |reason, minute| counts[&(bff.clone(), reason, at(minute))];
        assert_eq!(of("RATE_LIMITED", "12:00:00"), 2);
        assert_eq!(of("BUSY", "12:00:00"), 1);
        assert_eq!(of("RATE_LIMITED", "12:01:00"), 1);
        assert!(ledger.take().is_empty(), "each is told once");
    }

    #[test]
    fn a_flood_of_names_is_one_name() {
        let (ledger, now) = (Ledger::default(), at("12:00:00"));
        for number in 0..MOST + 500 {
            ledger.count_at(number.to_string().parse().unwrap(), "RATE_LIMITED", now);
        }
        let counts = ledger.take();
        assert_eq!(counts.len(), MOST + 1);
        assert_eq!(counts[&(OTHERS.parse().unwrap(), "RATE_LIMITED", now)], 500);
    }
}
