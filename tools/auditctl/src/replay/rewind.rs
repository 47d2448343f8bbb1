//! A fold that goes forward with the decisions, and a little back where two instances knew the log
//! a moment apart.

use std::collections::VecDeque;

/// How many earlier states are kept.
const KEPT: usize = 16;
/// Records between two that are kept, at least.
const APART: usize = 64;

/// Up to where each of two logs is folded: counts of their records.
pub(crate) type Cut = [usize; 2];

/// A state, and earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Rewind<S> {
    now: (Cut, S),
    kept: VecDeque<(Cut, S)>,
}

impl<S: Clone + Default> Rewind<S> {
    /// The state at a cut. `step` folds one record: of which log, and which.
    pub(crate) fn to(&mut self, cut: Cut, mut step: impl FnMut(&mut S, usize, usize)) -> &S {
        let before = |at: &Cut| at[0] <= cut[0] && at[1] <= cut[1];
        if !before(&self.now.0) {
            let last = self.kept.iter().rev().find(|(at, _)| before(at));
            self.now = last.cloned().unwrap_or_default();
        }
        for (log, until) in cut.into_iter().enumerate() {
            for index in self.now.0[log]..until {
                step(&mut self.now.1, log, index);
            }
        }
        self.now.0 = cut;
        let sum = |at: &Cut| at[0] + at[1];
        if self
            .kept
            .back()
            .is_none_or(|(at, _)| sum(&cut) >= sum(at) + APART)
        {
            self.kept.push_back(self.now.clone());
            if self.kept.len() > KEPT {
                self.kept.pop_front();
            }
        }
        &self.now.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wherever_it_goes_it_has_folded_exactly_what_is_before() {
        let mut rewind: Rewind<Vec<(usize, usize)>> = Rewind::default();
        for cut in [
            [3, 1],
            [200, 1],
            [199, 0],
            [900, 90],
            [2, 0],
            [950, 90],
            [940, 91],
        ] {
            let state = rewind.to(cut, |state, log, index| state.push((log, index)));
            let mut folded = state.clone();
            folded.sort_unstable();
            let wanted: Vec<_> = (0..2)
                .flat_map(|log| (0..cut[log]).map(move |i| (log, i)))
                .collect();
            assert_eq!(folded, wanted, "{cut:?}");
        }
    }
}
