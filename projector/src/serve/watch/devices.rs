//! `DeviceStatusService.Watch`: how devices are, then each change of it, of their age too. What changed between
//! two looks is one message, and a state that was replaced between them is in the devices' history alone.
//!
//! A report counts once the views' progress in its partition is beyond it. So a resume token says with one
//! number for each partition which reports were told, and with the time of the look which of them were stale.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use domain::id::{ComplexId, DeviceId};
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use futures::future::try_join_all;
use jiff::Timestamp;
use proto::access::{WatchDeviceStatusesRequest, WatchDeviceStatusesResponse};
use tokio::time::Instant;

use super::feed::Feed;
use super::{End, HEARTBEAT, Outlet, Watch, Watching, look};
use crate::serve::auth::Auditor;
use crate::serve::call::Answer;
use crate::serve::fields::Fields;
use crate::serve::freshness::Freshness;
use crate::serve::reads::Look;
use crate::serve::status::{Missing, Refusal};
use crate::serve::{Serving, search};
use crate::store::{StoreError, ViewReader};
use crate::views::DeviceRow;

/// What was told of a complex' devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCursor {
    /// When that was, in nanoseconds since 1970.
    pub time: i64,
    /// By which limits devices were stale.
    pub limits: Limits,
    /// By partition the first offset whose report was not told yet.
    pub next: BTreeMap<u32, u64>,
}

/// Names the limits of the configuration: with others, all is told anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits(pub [u8; 8]);

impl Limits {
    fn of(freshness: &Freshness) -> Self {
        let hash = digest(&SHA256, format!("{freshness:?}").as_bytes());
        let first = hash.as_ref().first_chunk();
        Self(first.copied().unwrap_or_default())
    }
}

/// A complex' devices at one look.
pub(in crate::serve) struct Devices {
    at: Timestamp,
    /// By partition of a device how far its reports are there.
    next: BTreeMap<u32, u64>,
    rows: Vec<DeviceRow>,
}

impl Devices {
    /// Looks at them: at the progress first, so that all before it is in the rows.
    async fn look(
        views: &dyn ViewReader,
        complex: &ComplexId,
        partitions: NonZeroU32,
        before: Option<Arc<Self>>,
    ) -> Result<Self, StoreError> {
        let known = match before {
            Some(before) => of_rows(&before.rows, partitions),
            None => of_rows(&views.devices(complex).await?, partitions),
        };
        let next = known.into_iter().map(|partition| async move {
            let next = views.progress(Topic::DeviceStatus, partition).await?;
            Ok::<_, StoreError>((partition, next.unwrap_or(0)))
        });
        Ok(Self {
            next: try_join_all(next).await?.into_iter().collect(),
            rows: views.devices(complex).await?,
            at: Timestamp::now(),
        })
    }

    /// Those of which something else is to be told than was, and what will then have been told.
    fn changed<'a>(
        &'a self,
        told: Option<&DeviceCursor>,
        freshness: &'a Freshness,
        partitions: NonZeroU32,
    ) -> impl Iterator<Item = &'a DeviceRow> {
        let told = told.cloned();
        self.rows.iter().filter(move |row| {
            let partition = partition(&row.device, partitions);
            let next = |of: &BTreeMap<u32, u64>| of.get(&partition).copied().unwrap_or(0);
            let is_there = row.offset < next(&self.next);
            is_there
                && told.as_ref().is_none_or(|told| {
                    let before = Timestamp::from_nanosecond(told.time.into()).unwrap_or(self.at);
                    let turned =
                        freshness.is_stale(row, before) != freshness.is_stale(row, self.at);
                    row.offset >= next(&told.next) || turned
                })
        })
    }

    fn cursor(&self, limits: Limits) -> DeviceCursor {
        DeviceCursor {
            time: self.at.as_nanosecond().try_into().unwrap_or(i64::MAX),
            limits,
            next: self.next.clone(),
        }
    }
}

fn partition(device: &DeviceId, partitions: NonZeroU32) -> u32 {
    let key = device.to_string();
    partition_of(Topic::DeviceStatus, key.as_bytes(), partitions)
}

fn of_rows(rows: &[DeviceRow], partitions: NonZeroU32) -> BTreeSet<u32> {
    let found = rows.iter().map(|row| partition(&row.device, partitions));
    found.collect()
}

impl Serving {
    /// Begins to watch: with how all devices are, or with what changed since the token was given.
    pub(in crate::serve) async fn watch_devices(
        self: &Arc<Self>,
        auditor: &Auditor,
        request: WatchDeviceStatusesRequest,
    ) -> Result<Answer<Watching<WatchDeviceStatusesResponse>>, Refusal> {
        let mut fields = Fields::default();
        let complex: Option<ComplexId> = fields.parse("complex_id", &request.complex_id);
        let device = fields.device_of(complex.as_ref(), &request.device_id);
        let complex = fields.done(complex)?;
        if device
            .as_ref()
            .is_some_and(|device| device.complex() != complex)
        {
            return Err(Refusal::NotFound(Missing::Device));
        }
        let readable = Arc::new(auditor.may_read(complex.clone())?);
        let limits = Limits::of(&self.freshness);
        let told = search::start(self, &request, &request.resume_token)?;
        let look = Look {
            device: device.clone(),
            ..look("DEVICES", &[])
        };
        let watch = Watch::of(self, &readable, auditor, look)?;
        let (views, partitions) = (Arc::clone(&self.views), self.partitions);
        let at = complex.clone();
        let feed = self.devices.of(complex, move |before| {
            let (views, complex) = (Arc::clone(&views), at.clone());
            async move { Ok(Devices::look(&*views, &complex, partitions, before).await?) }
        });
        let follow = Follow {
            serving: Arc::clone(self),
            device,
            told: told.filter(|told| told.limits == limits),
            limits,
            feed,
            request,
        };
        watch.begin(|outlet| follow.run(outlet)).await
    }
}

struct Follow {
    serving: Arc<Serving>,
    request: WatchDeviceStatusesRequest,
    device: Option<DeviceId>,
    told: Option<DeviceCursor>,
    limits: Limits,
    feed: Feed<Devices>,
}

impl Follow {
    async fn run(mut self, outlet: Arc<Outlet<WatchDeviceStatusesResponse>>) -> Result<(), End> {
        let (freshness, partitions) = (&self.serving.freshness, self.serving.partitions);
        let mut heard = Instant::now();
        loop {
            let devices = self.feed.now().await?;
            let changed = devices.changed(self.told.as_ref(), freshness, partitions);
            let asked = |row: &&DeviceRow| {
                self.device
                    .as_ref()
                    .is_none_or(|device| *device == row.device)
            };
            let changed = changed.filter(asked).cloned();
            let statuses: Vec<_> = changed.map(|row| freshness.told(row, devices.at)).collect();
            // The first message says how it is, be it that there is nothing.
            let says = self.told.is_none() || !statuses.is_empty();
            let cursor = devices.cursor(self.limits);
            self.told = Some(cursor.clone());
            if says || heard.elapsed() >= HEARTBEAT {
                heard = Instant::now();
                let message = WatchDeviceStatusesResponse {
                    statuses,
                    resume_token: self.serving.paging.seal(&self.request, cursor),
                };
                outlet.send(message).await?;
            }
            self.feed.next().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::event::DeviceSequence;
    use jiff::SignedDuration;
    use proto::access::DeviceStatus;

    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn row(device: &str, offset: u64) -> DeviceRow {
        DeviceRow {
            device: device.parse().unwrap(),
            sequence: DeviceSequence::default(),
            observed_at: noon(),
            offset,
            status: DeviceStatus::default(),
        }
    }

    fn seen(minute: i64, next: u64, rows: &[DeviceRow]) -> Devices {
        Devices {
            at: noon() + SignedDuration::from_mins(minute),
            next: BTreeMap::from([(0, next)]),
            rows: rows.to_vec(),
        }
    }

    fn told(devices: &Devices, before: Option<&Devices>) -> Vec<String> {
        let freshness = Freshness::default();
        let before = before.map(|before| before.cursor(Limits::of(&freshness)));
        let changed = devices.changed(before.as_ref(), &freshness, ONE);
        changed.map(|row| row.device.to_string()).collect()
    }

    #[test]
    fn each_report_and_each_turn_of_age_is_told_once() {
        let (gate, door) = (row("sunrise.gate", 3), row("sunrise.door", 5));
        let both = [gate.clone(), door.clone()];
        // The door's report stands there, but not all before it does.
        let first = seen(0, 5, &both);
        assert_eq!(told(&first, None), ["sunrise.gate"]);
        let second = seen(1, 6, &both);
        assert_eq!(told(&second, Some(&first)), ["sunrise.door"]);
        assert!(told(&seen(2, 9, &both), Some(&second)).is_empty());
        // One that came meanwhile is told, the other one is too old since.
        let newer = [gate, row("sunrise.door", 8)];
        let third = seen(16, 9, &newer);
        assert_eq!(
            told(&third, Some(&second)),
            ["sunrise.gate", "sunrise.door"]
        );
        assert!(told(&seen(17, 9, &newer), Some(&third)).is_empty());
        // A token that knows nothing of the partition has told nothing of it.
        let elsewhere = Devices {
            next: BTreeMap::new(),
            ..seen(16, 0, &[])
        };
        assert_eq!(told(&third, Some(&elsewhere)).len(), 2);
    }

    #[test]
    fn other_limits_have_another_name() {
        let other = serde_json::from_str(r#"{ "stale_after": "1m" }"#).unwrap();
        assert_ne!(Limits::of(&Freshness::default()), Limits::of(&other));
    }
}
