//! Counts as `AuditService.AccessStatistics` gives them, put together for pictures.

use std::collections::BTreeMap;

use domain::vocabulary::{Observation, Outcome, Verdict};
use proto::access::{AccessCount, AccessResult, EpochCompleteness};

/// What a day's accesses came to, in the order in which they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// Let in, as the partner reports.
    LetIn = 0,
    /// Refused at the device, as the partner reports.
    RefusedAtDevice = 1,
    /// Commands that were denied.
    Denied = 2,
    /// Commands that were allowed and did not open, or of which nobody knows.
    Failed = 3,
}

impl Series {
    /// Which it is; none for what is in no series: an ALLOW is counted by its outcome, an EXECUTED
    /// by the partner's event.
    fn of(result: &AccessResult) -> Option<Self> {
        match Observation::from_number(result.observation) {
            Some(Observation::Granted) => return Some(Self::LetIn),
            Some(Observation::Denied) => return Some(Self::RefusedAtDevice),
            _ => {}
        }
        let outcome = Outcome::from_number(result.outcome);
        if outcome.is_some_and(|outcome| outcome != Outcome::Executed) {
            return Some(Self::Failed);
        }
        (result.verdict == Verdict::Deny.number()).then_some(Self::Denied)
    }
}

/// How often each was, by index of [`Series`].
pub(super) type Amounts = [u64; 4];

/// Openings by weekday (Monday first) and hour.
pub(super) fn week(counts: &[AccessCount]) -> [[u64; 24]; 7] {
    let mut week = [[0; 24]; 7];
    for count in counts {
        let Some(result) = &count.result else {
            continue;
        };
        if Series::of(result) != Some(Series::LetIn) {
            continue;
        }
        let day = count
            .weekday
            .checked_sub(1)
            .and_then(|day| usize::try_from(day).ok());
        let hour = usize::try_from(count.hour).ok();
        let cell = day
            .zip(hour)
            .and_then(|(day, hour)| week.get_mut(day)?.get_mut(hour));
        if let Some(cell) = cell {
            *cell += count.count;
        }
    }
    week
}

/// What each day came to, by when it begins in seconds since 1970; days without anything are left
/// out.
pub(super) fn days(counts: &[AccessCount]) -> BTreeMap<i64, Amounts> {
    let mut days: BTreeMap<i64, Amounts> = BTreeMap::new();
    for count in counts {
        let series = count.result.as_ref().and_then(Series::of);
        let (Some(series), Some(begin)) = (series, &count.begins_at) else {
            continue;
        };
        let day = days.entry(begin.seconds).or_default();
        if let Some(amount) = day.get_mut(series as usize) {
            *amount += count.count;
        }
    }
    days
}

/// How often each of what `of` picks out was, the most frequent first.
pub(super) fn by(
    counts: &[AccessCount],
    of: impl Fn(&AccessResult) -> Option<i32>,
) -> Vec<(i32, u64)> {
    let mut sums: BTreeMap<i32, u64> = BTreeMap::new();
    for count in counts {
        if let Some(number) = count.result.as_ref().and_then(&of) {
            *sums.entry(number).or_default() += count.count;
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(number, count)| (std::cmp::Reverse(*count), *number));
    sums
}

/// The automation of an opening.
pub(super) fn automation(result: &AccessResult) -> Option<i32> {
    (Series::of(result) == Some(Series::LetIn)).then_some(result.automation)
}

/// The way of an opening.
pub(super) fn method(result: &AccessResult) -> Option<i32> {
    (Series::of(result) == Some(Series::LetIn)).then_some(result.method)
}

/// The reason of a denial.
pub(super) fn denial(result: &AccessResult) -> Option<i32> {
    (Series::of(result) == Some(Series::Denied)).then_some(result.reason)
}

/// Received and expected events of each device, over its epochs.
pub(super) fn completeness(epochs: &[EpochCompleteness]) -> BTreeMap<String, (u64, u64)> {
    let mut devices: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for epoch in epochs {
        let device = devices.entry(epoch.device_id.clone()).or_default();
        device.0 += epoch.received;
        device.1 += epoch.expected;
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(weekday: u32, hour: u32, result: AccessResult, count: u64) -> AccessCount {
        AccessCount {
            weekday,
            hour,
            result: Some(result),
            count,
            ..AccessCount::default()
        }
    }

    #[test]
    fn a_day_is_told_by_what_its_accesses_came_to() {
        let ended = |outcome: Outcome| AccessResult {
            outcome: outcome.number(),
            ..AccessResult::default()
        };
        let results = [
            (seen(Observation::Granted), 1),
            (seen(Observation::Denied), 2),
            (ended(Outcome::Rejected), 4),
            (ended(Outcome::Unknown), 8),
            (ended(Outcome::Executed), 16),
            (seen(Observation::ForcedOpen), 32),
        ];
        let counts = results.map(|(result, amount)| AccessCount {
            begins_at: Some(prost_types::Timestamp {
                seconds: 7,
                nanos: 0,
            }),
            ..count(0, 0, result, amount)
        });
        assert_eq!(days(&counts), BTreeMap::from([(7, [1, 2, 0, 12])]));
    }

    fn seen(observation: Observation) -> AccessResult {
        AccessResult {
            observation: observation.number(),
            automation: 1,
            ..AccessResult::default()
        }
    }

    #[test]
    fn an_opening_by_command_is_counted_once() {
        let executed = AccessResult {
            outcome: Outcome::Executed.number(),
            ..AccessResult::default()
        };
        let allowed = AccessResult {
            verdict: Verdict::Allow.number(),
            ..AccessResult::default()
        };
        let denied = AccessResult {
            verdict: Verdict::Deny.number(),
            reason: 2,
            ..AccessResult::default()
        };
        let counts = [
            count(1, 0, seen(Observation::Granted), 3),
            count(7, 23, seen(Observation::Granted), 2),
            count(7, 23, executed, 9),
            count(7, 23, allowed, 9),
            count(7, 23, denied, 4),
            count(8, 24, seen(Observation::Granted), 1),
        ];
        let week = week(&counts);
        assert_eq!((week[0][0], week[6][23]), (3, 2));
        assert_eq!(week.iter().flatten().sum::<u64>(), 5);
        assert_eq!(by(&counts, denial), [(2, 4)]);
        assert_eq!(by(&counts, automation), [(1, 6)]);
    }
}
