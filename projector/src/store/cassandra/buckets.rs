//! Which partitions a table has, written once: rows of `..._buckets`, which say so, hardly ever change.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use super::link::Connected;
use super::plan::{Request, one};
use super::writes::Writes;

/// How many are remembered as written, at most.
const KNOWN: usize = 65_536;

/// That a partition has rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Bucket {
    /// Accesses: complex, scope, days.
    Access(String, String, i32),
    /// Alarms: complex, day.
    Alarm(String, i32),
    /// Devices: complex, device.
    Device(String, String),
    /// Reports: device, day.
    Status(String, i32),
    /// Leaves: topic, complex, span of offsets.
    Leaf(String, String, i64),
    /// Numbers: complex, device, partner, epoch, span of numbers.
    Sequence(String, String, String, i64, i64),
}

/// Those of a batch.
pub(super) type Buckets = BTreeSet<Bucket>;

/// Those that this process has written, and so needn't write again: nobody takes them away.
#[derive(Default)]
pub(super) struct Written(Mutex<HashSet<Bucket>>);

impl Written {
    /// Of these the ones that aren't known as written.
    pub(super) fn fresh(&self, mut buckets: Buckets) -> Buckets {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|bucket| !written.contains(bucket));
        buckets
    }

    /// Remembers these, which have been acknowledged.
    pub(super) fn remember(&self, buckets: Buckets) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() + buckets.len() > KNOWN {
            written.clear();
        }
        written.extend(buckets);
    }
}

impl Bucket {
    /// The request that writes it.
    pub(super) fn request<'a>(
        &'a self,
        connected: &'a Connected,
        writes: &'a Writes,
    ) -> Request<'a> {
        match self {
            Self::Access(complex, scope, bucket) => {
                let values = (complex, scope, *bucket);
                one(connected, &writes.access_bucket, values)
            }
            Self::Alarm(complex, bucket) => {
                one(connected, &writes.alarm_bucket, (complex, *bucket))
            }
            Self::Device(complex, device) => one(connected, &writes.device, (complex, device)),
            Self::Status(device, bucket) => {
                one(connected, &writes.status_bucket, (device, *bucket))
            }
            Self::Leaf(topic, complex, bucket) => {
                one(connected, &writes.leaf_bucket, (topic, complex, *bucket))
            }
            Self::Sequence(complex, device, partner, epoch, bucket) => {
                let values = (complex, device, partner, *epoch, *bucket);
                one(connected, &writes.sequence_bucket, values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_asked_for_once_and_forgotten_rather_than_kept_for_ever() {
        let (written, at) = (Written::default(), |day| {
            Bucket::Alarm("sunrise".to_owned(), day)
        });
        let some = Buckets::from([at(1), at(2)]);
        assert_eq!(written.fresh(some.clone()), some);
        // Only what was acknowledged is known.
        assert_eq!(written.fresh(some.clone()), some);
        written.remember(some.clone());
        let more = Buckets::from([at(2), at(3)]);
        assert_eq!(written.fresh(more), Buckets::from([at(3)]));
        let many: Buckets = (10..).take(KNOWN - 1).map(at).collect();
        written.remember(many.clone());
        assert_eq!(written.fresh(many), Buckets::new());
        assert_eq!(written.fresh(some.clone()), some);
    }
}
