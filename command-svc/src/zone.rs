//! Time zones: the one place that asks the zone database. What it answered is recorded with
//! each decision.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Whether `name` is an IANA time zone that is known here.
pub(crate) fn is_known(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// UTC offset of the zone at `now`, in seconds. Zones are checked when a complex is
/// registered; one that is unknown here counts as UTC, and the record says so.
pub(crate) fn utc_offset(name: &str, now: Timestamp) -> i32 {
    TimeZone::get(name).map_or(0, |zone| zone.to_offset(now).seconds())
}
