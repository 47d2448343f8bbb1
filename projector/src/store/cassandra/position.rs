//! Places in the event log as the database's timestamps and buckets.
//!
//! The write with the greatest timestamp stays, cell by cell. Timestamps here are offsets or their
//! inverse, so they are all long past by the clock (2^50 µs is in 2005): no database refuses them
//! as lying in the future.

use super::super::StoreError;
use crate::views::ReadScope;

/// More than any partition will ever have.
const OFFSETS: i64 = 1 << 50;
/// Offsets in a bucket, as a power of two.
const BUCKET: u32 = 16;
const DAY: i64 = 86_400 * 1_000_000_000;
/// Days in a bucket of a subject, who is seen a few times a day.
const SUBJECT_DAYS: i64 = 30;

/// An offset as the database keeps it.
pub(super) fn stored(offset: u64) -> Result<i64, StoreError> {
    i64::try_from(offset)
        .ok()
        .filter(|offset| *offset < OFFSETS)
        .ok_or_else(|| StoreError::Unavailable("an offset is beyond what the store keeps".into()))
}

/// Lets the write of the least offset stay.
pub(super) fn first_wins(offset: u64) -> Result<i64, StoreError> {
    Ok(OFFSETS - stored(offset)?)
}

/// Lets the write of the greatest offset stay.
pub(super) fn last_wins(offset: u64) -> Result<i64, StoreError> {
    Ok(stored(offset)? + 1)
}

/// Of a partition that has rows of records without a leaf: greater than what deletes any.
pub(super) const NEVER_PRUNED: i64 = OFFSETS;

/// The span of offsets that one is in.
pub(super) fn bucket_of_offset(offset: u64) -> Result<i64, StoreError> {
    Ok(stored(offset)? >> BUCKET)
}

/// What accesses are searched in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Complex,
    Subject,
    Device,
}

impl Scope {
    /// The span of time that an instant, in nanoseconds since 1970, is in.
    pub(super) fn bucket(self, time: i64) -> i32 {
        let days = match self {
            Self::Complex | Self::Device => 1,
            Self::Subject => SUBJECT_DAYS,
        };
        // All of an i64's nanoseconds are 213,504 days.
        i32::try_from(time.div_euclid(DAY * days)).unwrap_or_default()
    }
}

/// The span of time that a read is in: days where all of a complex is looked at, else spans of a subject.
pub(super) fn bucket_of_read(scope: ReadScope, time: i64) -> i32 {
    match scope {
        ReadScope::Complex => Scope::Complex.bucket(time),
        ReadScope::By(_) | ReadScope::About(_) => Scope::Subject.bucket(time),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn timestamps_order_writes_as_their_rule_says_and_lie_in_the_past() {
        let offsets = [0, 1, 77, (1 << 50) - 1];
        assert!(offsets.is_sorted_by_key(|offset| -first_wins(*offset).unwrap()));
        assert!(offsets.is_sorted_by_key(|offset| last_wins(*offset).unwrap()));
        for offset in offsets {
            for timestamp in [first_wins(offset).unwrap(), last_wins(offset).unwrap()] {
                assert!((1..=1 << 50).contains(&timestamp));
            }
        }
        assert!(stored(1 << 50).is_err() && stored(u64::MAX).is_err());
    }

    #[test]
    fn buckets_follow_time_through_1970() {
        let bucket = |time| Scope::Complex.bucket(time);
        assert_eq!(
            [bucket(-1), bucket(0), bucket(DAY - 1), bucket(DAY)],
            [-1, 0, 0, 1]
        );
        assert_eq!([bucket(i64::MIN), bucket(i64::MAX)], [-106_752, 106_751]);
        assert_eq!(Scope::Subject.bucket(31 * DAY), 1);
    }
}
