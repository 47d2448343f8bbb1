//! What became of change sets, for as long as anybody may ask again.
//!
//! A change set that took effect can't do so twice, remembered or not: it expects versions that
//! are past. So it is forgotten [`KEPT`] after it, by the log's own times. One that was refused
//! might still apply later; it is remembered for ever. Few are: what can't apply is refused before
//! it is written, and only those that lost to another at the last moment stand in the log.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{Applied, Refused};
use crate::id::ChangeSetId;

/// How long the answer to a change set that took effect is kept: whoever repeats it later is told
/// that its versions are past, and reads again.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

type Answer = Result<Applied, Refused>;

/// Answers by idempotency key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answers {
    given: HashMap<ChangeSetId, Answer>,
    /// Those to be forgotten, the oldest first.
    by_time: VecDeque<(Timestamp, ChangeSetId)>,
}

impl Answers {
    /// The answer to a change set.
    pub(super) fn get(&self, id: ChangeSetId) -> Option<&Answer> {
        self.given.get(&id)
    }

    /// Keeps the answer to a new change set, and forgets those that are too old beside it. Without
    /// a time it is kept for ever.
    pub(super) fn keep(&mut self, id: ChangeSetId, answer: Answer, append_time: Option<Timestamp>) {
        if let Some(at) = append_time
            && answer.is_ok()
        {
            // Of clocks that go back, the latest counts.
            let at = self.by_time.back().map_or(at, |(last, _)| at.max(*last));
            self.by_time.push_back((at, id));
            while let Some((then, old)) = self.by_time.front()
                && at.duration_since(*then) > KEPT
            {
                self.given.remove(old);
                self.by_time.pop_front();
            }
        }
        self.given.insert(id, answer);
    }

    /// All, in an order in which they can be kept again.
    pub(super) fn all(&self) -> impl Iterator<Item = (ChangeSetId, &Answer, Option<Timestamp>)> {
        let timed = self.by_time.iter();
        let timed = timed.filter_map(|(at, id)| Some((*id, self.given.get(id)?, Some(*at))));
        let known: std::collections::HashSet<_> = self.by_time.iter().map(|(_, id)| *id).collect();
        let mut others: Vec<_> = self.given.iter().collect();
        others.retain(|(id, _)| !known.contains(id));
        others.sort_unstable_by_key(|(id, _)| **id);
        timed.chain(others.into_iter().map(|(id, answer)| (*id, answer, None)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Change, ChangeSet, Entity, Registry, Resident};
    use super::*;
    use crate::id::{ComplexId, SubjectRef};
    use uuid::Uuid;

    fn set(id: u128, expected_version: u64) -> ChangeSet {
        ChangeSet {
            id: ChangeSetId(Uuid::from_u128(id)),
            note: String::new(),
            changes: vec![Change {
                expected_version,
                entity: Entity::Resident(Resident {
                    subject: SubjectRef(Uuid::from_u128(1)),
                    active: true,
                }),
            }],
        }
    }

    #[test]
    fn what_took_effect_is_forgotten_after_a_day_and_can_not_do_so_again() {
        let complex: ComplexId = "sunrise".parse().unwrap();
        let start: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut registry = Registry::default();
        let refused = registry.fold_at(&complex, set(1, 2), start);
        assert!(refused.is_err());
        let first = registry.fold_at(&complex, set(2, 0), start);
        assert!(first.is_ok());
        registry.fold_at(&complex, set(3, 1), start + KEPT).unwrap();
        assert_eq!(registry.fold_at(&complex, set(2, 0), start + KEPT), first);
        let later = start + KEPT + SignedDuration::from_millis(1);
        registry.fold_at(&complex, set(4, 2), later).unwrap();
        let id = |id| ChangeSetId(Uuid::from_u128(id));
        assert_eq!(registry.change_set(&complex, id(2)), None);
        assert!(registry.change_set(&complex, id(3)).is_some());
        // Again, it is refused; and what was refused stays so, though it would apply by now.
        assert!(registry.fold_at(&complex, set(2, 0), later).is_err());
        assert_eq!(registry.fold_at(&complex, set(1, 2), later), refused);
        let subject = SubjectRef(Uuid::from_u128(1));
        assert_eq!(registry.resident(&complex, &subject).unwrap().0, 3);
    }
}
