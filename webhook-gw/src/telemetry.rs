//! What is counted, timed and logged. Never a body, never a value from one: only ids that were
//! checked, the contract's own words, and pointers to fields.

use std::time::Duration;

use axum::http::StatusCode;
use domain::PartnerId;
use domain::event::Body;
use metrics::{counter, histogram};

use crate::judge::Judgement;

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
    if status.is_server_error() {
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
