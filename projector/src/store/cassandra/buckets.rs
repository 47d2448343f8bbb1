//! Which partitions a table has, written once: rows of `..._buckets`, which say so, hardly ever change.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use super::super::query::order_of;
use super::link::Connected;
use super::plan::{Plan, Request, one, scopes_of};
use super::position::{Scope, bucket_of_read};
use super::writes::Writes;
use crate::views::RowWrite;

/// How many are remembered as written, at most.
const KNOWN: usize = 65_536;

/// That a partition has rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Bucket {
    /// Accesses: complex, scope, days.
    Access(String, String, i32),
    /// Alarms: complex, day.
    Alarm(String, i32),
    /// Reads of audit data: complex, scope, days.
    Read(String, String, i32),
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

/// Those that this store has written, and so needn't write again: whoever empties its tables opens it
/// anew.
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

impl Plan<'_> {
    /// The partitions that are written to, where a table says which there are.
    pub(super) fn buckets(&self) -> Buckets {
        let accesses = self.accesses.values().flat_map(|row| {
            let time = order_of(row.occurred_at);
            let complex = row.complex.to_string();
            let scopes = scopes_of(row);
            scopes
                .map(move |(scope, name)| Bucket::Access(complex.clone(), name, scope.bucket(time)))
        });
        let devices = self
            .devices
            .keys()
            .map(|device| Bucket::Device(device.complex().to_string(), device.to_string()));
        let statuses = self.statuses.keys();
        let statuses = statuses.map(|(device, day)| Bucket::Status((*device).to_owned(), *day));
        let leaves = self.leaves.keys().map(|(topic, complex, span)| {
            Bucket::Leaf((*topic).to_owned(), (*complex).to_owned(), *span)
        });
        let sequences = self.sequences.iter();
        let sequences = sequences.filter_map(|((device, partner, epoch, span), rows)| {
            let complex = rows.first()?.device.complex().to_string();
            let (device, partner) = ((*device).to_owned(), (*partner).to_owned());
            Some(Bucket::Sequence(complex, device, partner, *epoch, *span))
        });
        let others = self.others.iter().filter_map(|row| match row {
            RowWrite::Alarm(row) => {
                let day = Scope::Complex.bucket(order_of(row.occurred_at));
                Some(Bucket::Alarm(row.complex.to_string(), day))
            }
            RowWrite::Read(row) => {
                let days = bucket_of_read(row.scope, order_of(row.occurred_at));
                let (complex, scope) = (row.complex.to_string(), row.scope.as_text());
                Some(Bucket::Read(complex, scope, days))
            }
            _ => None,
        });
        accesses
            .chain(devices)
            .chain(statuses)
            .chain(leaves)
            .chain(sequences)
            .chain(others)
            .collect()
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
            Self::Read(complex, scope, bucket) => {
                let values = (complex, scope, *bucket);
                one(connected, &writes.read_bucket, values)
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
