//! Counts as `AuditService.AccessStatistics` gives them, put together for pictures.

use std::collections::BTreeMap;

use domain::vocabulary::{Observation, Outcome, Verdict};
use proto::access::{AccessCount, AccessResult, EpochCompleteness};

use super::moment::{Zone, instant};

/// What an hour's accesses came to, at its place in the zone's calendar.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// The day, as it is shown.
    pub(super) day: String,
    /// From Monday, which is 0.
    pub(super) weekday: usize,
    pub(super) hour: usize,
    pub(super) result: AccessResult,
    pub(super) count: u64,
}

/// Counts by hours, placed.
pub(super) fn placed(counts: &[AccessCount], zone: &Zone) -> Vec<Counted> {
    let place = |count: &AccessCount| {
        let (day, weekday, hour) = zone.place(instant(count.begins_at.as_ref()?)?);
        Some(Counted {
            day,
            weekday,
            hour,
            result: count.result?,
            count: count.count,
        })
    };
    counts.iter().filter_map(place).collect()
}

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
pub(super) fn week(counts: &[Counted]) -> [[u64; 24]; 7] {
    let mut week = [[0; 24]; 7];
    for one in counts {
        let cell = week
            .get_mut(one.weekday)
            .and_then(|day| day.get_mut(one.hour));
        if let Some(cell) = cell.filter(|_| Series::of(&one.result) == Some(Series::LetIn)) {
            *cell += one.count;
        }
    }
    week
}

/// What each day came to; days without anything are left out.
pub(super) fn days(counts: &[Counted]) -> BTreeMap<&str, Amounts> {
    let mut days: BTreeMap<&str, Amounts> = BTreeMap::new();
    for one in counts {
        let Some(series) = Series::of(&one.result) else {
            continue;
        };
        let day = days.entry(&one.day).or_default();
        if let Some(amount) = day.get_mut(series as usize) {
            *amount += one.count;
        }
    }
    days
}

/// How often each of what `of` picks out was, the most frequent first.
pub(super) fn by(counts: &[Counted], of: impl Fn(&AccessResult) -> Option<i32>) -> Vec<(i32, u64)> {
    let mut sums: BTreeMap<i32, u64> = BTreeMap::new();
    for one in counts {
        if let Some(number) = of(&one.result) {
            *sums.entry(number).or_default() += one.count;
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

    fn count(weekday: usize, hour: usize, result: AccessResult, count: u64) -> Counted {
        Counted {
            day: "2026-11-28".to_owned(),
            weekday,
            hour,
            result,
            count,
        }
    }

    #[test]
    fn a_day_is_told_by_what_its_accesses_came_to() {
        let ended = |outcome: Outcome| AccessResult {
            outcome: outcome.number(),
            ..AccessResult::default()
        };
        let counts = [
            (seen(Observation::Granted), 1),
            (seen(Observation::Denied), 2),
            (ended(Outcome::Rejected), 4),
            (ended(Outcome::Unknown), 8),
            (ended(Outcome::Executed), 16),
            (seen(Observation::ForcedOpen), 32),
        ];
        let counts = counts.map(|(result, amount)| count(0, 0, result, amount));
        assert_eq!(
            days(&counts),
            BTreeMap::from([("2026-11-28", [1, 2, 0, 12])])
        );
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
            count(0, 0, seen(Observation::Granted), 3),
            count(6, 23, seen(Observation::Granted), 2),
            count(6, 23, executed, 9),
            count(6, 23, allowed, 9),
            count(6, 23, denied, 4),
            count(7, 24, seen(Observation::Granted), 1),
        ];
        let week = week(&counts);
        assert_eq!((week[0][0], week[6][23]), (3, 2));
        assert_eq!(week.iter().flatten().sum::<u64>(), 5);
        assert_eq!(by(&counts, denial), [(2, 4)]);
        assert_eq!(by(&counts, automation), [(1, 6)]);
    }

    #[test]
    fn an_hour_stands_where_the_zones_clocks_have_it() {
        let counts = [AccessCount {
            begins_at: Some(prost_types::Timestamp {
                // Friday evening in London.
                seconds: 1_795_816_800,
                nanos: 0,
            }),
            result: Some(AccessResult::default()),
            count: 1,
            ..AccessCount::default()
        }];
        let placed = placed(&counts, &Zone::named("Europe/Moscow"));
        let told: Vec<_> = placed
            .iter()
            .map(|one| (one.day.as_str(), one.weekday, one.hour))
            .collect();
        assert_eq!(told, [("2026-11-28", 5, 1)]);
    }
}
