//! Which partitions a table has, written once: rows of `..._buckets`, which say so, hardly ever change.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::StoreError;
use super::super::query::order_of;
use super::link::Connected;
use super::plan::{Plan, Request, one, scopes_of};
use super::position::{NEVER_PRUNED, Scope, bucket_of_read, last_wins};
use super::writes::Writes;
use crate::views::RowWrite;

/// How many are remembered as written, at most.
const KNOWN: usize = 65_536;
/// How long they are, at most: a partition that is pruned is not said to be there any more, until a row
/// comes late.
const REMEMBERED: Duration = Duration::from_secs(3600);

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

/// Those of a batch, with the timestamp of the write: greater than that of the deletion of any partition
/// in which these rows were not.
pub(super) type Buckets = BTreeMap<Bucket, i64>;

/// Those that this store has written, and so needn't write again: whoever empties its tables opens it
/// anew.
pub(super) struct Written(Mutex<(Instant, HashSet<Bucket>)>);

impl Default for Written {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), HashSet::new())))
    }
}

impl Written {
    /// Of these the ones that aren't known as written.
    pub(super) fn fresh(&self, mut buckets: Buckets) -> Buckets {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.0.elapsed() >= REMEMBERED {
            *written = (Instant::now(), HashSet::new());
        }
        buckets.retain(|bucket, _| !written.1.contains(bucket));
        buckets
    }

    /// Remembers these, which have been acknowledged.
    pub(super) fn remember(&self, buckets: Buckets) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.1.len() + buckets.len() > KNOWN {
            written.1.clear();
        }
        written.1.extend(buckets.into_keys());
    }

    /// Knows of none.
    pub(super) fn forget(&self) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.1.clear();
    }
}

impl Plan<'_> {
    /// The partitions that are written to, where a table says which there are.
    pub(super) fn buckets(&self) -> Result<Buckets, StoreError> {
        let mut buckets = Buckets::new();
        let mut add = |bucket, at: i64| {
            let written = buckets.entry(bucket).or_insert(at);
            *written = at.max(*written);
        };
        for row in self.accesses.values() {
            let (time, at) = (order_of(row.occurred_at), last_wins(row.offset)?);
            for (scope, name) in scopes_of(row) {
                add(
                    Bucket::Access(row.complex.to_string(), name, scope.bucket(time)),
                    at,
                );
            }
        }
        for device in self.devices.keys() {
            let (complex, device) = (device.complex().to_string(), device.to_string());
            add(Bucket::Device(complex, device), NEVER_PRUNED);
        }
        for (device, day) in self.statuses.keys() {
            add(Bucket::Status((*device).to_owned(), *day), NEVER_PRUNED);
        }
        for ((topic, complex, span), rows) in &self.leaves {
            for row in rows {
                let (topic, complex) = ((*topic).to_owned(), (*complex).to_owned());
                add(Bucket::Leaf(topic, complex, *span), last_wins(row.offset)?);
            }
        }
        for ((device, partner, epoch, span), rows) in &self.sequences {
            for row in rows {
                let complex = row.device.complex().to_string();
                let (device, partner) = ((*device).to_owned(), (*partner).to_owned());
                let at = row.offset.map_or(Ok(NEVER_PRUNED), last_wins)?;
                add(
                    Bucket::Sequence(complex, device, partner, *epoch, *span),
                    at,
                );
            }
        }
        for row in &self.others {
            match row {
                RowWrite::Alarm(row) => {
                    let day = Scope::Complex.bucket(order_of(row.occurred_at));
                    let bucket = Bucket::Alarm(row.complex.to_string(), day);
                    add(bucket, last_wins(row.offset)?);
                }
                RowWrite::Read(row) => {
                    let days = bucket_of_read(row.scope, order_of(row.occurred_at));
                    let (complex, scope) = (row.complex.to_string(), row.scope.as_text());
                    add(Bucket::Read(complex, scope, days), last_wins(row.offset)?);
                }
                _ => {}
            }
        }
        Ok(buckets)
    }
}

impl Bucket {
    /// The request that writes it.
    pub(super) fn request<'a>(
        &'a self,
        connected: &'a Connected,
        writes: &'a Writes,
        at: i64,
    ) -> Request<'a> {
        match self {
            Self::Access(complex, scope, bucket) => {
                let values = (complex, scope, *bucket, at);
                one(connected, &writes.access_bucket, values)
            }
            Self::Alarm(complex, bucket) => {
                one(connected, &writes.alarm_bucket, (complex, *bucket, at))
            }
            Self::Read(complex, scope, bucket) => {
                let values = (complex, scope, *bucket, at);
                one(connected, &writes.read_bucket, values)
            }
            Self::Device(complex, device) => one(connected, &writes.device, (complex, device)),
            Self::Status(device, bucket) => {
                one(connected, &writes.status_bucket, (device, *bucket))
            }
            Self::Leaf(topic, complex, bucket) => {
                let values = (topic, complex, *bucket, at);
                one(connected, &writes.leaf_bucket, values)
            }
            Self::Sequence(complex, device, partner, epoch, bucket) => {
                let values = (complex, device, partner, *epoch, *bucket, at);
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
            (Bucket::Alarm("sunrise".to_owned(), day), 1)
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
        written.remember(some.clone());
        written.forget();
        assert_eq!(written.fresh(some.clone()), some);
    }
}
