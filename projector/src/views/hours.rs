//! What is counted by hours: one row for each decision, definite outcome and partner's event, however
//! often it was said. Counting is for whoever reads; a count that is kept would depend on what was written
//! twice.

use domain::event::{AccessDecided, AccessObserved, CommandCompleted, Event};
use domain::vocabulary::{Method, Outcome};
use eventlog::Record;
use jiff::Timestamp;
use proto::access::AccessResult;

use super::rows::{AccessIdentity, HourRow, RowWrite};

const HOUR: i64 = 3600;

/// The latencies that are told apart, in milliseconds: few, so that what took about as long is one count.
pub const LATENCIES: [u32; 10] = [25, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];
/// The latency of what took longer, or was not answered in time.
pub const TOO_LATE: u32 = u32::MAX;

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
            partner_latency_ms: latency(completed),
            ..AccessResult::default()
        };
        let identity = format!("outcome/{}", completed.command);
        row(record, event, event.occurred_at, identity, result)
    })
}

/// How long the partner took to answer, as one of [`LATENCIES`]; [`TOO_LATE`] where only its cancel fence
/// told, 0 where it was not asked by whoever recorded this.
fn latency(completed: &CommandCompleted) -> u32 {
    let answered = matches!(completed.outcome, Outcome::Executed | Outcome::Rejected);
    match completed.latency_ms {
        _ if completed.reconciled => 0,
        0 if !answered => 0,
        _ if completed.fenced => TOO_LATE,
        taken => {
            let bound = LATENCIES.into_iter().find(|bound| taken <= *bound);
            bound.unwrap_or(TOO_LATE)
        }
    }
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

#[cfg(test)]
mod tests {
    use domain::id::CommandId;
    use domain::vocabulary::Reason;
    use uuid::Uuid;

    use super::*;

    fn ended(outcome: Outcome, latency_ms: u32) -> CommandCompleted {
        CommandCompleted {
            command: CommandId(Uuid::nil()),
            outcome,
            reason: Reason::PartnerExecuted,
            partner_code: String::new(),
            partner_ref: String::new(),
            latency_ms,
            reconciled: false,
            fenced: false,
            second_inputs: None,
        }
    }

    #[test]
    fn what_a_partner_took_is_a_bound_that_it_kept() {
        let taken = |ms| latency(&ended(Outcome::Executed, ms));
        assert_eq!(
            [0, 25, 26, 1_000, 30_000].map(taken),
            [25, 25, 50, 1_000, 30_000]
        );
        assert_eq!(taken(30_001), TOO_LATE);
        // A refusal of the connection took no answer; one of the device did.
        assert_eq!(latency(&ended(Outcome::NotExecuted, 0)), 0);
        assert_eq!(latency(&ended(Outcome::NotExecuted, 7)), 25);
        let fenced = CommandCompleted {
            fenced: true,
            ..ended(Outcome::NotExecuted, 7)
        };
        assert_eq!(latency(&fenced), TOO_LATE);
        let reconciled = CommandCompleted {
            reconciled: true,
            ..fenced
        };
        assert_eq!(latency(&reconciled), 0, "nobody has measured it");
    }
}
