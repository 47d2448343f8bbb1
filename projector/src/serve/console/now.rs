//! What is happening in a complex: the newest accesses, alarms of the last day, devices.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use proto::access::audit_service_server::AuditService as _;
use proto::access::device_status_service_server::DeviceStatusService as _;
use proto::access::{
    AccessRecord, Alarm, DeviceStatus, ListDeviceStatusesRequest, SearchAccessRequest,
    SearchAlarmsRequest,
};
use records::timestamp_to_wire;
use tonic::Status;

use super::moment::{Moment, Zone, instant};
use super::page::{Page, Section};
use super::row::{self, Mark, Row};
use super::visit::Visit;
use super::words;

/// Accesses that are looked at, for the last opening of each device, and that are listed.
const LOOKED_AT: u32 = 200;
const LISTED: usize = 25;
/// Alarms that are listed.
const ALARMS: u32 = 20;
/// How far back alarms are listed.
const DAY: SignedDuration = SignedDuration::from_hours(24);

struct Warning {
    text: &'static str,
    device: String,
    at: Option<Moment>,
    /// The record that it is about.
    event: String,
}

struct Silent {
    device: String,
    at: Option<Moment>,
}

struct Device {
    id: String,
    mark: Mark,
    details: String,
    seen: Option<Moment>,
    opened: Option<Moment>,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    page: Page,
    rows: Vec<Row>,
    warnings: Vec<Warning>,
    more_warnings: bool,
    silent: Vec<Silent>,
    devices: Vec<Device>,
    looked_at: u32,
    /// There are no more records.
    all_looked_at: bool,
    made: Moment,
}

/// `GET /c/{complex}/now`.
pub(super) async fn show(visit: Visit, Path(complex): Path<String>) -> Response {
    visit.answer(now(&visit, &complex).await)
}

async fn now(visit: &Visit, complex: &str) -> Result<Now, Status> {
    let page = visit.page(complex, Section::Now).await?;
    let zone = visit.zone(complex);
    let now = Timestamp::now();
    let accesses = SearchAccessRequest {
        complex_id: complex.to_owned(),
        page_size: LOOKED_AT,
        ..Default::default()
    };
    let accesses = visit
        .audit()
        .search_access(visit.request(accesses)?)
        .await?;
    let accesses = accesses.into_inner();
    let records = accesses.records;
    let alarms = SearchAlarmsRequest {
        complex_id: complex.to_owned(),
        // By the minute, so that the same look in one minute is the same question.
        from: since(now).map(timestamp_to_wire),
        page_size: ALARMS,
        ..Default::default()
    };
    let alarms = visit
        .audit()
        .search_alarms(visit.request(alarms)?)
        .await?
        .into_inner();
    let devices = ListDeviceStatusesRequest {
        complex_id: complex.to_owned(),
    };
    let devices = visit
        .devices()
        .list_device_statuses(visit.request(devices)?)
        .await?;
    let opened = last_openings(&records);
    let made = zone.moment(now);
    let mut rows: Vec<Row> = records
        .iter()
        .take(LISTED)
        .map(|record| Row::of(visit.lang, &zone, record))
        .collect();
    let devices = devices.into_inner().statuses.into_iter();
    let mut devices: Vec<Device> = devices
        .map(|status| device(&page, &zone, &opened, status))
        .collect();
    // Of today the time of day is enough.
    let devices_at = devices
        .iter_mut()
        .flat_map(|device| [&mut device.seen, &mut device.opened]);
    let times = rows.iter_mut().map(|row| &mut row.at).chain(devices_at);
    for at in times.flatten().filter(|at| at.date == made.date) {
        at.date.clear();
    }
    Ok(Now {
        rows,
        warnings: alarms
            .alarms
            .iter()
            .map(|alarm| warning(visit, &zone, alarm))
            .collect(),
        more_warnings: !alarms.next_page_token.is_empty(),
        silent: alarms
            .stale
            .into_iter()
            .map(|device| Silent {
                at: zone.of_wire(device.last_seen.as_ref()),
                device: device.device_id,
            })
            .collect(),
        devices,
        looked_at: LOOKED_AT,
        all_looked_at: accesses.next_page_token.is_empty(),
        made,
        page,
    })
}

fn since(now: Timestamp) -> Option<Timestamp> {
    let begin = (now - DAY).as_second();
    Timestamp::from_second(begin - begin.rem_euclid(60)).ok()
}

fn warning(visit: &Visit, zone: &Zone, alarm: &Alarm) -> Warning {
    let about = alarm.evidence.first();
    Warning {
        text: words::alarm(visit.lang, alarm.kind),
        device: alarm.device_id.clone(),
        at: zone.of_wire(alarm.occurred_at.as_ref()),
        event: about
            .map(|record| record.event_id.clone())
            .unwrap_or_default(),
    }
}

/// The newest opening of each device among these, which are newest first.
fn last_openings(records: &[AccessRecord]) -> HashMap<String, Timestamp> {
    let mut last = HashMap::new();
    for record in records.iter().filter(|record| row::opened(record)) {
        if let Some(at) = record.occurred_at.as_ref().and_then(instant) {
            last.entry(record.device_id.clone()).or_insert(at);
        }
    }
    last
}

fn device(
    page: &Page,
    zone: &Zone,
    opened: &HashMap<String, Timestamp>,
    status: DeviceStatus,
) -> Device {
    let lang = page.lang;
    let (class, sign, word) = match (status.stale, status.online) {
        (true, _) => ("open", "?", page.t("nobody knows", "неизвестно")),
        (false, true) => ("good", "●", page.t("online", "на связи")),
        (false, false) => ("bad", "○", page.t("offline", "не на связи")),
    };
    let mut details = Vec::new();
    let mut say = |name: &str, word: &str| {
        if word != "—" {
            details.push(format!("{name}: {word}"));
        }
    };
    say(
        page.t("lock", "замок"),
        words::lock(lang, status.lock_state),
    );
    say(
        page.t("door", "дверь"),
        words::door(lang, status.door_position),
    );
    say(page.t("power", "питание"), words::power(lang, status.power));
    if let Some(percent) = status.battery_percent {
        say(page.t("battery", "батарея"), &format!("{percent} %"));
    }
    if status.tamper == Some(true) {
        say(page.t("tamper", "вскрытие"), page.t("yes", "да"));
    }
    Device {
        mark: Mark { class, sign, word },
        details: details.join(", "),
        seen: zone.of_wire(status.observed_at.as_ref()),
        opened: opened.get(&status.device_id).map(|at| zone.moment(*at)),
        id: status.device_id,
    }
}
