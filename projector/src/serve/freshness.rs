//! How old a device's newest report may be until nobody can say how the device is.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::id::DeviceId;
use jiff::{SignedDuration, Timestamp};
use proto::access::{DeviceStatus, StaleDevice};
use records::timestamp_to_wire;
use serde::Deserialize;

use crate::views::DeviceRow;

/// `[status]`: after how long without a report a device counts as stale. Partners say how often
/// they report at least; the limit should be a few times that.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// Of every device that has none of its own.
    #[serde(default = "default_stale_after", with = "service::config::duration")]
    stale_after: Duration,
    /// `[status.devices]`: of single devices, by id.
    #[serde(default)]
    devices: BTreeMap<DeviceId, Limit>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
struct Limit(#[serde(with = "service::config::duration")] Duration);

impl Default for Freshness {
    fn default() -> Self {
        Self {
            stale_after: default_stale_after(),
            devices: BTreeMap::new(),
        }
    }
}

fn default_stale_after() -> Duration {
    Duration::from_secs(15 * 60)
}

impl Freshness {
    /// Whether a report is too old at `now`. The device's clock says when it was so, and ours when
    /// it came: one that is ahead of us doesn't keep a device fresh. Where both are ahead, it is our own
    /// that has gone back, and nobody can say how old the report is.
    pub(super) fn is_stale(&self, row: &DeviceRow, now: Timestamp) -> bool {
        let limit = self.devices.get(&row.device);
        let limit = limit.map_or(self.stale_after, |limit| limit.0);
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        let received = row.status.received_at.as_ref();
        let received = received.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        let seen = received.map_or(row.observed_at, |at| at.min(row.observed_at));
        now.duration_since(seen).abs() > limit
    }

    /// A device as it is told.
    pub(super) fn told(&self, row: DeviceRow, now: Timestamp) -> DeviceStatus {
        let stale = self.is_stale(&row, now);
        DeviceStatus {
            stale,
            ..row.status
        }
    }

    /// Those of these devices that are stale.
    pub(super) fn stale<'a>(
        &self,
        devices: impl Iterator<Item = &'a DeviceRow>,
        now: Timestamp,
    ) -> Vec<StaleDevice> {
        let stale = devices.filter(|row| self.is_stale(row, now));
        stale
            .map(|row| StaleDevice {
                device_id: row.device.to_string(),
                last_seen: Some(timestamp_to_wire(row.observed_at)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::event::DeviceSequence;
    use serde_json::json;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_mins(minute)
    }

    fn row(device: &str, observed: i64, received: i64) -> DeviceRow {
        DeviceRow {
            device: device.parse().unwrap(),
            sequence: DeviceSequence::default(),
            observed_at: at(observed),
            offset: 0,
            status: DeviceStatus {
                online: true,
                observed_at: Some(timestamp_to_wire(at(observed))),
                received_at: Some(timestamp_to_wire(at(received))),
                ..DeviceStatus::default()
            },
        }
    }

    #[test]
    fn a_device_is_stale_beyond_its_own_limit() {
        let config = json!({ "stale_after": "10m", "devices": { "sunrise.gate": "2h" } });
        let freshness: Freshness = serde_json::from_value(config).unwrap();
        let (door, gate) = ("sunrise.door", "sunrise.gate");
        let cases = [
            (row(door, 0, 0), 10, false),
            (row(door, 0, 0), 11, true),
            // It lay at the partner: what was so then says nothing of now.
            (row(door, 0, 9), 11, true),
            // A clock that is ahead keeps nothing fresh.
            (row(door, 60, 0), 11, true),
            // Ours is somewhat behind, or in 1970.
            (row(door, 5, 5), 0, false),
            (row(door, 0, 0), -11, true),
            (row(gate, 0, 0), -30_000_000, true),
            (row(gate, 0, 0), 120, false),
            (row(gate, 0, 0), 121, true),
        ];
        for (row, minute, stale) in cases {
            let told = freshness.told(row.clone(), at(minute));
            assert_eq!(told.stale, stale, "{row:?} {minute}");
            assert!(told.online, "as it was then");
            let listed = freshness.stale([&row].into_iter(), at(minute));
            let seen = listed.first().and_then(|device| device.last_seen);
            assert_eq!(seen, stale.then(|| told.observed_at.unwrap()));
        }
    }

    #[test]
    fn nothing_else_is_configured() {
        let default: Freshness = serde_json::from_value(json!({})).unwrap();
        assert_eq!(default.stale_after, default_stale_after());
        let wrong = [
            json!({ "stale": "1m" }),
            json!({ "devices": { "door": "1m" } }),
            json!({ "devices": { "sunrise.door": "soon" } }),
            json!({ "stale_after": 5 }),
        ];
        for wrong in wrong {
            assert!(
                serde_json::from_value::<Freshness>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }
}
