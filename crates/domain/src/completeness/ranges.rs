//! A set of numbers as ranges that don't touch.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A closed range of sequence numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last; not below the first.
    pub last: u64,
}

impl Span {
    /// One number.
    pub fn one(number: u64) -> Self {
        Self {
            first: number,
            last: number,
        }
    }

    /// How many numbers it has.
    pub fn len(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Never: a span has at least one number.
    pub fn is_empty(self) -> bool {
        false
    }
}

/// A hole between numbers, or below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// What is missing.
    pub span: Span,
    /// The earliest instant that a number above it came with: since then it is known.
    pub since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    last: u64,
    /// The earliest of its numbers' instants.
    since: Timestamp,
}

/// Numbers, each of which came with an instant. In whatever order they come, and however often, the
/// set is the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, Run>);

impl Ranges {
    /// Adds numbers.
    pub fn insert(&mut self, span: Span, since: Timestamp) {
        let mut whole = (
            span.first,
            Run {
                last: span.last,
                since,
            },
        );
        let touching = self.0.range(..=span.last.saturating_add(1)).rev();
        let touching = touching.take_while(|(_, run)| run.last.saturating_add(1) >= span.first);
        let touching: Vec<u64> = touching.map(|(first, _)| *first).collect();
        for first in touching {
            if let Some(run) = self.0.remove(&first) {
                whole.0 = whole.0.min(first);
                whole.1.last = whole.1.last.max(run.last);
                whole.1.since = whole.1.since.min(run.since);
            }
        }
        self.0.insert(whole.0, whole.1);
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u64) -> bool {
        let below = self.0.range(..=number).next_back();
        below.is_some_and(|(_, run)| number <= run.last)
    }

    /// Its ranges, lowest first.
    pub fn spans(&self) -> impl DoubleEndedIterator<Item = Span> {
        self.0.iter().map(|(first, run)| Span {
            first: *first,
            last: run.last,
        })
    }

    /// What of `within` is not in it and lies below something that is, lowest first.
    pub fn holes(&self, within: Span) -> Vec<Hole> {
        let mut above = self.0.iter().rev().peekable();
        let mut since = Timestamp::MAX;
        let mut holes = Vec::new();
        for span in self.without(within).into_iter().rev() {
            while let Some((_, run)) = above.next_if(|(first, _)| **first > span.last) {
                since = since.min(run.since);
            }
            if since < Timestamp::MAX {
                holes.push(Hole { span, since });
            }
        }
        holes.reverse();
        holes
    }

    /// The parts of `span` that are not in it.
    pub fn without(&self, span: Span) -> Vec<Span> {
        let mut parts = Vec::new();
        let mut next = Some(span.first);
        let below = self.0.range(..=span.first).next_back();
        let start = below.map_or(span.first, |(first, _)| *first);
        for (first, run) in self.0.range(start..=span.last) {
            let Some(from) = next else { break };
            if *first > from {
                parts.push(Span {
                    first: from,
                    last: *first - 1,
                });
            }
            next = run.last.max(from.saturating_sub(1)).checked_add(1);
        }
        if let Some(first) = next.filter(|first| *first <= span.last) {
            let last = span.last;
            parts.push(Span { first, last });
        }
        parts
    }

    /// How many numbers of `within` are in it.
    pub fn count(&self, within: Span) -> u64 {
        let cut = self.spans().filter_map(|span| {
            let first = span.first.max(within.first);
            let last = span.last.min(within.last);
            (first <= last).then(|| Span { first, last }.len())
        });
        cut.fold(0, u64::saturating_add)
    }

    /// Closes the lowest holes until at most `most` ranges are left, and says how many numbers
    /// that were in no range now are.
    pub fn bound(&mut self, most: usize) -> u64 {
        let mut closed = 0_u64;
        while self.0.len() > most.max(1) {
            let Some((low, lower)) = self.0.pop_first() else {
                break;
            };
            let Some((high, upper)) = self.0.pop_first() else {
                break;
            };
            closed = closed.saturating_add(high - lower.last - 1);
            let since = lower.since.min(upper.since);
            let last = upper.last;
            self.0.insert(low, Run { last, since });
        }
        closed
    }
}
