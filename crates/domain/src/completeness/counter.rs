//! One epoch of one device: what came of it, and what is missing.

use jiff::Timestamp;

use super::ranges::{Hole, Ranges, Span};

/// Numbers of one epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counter {
    /// Recorded, as events or as rejections.
    seen: Ranges,
    /// From the lowest to the highest that was recorded as an event.
    events: Option<Span>,
}

/// How complete an epoch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What is expected: from the first number that counts to the highest that is known.
    pub expected: Span,
    /// How many of these were received.
    pub received: u64,
    /// The others, lowest first.
    pub missing: Vec<Span>,
}

impl Figure {
    /// Received by expected: 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
    pub fn share(&self) -> f64 {
        self.received as f64 / self.expected.len() as f64
    }
}

impl Counter {
    /// An event has this number.
    pub fn event(&mut self, number: u64, at: Timestamp) {
        // The contract's count begins at 1: 0 says that there was no event yet.
        if number == 0 {
            return;
        }
        self.seen.insert(Span::one(number), at);
        let events = self.events.get_or_insert(Span::one(number));
        events.first = events.first.min(number);
        events.last = events.last.max(number);
    }

    /// A rejected event had this number. It closes the gap that it would leave, but as it is not
    /// believed it makes no new one: it neither begins the count nor extends it.
    pub fn rejection(&mut self, number: u64, at: Timestamp) {
        if number != 0 {
            self.seen.insert(Span::one(number), at);
        }
    }

    /// Whether a number was received.
    pub fn has(&self, number: u64) -> bool {
        self.seen.contains(number)
    }

    /// Whether an event came.
    pub fn has_events(&self) -> bool {
        self.events.is_some()
    }

    /// What is expected. `whole` says that this epoch began while its device was watched, so that
    /// it is counted from 1; else what was before the first event is unknown, and no gap.
    pub fn expected(&self, whole: bool) -> Option<Span> {
        let events = self.events?;
        let first = if whole { 1 } else { events.first };
        let last = events.last;
        Some(Span { first, last })
    }

    /// What is missing, lowest first.
    pub fn holes(&self, whole: bool) -> Vec<Hole> {
        let expected = self.expected(whole);
        expected.map_or_else(Vec::new, |expected| self.seen.holes(expected))
    }

    /// How complete it is; none without an event.
    pub fn figure(&self, whole: bool) -> Option<Figure> {
        let expected = self.expected(whole)?;
        let holes = self.seen.holes(expected);
        Some(Figure {
            expected,
            received: self.seen.count(expected),
            missing: holes.into_iter().map(|hole| hole.span).collect(),
        })
    }

    /// Keeps at most `most` ranges; how many numbers are given up for that.
    pub fn bound(&mut self, most: usize) -> u64 {
        self.seen.bound(most)
    }
}
