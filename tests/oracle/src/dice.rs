//! Chance, from a seed.

/// A source of chance: the same seed throws the same.
#[derive(Debug, Clone)]
pub struct Dice(fastrand::Rng);

impl Dice {
    /// Dice of `seed`.
    pub fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// True in `percent` of 100 throws.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.0.u8(0..100) < percent
    }

    /// From `range`.
    pub fn number(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        self.0.i64(range)
    }

    /// From 0 to `end`, `end` excluded; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.usize(0..end.max(1))
    }

    /// One of `things`, if there is any.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.below(things.len()))
    }

    /// One of `things`.
    pub fn one<T: Copy, const N: usize>(&mut self, things: [T; N]) -> T {
        const { assert!(N > 0) };
        things[self.below(N)]
    }

    /// Each of `things` with a chance of `percent`.
    pub fn some<T: Clone>(&mut self, things: &[T], percent: u8) -> Vec<T> {
        let mut kept = things.to_vec();
        kept.retain(|_| self.chance(percent));
        kept
    }

    /// `things` in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        self.0.shuffle(things);
    }
}
