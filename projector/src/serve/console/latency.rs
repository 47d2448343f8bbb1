//! How long partners took to answer, from the bounds under which their answers are counted
//! (`AccessResult.partner_latency_ms`).

use std::collections::BTreeMap;

use super::lang::Lang;
use super::tally::Counted;
use crate::views::hours::{LATENCIES, TOO_LATE};

/// Commands with which a partner was asked: how many it answered within each bound.
#[derive(Clone, Debug, Default)]
pub(super) struct Latency {
    counts: BTreeMap<u32, u64>,
}

impl Latency {
    fn add(&mut self, one: &Counted) {
        if one.result.partner_latency_ms > 0 {
            *self
                .counts
                .entry(one.result.partner_latency_ms)
                .or_default() += one.count;
        }
    }

    /// How many there were.
    pub(super) fn asked(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many were not answered in time.
    pub(super) fn late(&self) -> u64 {
        self.counts.get(&TOO_LATE).copied().unwrap_or(0)
    }

    /// The bound within which so many of a hundred were answered; none of none.
    pub(super) fn within(&self, percent: u64) -> Option<u32> {
        let rank = (self.asked() * percent).div_ceil(100);
        let mut answered = 0;
        let mut bounds = self.counts.iter();
        let reached = bounds.find(|(_, count)| {
            answered += **count;
            answered >= rank
        });
        reached.map(|(bound, _)| *bound)
    }
}

/// A line of a table, and what is drawn of it.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) asked: u64,
    pub(super) late: u64,
    pub(super) median: String,
    pub(super) most: String,
    /// How high median and 95 of a hundred stand, from 1; none where nothing was asked.
    pub(super) levels: Option<(usize, usize)>,
}

impl Line {
    pub(super) fn of(lang: Lang, name: String, of: &Latency) -> Self {
        let (median, most) = (of.within(50), of.within(95));
        let text = |bound: Option<u32>| bound.map_or("—".to_owned(), |bound| told(lang, bound));
        Self {
            name,
            asked: of.asked(),
            late: of.late(),
            median: text(median),
            most: text(most),
            levels: median.zip(most).map(|(a, b)| (level(a), level(b))),
        }
    }
}

/// Of all, by hour of the day, and by day.
pub(super) fn latencies(counts: &[Counted]) -> (Latency, [Latency; 24], BTreeMap<&str, Latency>) {
    let mut all = Latency::default();
    let mut hours: [Latency; 24] = Default::default();
    let mut days: BTreeMap<&str, Latency> = BTreeMap::new();
    for one in counts {
        all.add(one);
        days.entry(&one.day).or_default().add(one);
        if let Some(hour) = hours.get_mut(one.hour) {
            hour.add(one);
        }
    }
    (all, hours, days)
}

/// A bound in words.
pub(super) fn told(lang: Lang, bound: u32) -> String {
    match bound {
        TOO_LATE => lang.t("not in time", "не вовремя").to_owned(),
        0..1_000 => format!("≤ {bound} {}", lang.t("ms", "мс")),
        _ => format!("≤ {} {}", bound / 1_000, lang.t("s", "с")),
    }
}

/// The place of a bound among the bounds, from 1.
fn level(bound: u32) -> usize {
    let place = LATENCIES.iter().position(|one| bound <= *one);
    place.unwrap_or(LATENCIES.len()) + 1
}

#[cfg(test)]
mod tests {
    use proto::access::AccessResult;

    use super::*;

    fn answered(hour: usize, partner_latency_ms: u32, count: u64) -> Counted {
        Counted {
            day: "2026-11-28".to_owned(),
            weekday: 5,
            hour,
            result: AccessResult {
                partner_latency_ms,
                ..AccessResult::default()
            },
            count,
        }
    }

    #[test]
    fn what_half_and_most_answers_took_is_told_by_bounds() {
        let counts = [
            answered(3, 25, 50),
            answered(3, 200, 44),
            answered(3, 5_000, 4),
            answered(3, TOO_LATE, 2),
            // Decisions, reports, and what nobody measured.
            answered(3, 0, 1_000),
            answered(4, TOO_LATE, 1),
        ];
        let (all, hours, days) = latencies(&counts);
        assert_eq!((all.asked(), all.late()), (101, 3));
        assert_eq!(days.len(), 1);
        let at = |hour: usize| (hours[hour].within(50), hours[hour].within(95));
        assert_eq!(at(3), (Some(25), Some(5_000)));
        assert_eq!(at(4), (Some(TOO_LATE), Some(TOO_LATE)));
        assert_eq!(at(5), (None, None));
        let line = Line::of(Lang::En, "03".to_owned(), &hours[3]);
        assert_eq!(
            (line.median.as_str(), line.most.as_str()),
            ("≤ 25 ms", "≤ 5 s")
        );
        assert_eq!(line.levels, Some((1, 8)));
        let none = Line::of(Lang::Ru, "05".to_owned(), &hours[5]);
        assert_eq!(
            (none.asked, none.median.as_str(), none.levels),
            (0, "—", None)
        );
        assert_eq!(told(Lang::Ru, TOO_LATE), "не вовремя");
    }
}
