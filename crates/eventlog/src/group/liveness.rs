use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::table::{Standing, TopicPartition};

/// What one member has seen of the others, by its own monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    members: HashMap<Uuid, Seen>,
    awaited: HashMap<(TopicPartition, u64), Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: u64,
    since: Instant,
    session_timeout: Duration,
    /// How often the same beat was seen again.
    again: u32,
}

/// A beat must be seen again this often: after a time in which nobody could
/// write, an observer must not take the others' silence for death at once.
const LOOKS: u32 = 3;

impl Liveness {
    /// Takes in what a heartbeat brought back.
    pub(super) fn observe(&mut self, standing: &Standing, now: Instant) {
        let mut before = std::mem::take(&mut self.members);
        for member in &standing.others {
            let fresh = Seen {
                beat: member.beat,
                since: now,
                session_timeout: member.session_timeout,
                again: 0,
            };
            let seen = match before.remove(&member.id) {
                Some(seen) if seen.beat == member.beat => Seen {
                    again: seen.again.saturating_add(1),
                    ..seen
                },
                _ => fresh,
            };
            self.members.insert(member.id, seen);
        }
        let before = std::mem::take(&mut self.awaited);
        for at in &standing.awaited {
            let since = before.get(at).copied().unwrap_or(now);
            self.awaited.insert(*at, since);
        }
    }

    /// The members that have outlived their session at the beat given with them.
    pub(super) fn dead(&self, now: Instant) -> Vec<(Uuid, u64)> {
        let silent = |seen: &Seen| {
            seen.again >= LOOKS && now.duration_since(seen.since) >= seen.session_timeout
        };
        self.members
            .iter()
            .filter(|(_, seen)| silent(seen))
            .map(|(id, seen)| (*id, seen.beat))
            .collect()
    }

    /// The partitions that have been waited for longer than `limit`.
    pub(super) fn overdue(&self, now: Instant, limit: Duration) -> Vec<(TopicPartition, u64)> {
        self.awaited
            .iter()
            .filter(|(_, since)| now.duration_since(**since) >= limit)
            .map(|(at, _)| *at)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Topic;
    use crate::group::Member;

    const SESSION: Duration = Duration::from_secs(3);

    fn standing(beat: u64) -> Standing {
        Standing {
            owned: BTreeMap::new(),
            awaited: vec![((Topic::AccessEvents, 0), 7)],
            others: vec![Member {
                id: Uuid::nil(),
                beat,
                session_timeout: SESSION,
                topics: Vec::new(),
            }],
        }
    }

    #[test]
    fn a_member_is_dead_after_a_session_at_one_beat() {
        let start = Instant::now();
        let mut liveness = Liveness::default();
        for second in 0..=3 {
            let now = start + Duration::from_secs(second);
            assert!(liveness.dead(now).is_empty(), "after {second} s");
            liveness.observe(&standing(5), now);
        }
        let dead = liveness.dead(start + SESSION);
        assert_eq!(dead, [(Uuid::nil(), 5)]);
        liveness.observe(&standing(6), start + SESSION);
        assert!(liveness.dead(start + 2 * SESSION).is_empty());
    }

    #[test]
    fn an_observer_that_was_held_up_itself_looks_again_first() {
        let start = Instant::now();
        let mut liveness = Liveness::default();
        liveness.observe(&standing(5), start);
        let later = start + 10 * SESSION;
        liveness.observe(&standing(5), later);
        assert!(liveness.dead(later).is_empty());
    }

    #[test]
    fn waiting_is_counted_from_the_first_time_for_each_epoch() {
        let start = Instant::now();
        let mut liveness = Liveness::default();
        liveness.observe(&standing(1), start);
        liveness.observe(&standing(2), start + SESSION);
        let overdue = liveness.overdue(start + SESSION, SESSION);
        assert_eq!(overdue, [((Topic::AccessEvents, 0), 7)]);
        let mut next = standing(3);
        next.awaited = vec![((Topic::AccessEvents, 0), 8)];
        liveness.observe(&next, start + SESSION);
        assert!(liveness.overdue(start + SESSION, SESSION).is_empty());
    }
}
