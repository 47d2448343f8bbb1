//! Counting accesses: by hours as the views have them, told in the zone that is asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use prost::Message as _;
use proto::access::{
    AccessCount, AccessResult, AccessStatisticsRequest, AccessStatisticsResponse, CountBy,
};
use records::timestamp_to_wire;

use super::Serving;
use super::fields::Fields;
use super::status::Refusal;
use crate::store::HourQuery;
use crate::views::hours::{begin_of, hour_of};

/// The longest time that is counted at once, in hours.
const LONGEST: i64 = 400 * 24;
/// Counts by hour, device and result that one answer is made of, at most.
const MOST: usize = 50_000;

/// What is counted, as it is asked.
pub(super) struct Asked {
    pub(super) query: HourQuery,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    zone: TimeZone,
    by: CountBy,
}

pub(super) fn parse(request: &AccessStatisticsRequest) -> Result<Asked, Refusal> {
    let mut fields = Fields::default();
    let complex = fields.parse("complex_id", &request.complex_id);
    let device = fields.device_of(complex.as_ref(), &request.device_id);
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    for (name, given) in [("from", &request.from), ("until", &request.until)] {
        if given.is_none() {
            fields.wrong(name, "required");
        }
    }
    let span = from.zip(until);
    if let Some((from, until)) = span
        && hour_of(until) - hour_of(from) > LONGEST
    {
        fields.wrong("until", "at most 400 days after `from`");
    }
    let zone = match request.time_zone.as_str() {
        "" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    };
    if zone.is_none() {
        fields.wrong("time_zone", "not an IANA name of a time zone");
    }
    let by = CountBy::try_from(request.by).ok();
    if by.is_none() {
        fields.wrong("by", "not a value of this enum");
    }
    let all = complex.zip(span).zip(zone).zip(by);
    fields.done(all.map(|(((complex, (from, until)), zone), by)| Asked {
        query: HourQuery {
            complex,
            device,
            from: hour_of(from),
            // The hour in which it ends counts too, unless it ends as that begins.
            until: hour_of(until) + i64::from(begin_of(hour_of(until)) != Some(until)),
            by_device: request.by_device,
        },
        from,
        until,
        zone,
        by,
    }))
}

/// Where a count stands in the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// When it begins, in seconds since 1970; 0 for hours of a week.
    begins: i64,
    weekday: u32,
    hour: u32,
    device: String,
    /// The result, as bytes that have an order.
    result: Vec<u8>,
}

pub(super) async fn count(
    serving: &Serving,
    asked: &Asked,
) -> Result<AccessStatisticsResponse, Refusal> {
    let mut counts: BTreeMap<Place, (AccessResult, u64)> = BTreeMap::new();
    let hours = serving.views.hours(&asked.query, MOST + 1).await?;
    if hours.len() > MOST {
        let mut fields = Fields::default();
        fields.wrong(
            "until",
            "too much for one answer; ask for less time, or one device",
        );
        return fields.done(None);
    }
    for hour in hours {
        let Some(begin) = begin_of(hour.hour) else {
            continue;
        };
        let (begins, weekday, of_day) = asked.place(begin)?;
        let place = Place {
            begins,
            weekday,
            hour: of_day,
            device: hour
                .device
                .map(|device| device.to_string())
                .unwrap_or_default(),
            result: hour.result.encode_to_vec(),
        };
        let counted = counts.entry(place).or_insert((hour.result, 0));
        counted.1 += hour.count;
    }
    let counts = counts
        .into_iter()
        .map(|(place, (result, count))| AccessCount {
            begins_at: (place.weekday == 0)
                .then(|| Timestamp::from_second(place.begins).ok())
                .flatten()
                .map(timestamp_to_wire),
            weekday: place.weekday,
            hour: place.hour,
            device_id: place.device,
            result: Some(result),
            count,
        });
    Ok(AccessStatisticsResponse {
        counts: counts.collect(),
    })
}

impl Asked {
    /// In which way it is counted, as words `name=VALUE`.
    pub(super) fn words(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let by = self.by.as_str_name();
        let by_device = if self.query.by_device {
            " by_device=true"
        } else {
            ""
        };
        format!("by={by} zone={zone}{by_device}")
    }

    /// Where an hour is counted: begin, weekday, hour of the day.
    fn place(&self, begin: Timestamp) -> Result<(i64, u32, u32), Refusal> {
        let local = self.zone.to_datetime(begin);
        Ok(match self.by {
            CountBy::Unspecified | CountBy::Hour => (begin.as_second(), 0, 0),
            CountBy::Day => {
                let day = local.date().to_datetime(Time::midnight());
                let day = self.zone.to_timestamp(day).map_err(|_| Refusal::Internal)?;
                (day.as_second(), 0, 0)
            }
            CountBy::WeekdayAndHour => (
                0,
                number(local.weekday()),
                local.hour().unsigned_abs().into(),
            ),
        })
    }
}

/// As ISO 8601 counts.
fn number(weekday: Weekday) -> u32 {
    weekday.to_monday_one_offset().unsigned_abs().into()
}
