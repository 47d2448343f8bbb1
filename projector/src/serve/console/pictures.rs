//! Accesses counted and drawn, each picture with its numbers beside it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use proto::access::audit_service_server::AuditService as _;
use proto::access::{AccessStatisticsRequest, CountBy, GetCompletenessRequest};
use records::timestamp_to_wire;
use serde::Deserialize;
use tonic::Status;

use super::lang::Lang;
use super::latency::{self, Latency, Line};
use super::moment::Zone;
use super::page::{Page, Section};
use super::tally::{self, Amounts, Counted};
use super::visit::Visit;
use super::{reasons, svg, words};
use crate::views::hours::{LATENCIES, TOO_LATE};

/// Days that can be looked at.
const PERIODS: [u16; 4] = [1, 7, 30, 90];

/// Over how many days.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    days: Option<u16>,
}

/// One bar of a list.
struct Bar {
    name: String,
    count: u64,
    /// Its width, in hundredths of a percent of the longest.
    width: u64,
    note: String,
}

struct Bars {
    title: &'static str,
    caption: &'static str,
    what: &'static str,
    bars: Vec<Bar>,
}

/// How long partners took to answer.
struct Latencies {
    all: Line,
    drawn: String,
    /// Each with its title and the head of its first column.
    tables: [(&'static str, &'static str, Vec<Line>); 2],
}

#[derive(Template)]
#[template(path = "pictures.html")]
struct Pictures {
    page: Page,
    days: u16,
    periods: [(u16, &'static str); 4],
    heat: String,
    week: Vec<(&'static str, [u64; 24])>,
    columns: String,
    /// Each day of the time, unless nothing happened in all of it.
    by_day: Vec<(String, Amounts)>,
    latencies: Latencies,
    lists: Vec<Bars>,
}

/// `GET /c/{complex}/pictures`.
pub(super) async fn show(
    visit: Visit,
    Path(complex): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let days = asked
        .days
        .filter(|days| PERIODS.contains(days))
        .unwrap_or(30);
    visit.answer(pictures(&visit, &complex, days).await)
}

async fn pictures(visit: &Visit, complex: &str, days: u16) -> Result<Pictures, Status> {
    let page = visit.page(complex, Section::Pictures).await?;
    let zone = visit.zone(complex);
    let counts = count(visit, complex, &zone, days).await?;
    let week = tally::week(&counts);
    let counted = tally::days(&counts);
    // A time of so many days begins within one more.
    let calendar = match counted.is_empty() {
        true => Vec::new(),
        false => zone.days_to(Timestamp::now(), days + 1),
    };
    let amounts = |day: String| {
        let amounts = counted.get(day.as_str()).copied().unwrap_or_default();
        (day, amounts)
    };
    let by_day: Vec<(String, Amounts)> = calendar.into_iter().map(amounts).collect();
    let short = by_day.iter().map(|(day, amounts)| {
        let day = day.split_once('-').map_or("", |(_, day)| day);
        (day.to_owned(), *amounts)
    });
    let short: Vec<_> = short.collect();
    let weekdays = match page.lang {
        Lang::En => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        Lang::Ru => ["Пн", "Вт", "Ср", "Чт", "Пт", "Сб", "Вс"],
    };
    let heat = page.t(
        "Openings by weekday and hour",
        "Открытия по дням недели и часам",
    );
    let columns = page.t("Results by day", "Итоги по дням");
    let periods = [
        page.t("24 hours", "сутки"),
        page.t("7 days", "7 дней"),
        page.t("30 days", "30 дней"),
        page.t("90 days", "90 дней"),
    ];
    let mut periods = periods.into_iter();
    Ok(Pictures {
        heat: svg::heat(&week, weekdays, heat),
        week: weekdays.into_iter().zip(week).collect(),
        columns: svg::columns(&short, columns),
        by_day,
        latencies: latencies(&page, &counts),
        lists: lists(visit, &page, &counts).await?,
        days,
        periods: PERIODS.map(|days| (days, periods.next().unwrap_or_default())),
        page,
    })
}

/// By hours, from the last full one back, so that the same look within an hour is the same question.
async fn count(
    visit: &Visit,
    complex: &str,
    zone: &Zone,
    days: u16,
) -> Result<Vec<Counted>, Status> {
    let now = Timestamp::now().as_second();
    let until = Timestamp::from_second(now - now.rem_euclid(3600) + 3600).unwrap_or(Timestamp::MAX);
    let from = until - SignedDuration::from_hours(24 * i64::from(days));
    let request = AccessStatisticsRequest {
        complex_id: complex.to_owned(),
        from: Some(timestamp_to_wire(from)),
        until: Some(timestamp_to_wire(until)),
        by: CountBy::Hour.into(),
        ..Default::default()
    };
    let counted = visit
        .audit()
        .access_statistics(visit.request(request)?)
        .await?;
    Ok(tally::placed(&counted.into_inner().counts, zone))
}

fn latencies(page: &Page, counts: &[Counted]) -> Latencies {
    let lang = page.lang;
    let (all, hours, days) = latency::latencies(counts);
    let line = |(name, of): (String, &Latency)| Line::of(lang, name, of);
    let hours = hours.iter().enumerate();
    let hours: Vec<Line> = hours
        .map(|(hour, of)| line((format!("{hour:02}"), of)))
        .collect();
    let days = days.iter().filter(|(_, of)| of.asked() > 0);
    let names = LATENCIES.into_iter().chain([TOO_LATE]);
    let names: Vec<String> = names.map(|bound| latency::told(lang, bound)).collect();
    let title = page.t(
        "How long the partner took to answer, by hour of the day",
        "Сколько партнёр отвечал, по часам суток",
    );
    let days = days.map(|(day, of)| line(((*day).to_owned(), of)));
    let by_hour = page.t("By hour, as a table", "По часам, таблицей");
    let by_day = page.t("By day, as a table", "По дням, таблицей");
    Latencies {
        drawn: svg::levels(&hours, &names, title),
        all: line((String::new(), &all)),
        tables: [
            (by_hour, page.t("Hour", "Час"), hours),
            (by_day, page.t("Day", "День"), days.collect()),
        ],
    }
}

async fn lists(visit: &Visit, page: &Page, counts: &[Counted]) -> Result<Vec<Bars>, Status> {
    let lang = page.lang;
    let request = GetCompletenessRequest {
        complex_id: page.complex.clone(),
        ..Default::default()
    };
    let complete = visit
        .audit()
        .get_completeness(visit.request(request)?)
        .await?;
    let complete = tally::completeness(&complete.into_inner().epochs);
    let devices = complete
        .into_iter()
        .map(|(device, (received, expected))| Bar {
            name: device,
            count: received,
            width: svg::share(received, expected),
            note: format!("/ {expected}"),
        });
    Ok(vec![
        Bars {
            title: page.t("Automatic and manual", "Автоматически и вручную"),
            caption: page.t(
                "How openings began: by a camera or schedule, or by somebody's hand.",
                "Как начинались открытия: камерой и расписанием или рукой человека.",
            ),
            what: page.t("Openings", "Открытий"),
            bars: bars(tally::by(counts, tally::automation), |number| {
                words::automation(lang, number)
            }),
        },
        Bars {
            title: page.t("Ways in", "Способы"),
            caption: page.t("What openings were made with.", "Чем открывали."),
            what: page.t("Openings", "Открытий"),
            bars: bars(tally::by(counts, tally::method), |number| {
                words::method(lang, number)
            }),
        },
        Bars {
            title: page.t("Denials by reason", "Отказы по причинам"),
            caption: page.t(
                "Commands that this service did not allow.",
                "Команды, которые сервис не разрешил.",
            ),
            what: page.t("Denials", "Отказов"),
            bars: bars(tally::by(counts, tally::denial), |number| {
                reasons::reason(lang, number)
            }),
        },
        Bars {
            title: page.t(
                "Completeness of devices, 30 days",
                "Полнота устройств за 30 дней",
            ),
            caption: page.t(
                "Events that were recorded, of those that the devices counted.",
                "Записанные события из тех, что насчитали сами устройства.",
            ),
            what: page.t("Recorded", "Записано"),
            bars: devices.collect(),
        },
    ])
}

fn bars(counts: Vec<(i32, u64)>, name: impl Fn(i32) -> &'static str) -> Vec<Bar> {
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let bar = |(number, count): (i32, u64)| Bar {
        name: name(number).to_owned(),
        count,
        width: svg::share(count, most),
        note: String::new(),
    };
    counts.into_iter().map(bar).collect()
}
