//! What is counted, timed and logged. Never a body, never a value from one: only ids that were
//! checked, the contract's own words, and pointers to fields.

use std::time::Duration;

use axum::http::StatusCode;
use domain::PartnerId;
use domain::event::Body;
use metrics::{Gauge, counter, gauge, histogram};

use crate::judge::Judgement;
use crate::listen::Cut;

/// Stands for whoever's certificate names no partner that may send.
const NOBODY: &str = "none";

/// Refusals that come in any number where too much is asked.
const OVERLOAD: [&str; 2] = ["busy", "queue_full"];

/// Counts in a gauge for as long as it lives.
pub(crate) struct Held {
    gauge: Gauge,
    count: usize,
}

impl Held {
    pub(crate) fn new(gauge: Gauge, count: usize) -> Self {
        gauge.increment(count as f64);
        Self { gauge, count }
    }

    /// Counts so much less.
    pub(crate) fn give_back(&mut self, count: usize) {
        self.gauge.decrement(count as f64);
        self.count -= count;
    }

    /// Counts what another one of the same gauge does.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.count += std::mem::take(&mut other.count);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.decrement(self.count as f64);
    }
}

/// A request is in flight.
pub(crate) fn in_flight() -> Held {
    Held::new(gauge!("webhook_requests_in_flight"), 1)
}

/// A partner's connection, or nobody's, is open.
pub(crate) fn connection(partner: Option<&PartnerId>) -> Held {
    let partner = partner.map_or(NOBODY, PartnerId::as_str).to_owned();
    Held::new(gauge!("webhook_connections", "partner" => partner), 1)
}

/// A connection was refused after its handshake, as its partner has as many as it may.
pub(crate) fn connection_refused(partner: Option<&PartnerId>) {
    let partner = partner.map_or(NOBODY, PartnerId::as_str);
    counter!("webhook_connections_refused_total", "partner" => partner.to_owned()).increment(1);
    tracing::info!(partner, "too many connections; one was closed");
}

/// A connection waited too long for a request.
pub(crate) fn connection_cut(cut: Cut) {
    let reason = match cut {
        Cut::SlowHeaders => "slow_headers",
        Cut::Idle => "idle",
    };
    counter!("webhook_connections_cut_total", "reason" => reason).increment(1);
    tracing::debug!(reason, "a connection was closed");
}

/// One event was judged and its record is durable.
pub(crate) fn judged(partner: &PartnerId, kind: &'static str, judgement: &Judgement) {
    match judgement {
        Judgement::Accepted(event) => {
            counter!("webhook_events_total", "type" => kind, "verdict" => "accepted").increment(1);
            if matches!(&event.body, Body::AccessObserved(observed) if observed.late) {
                counter!("webhook_late_events_total", "type" => kind).increment(1);
            }
        }
        Judgement::Rejected(rejection) => {
            let reason = rejection.fault.reason.as_str();
            counter!("webhook_events_total", "type" => kind, "verdict" => "rejected").increment(1);
            counter!("webhook_rejections_total", "reason" => reason).increment(1);
            tracing::info!(%partner, kind, reason, path = %rejection.fault.path, "event rejected");
        }
    }
}

/// A request was refused whole.
pub(crate) fn refused(reason: &'static str, status: StatusCode) {
    counter!("webhook_refusals_total", "reason" => reason).increment(1);
    if OVERLOAD.contains(&reason) {
        // Writing a line for each would take what is lacking.
        tracing::debug!(reason, "request not taken");
    } else if status.is_server_error() {
        tracing::warn!(reason, "request not taken");
    } else {
        tracing::info!(reason, "request refused");
    }
}

/// A request was answered.
pub(crate) fn answered(status: StatusCode, took: Duration) {
    histogram!("webhook_request_seconds").record(took.as_secs_f64());
    counter!("webhook_requests_total", "status" => status.as_str().to_owned()).increment(1);
}
