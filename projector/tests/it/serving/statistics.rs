//! Accesses counted in a time zone.

use domain::event::Event;
use domain::vocabulary::{Observation, Outcome, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::{AccessStatisticsRequest, CountBy};
use records::timestamp_to_wire;
use tonic::Code;

use crate::fixture::{command, completed, decided, device, observed};

use super::{Site, fields, reason};

fn on(day: u32, time: &str) -> Timestamp {
    format!("2026-11-{day:02}T{time}Z").parse().unwrap()
}

fn asked(by: CountBy, zone: &str) -> AccessStatisticsRequest {
    AccessStatisticsRequest {
        complex_id: "sunrise".into(),
        from: Some(timestamp_to_wire(on(23, "00:00:00"))),
        until: Some(timestamp_to_wire(on(26, "12:00:00"))),
        time_zone: zone.to_owned(),
        by: by.into(),
        ..AccessStatisticsRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_outcomes_and_reports_are_counted_once_each_in_the_zone_that_is_asked_for() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let gate = device("sunrise.gate");
    let access = Topic::AccessEvents;
    // A command is claimed twice, done, and said to be done again; the partner says what it saw twice.
    let now = Timestamp::now();
    for _ in 0..2 {
        let decision = decided(&gate, command(1), Verdict::Allow, now);
        fixture.signed(access, &decision).await;
    }
    let done = Event {
        occurred_at: on(24, "21:30:00"),
        ..completed(&gate, command(1), Outcome::Executed)
    };
    for _ in 0..2 {
        fixture.signed(access, &done).await;
        fixture
            .unsigned(access, &observed(&gate, "e", 1, on(25, "20:59:59")))
            .await;
    }
    fixture
        .unsigned(access, &observed(&gate, "f", 1, on(25, "21:00:00")))
        .await;
    site.projected().await;
    let mut audit = site.audit().await;
    let mut count = async |asked| {
        let answer = audit.access_statistics(site.auditor(asked)).await.unwrap();
        answer.into_inner().counts
    };

    // In Moscow both ends of an evening are another day's.
    let days = count(asked(CountBy::Day, "Europe/Moscow")).await;
    let told: Vec<_> = days
        .iter()
        .map(|one| {
            let result = one.result.unwrap();
            (
                one.begins_at.unwrap(),
                result.outcome,
                result.observation,
                one.count,
            )
        })
        .collect();
    let (executed, granted) = (Outcome::Executed.number(), Observation::Granted.number());
    let day = |day| timestamp_to_wire(on(day, "21:00:00"));
    let expected = [
        (day(24), 0, granted, 1),
        (day(24), executed, 0, 1),
        (day(25), 0, granted, 1),
    ];
    let mut told = told;
    told.sort_by_key(|one| (one.0.seconds, one.1));
    assert_eq!(told, expected);
    let week = count(asked(CountBy::WeekdayAndHour, "Europe/Moscow")).await;
    let told: Vec<_> = week
        .iter()
        .map(|one| (one.weekday, one.hour, one.count))
        .collect();
    // The 25th of November 2026 is a Wednesday.
    assert_eq!(told, [(3, 0, 1), (3, 23, 1), (4, 0, 1)]);

    // The decision counts once, in its own hour.
    let today = AccessStatisticsRequest {
        from: Some(timestamp_to_wire(now)),
        until: Some(timestamp_to_wire(now + jiff::SignedDuration::from_secs(1))),
        by_device: true,
        ..asked(CountBy::Hour, "")
    };
    let today = count(today).await;
    let decisions: Vec<_> = today
        .iter()
        .filter(|one| one.result.unwrap().verdict != 0)
        .collect();
    assert_eq!(decisions.len(), 1);
    assert_eq!(
        (decisions[0].count, decisions[0].device_id.as_str()),
        (1, "sunrise.gate")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_counted_is_refused_by_name() {
    let site = Site::start().await;
    let mut audit = site.audit().await;
    let wrong = AccessStatisticsRequest {
        complex_id: "sunrise".into(),
        time_zone: "Mars/Olympus".into(),
        by: 9,
        ..AccessStatisticsRequest::default()
    };
    let refused = audit
        .access_statistics(site.auditor(wrong))
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["from", "until", "time_zone", "by"]);
    let long = AccessStatisticsRequest {
        from: Some(timestamp_to_wire(
            on(1, "00:00:00") - jiff::SignedDuration::from_hours(401 * 24),
        )),
        ..asked(CountBy::Hour, "")
    };
    let refused = audit
        .access_statistics(site.auditor(long))
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["until"]);
    let elsewhere = AccessStatisticsRequest {
        complex_id: "sunset".into(),
        ..asked(CountBy::Hour, "")
    };
    let refused = audit
        .access_statistics(site.auditor(elsewhere))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "COMPLEX_NOT_FOUND".into())
    );
}
