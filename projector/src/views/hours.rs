//! What is counted by hours: one row for each decision, definite outcome and partner's event, however
//! often it was said. Counting is for whoever reads; a count that is kept would depend on what was written
//! twice.

use domain::event::{AccessDecided, AccessObserved, CommandCompleted, Event};
use domain::vocabulary::Method;
use eventlog::Record;
use jiff::Timestamp;
use proto::access::AccessResult;

use super::rows::{AccessIdentity, HourRow, RowWrite};

const HOUR: i64 = 3600;

/// The hour that an instant lies in, counted since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR)
}

/// When an hour begins; none for what no clock shows.
pub fn begin_of(hour: i64) -> Option<Timestamp> {
    Timestamp::from_second(hour.checked_mul(HOUR)?).ok()
}

/// The row of a decision, in the hour of its key: all claims to a command have the same.
pub(crate) fn decided(record: &Record, event: &Event, decided: &AccessDecided) -> RowWrite {
    let method = Method::Remote;
    let result = AccessResult {
        verdict: decided.verdict.number(),
        reason: decided.reason.number(),
        automation: method.automation().number(),
        method: method.number(),
        ..AccessResult::default()
    };
    let identity = format!("decision/{}", decided.command);
    row(record, event, decided.key_time, identity, result)
}

/// The row of an outcome, if it is one.
pub(crate) fn completed(
    record: &Record,
    event: &Event,
    completed: &CommandCompleted,
) -> Option<RowWrite> {
    completed.outcome.is_definite().then(|| {
        let result = AccessResult {
            outcome: completed.outcome.number(),
            ..AccessResult::default()
        };
        let identity = format!("outcome/{}", completed.command);
        row(record, event, event.occurred_at, identity, result)
    })
}

/// The row of a partner's event.
pub(crate) fn observed(record: &Record, event: &Event, observed: &AccessObserved) -> RowWrite {
    let automation = observed.automation();
    let result = AccessResult {
        observation: observed.observation.number(),
        automation: automation.map_or(0, |automation| automation.number()),
        method: observed.method.map_or(0, Method::number),
        ..AccessResult::default()
    };
    let identity = AccessIdentity::of_partner_event(&observed.partner, &observed.partner_event_id);
    let identity = identity.as_str().to_owned();
    row(record, event, event.occurred_at, identity, result)
}

fn row(
    record: &Record,
    event: &Event,
    at: Timestamp,
    identity: String,
    result: AccessResult,
) -> RowWrite {
    RowWrite::Hour(HourRow {
        complex: event.complex.clone(),
        hour: hour_of(at),
        identity,
        offset: record.position.offset,
        device: event.device.clone(),
        result,
    })
}
