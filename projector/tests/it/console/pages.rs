//! What pages show, and that it stands in the log before.

use domain::event::Event;
use domain::id::EventId;
use domain::vocabulary::{Observation, Outcome, ReadMethod, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use reqwest::StatusCode;

use super::{Browser, Pages};
use crate::fixture::{command, completed, decided, device, remote, status};
use crate::serving::reads::recorded;
use crate::site::AUDITOR;

/// A site where somebody opened the gate of `sunrise` by a command; and that command's decision.
pub(super) async fn with_an_opening() -> (Pages, EventId) {
    let pages = Pages::start().await;
    let (site, gate) = (&pages.site, device("sunrise.gate"));
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    let fixture = &site.disk.fixture;
    fixture.signed(Topic::AccessEvents, &decision).await;
    let done = Event {
        occurred_at: Timestamp::now(),
        ..completed(&gate, command(1), Outcome::Executed)
    };
    fixture.signed(Topic::AccessEvents, &done).await;
    let seen = remote(&gate, "partner-1", Some(command(1)), Observation::Granted);
    fixture.unsigned(Topic::AccessEvents, &seen).await;
    let report = status(&gate, Default::default(), Timestamp::now());
    fixture.unsigned(Topic::DeviceStatus, &report).await;
    site.projected().await;
    (pages, decision.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_shown_in_both_languages_and_stands_in_the_log() {
    let (pages, event) = with_an_opening().await;
    let mut browser = Browser::default();
    let record = format!("/c/sunrise/records/{event}");
    pages.log_in(&mut browser, "one", "/c/sunrise/now").await;
    let parts = [
        ("/c/sunrise/now", "Newest accesses", "Последние события"),
        (
            "/c/sunrise/search?outcome=1",
            "remote command",
            "удалённая команда",
        ),
        (
            record.as_str(),
            "A right that stood in the registry",
            "Право, записанное в реестре",
        ),
        (
            "/c/sunrise/pictures?days=7",
            "Denials by reason",
            "Отказы по причинам",
        ),
        (
            "/c/sunrise/pictures?days=1",
            "<dt>Half answered in</dt><dd>≤ 25 ms</dd>",
            "<dt>Половина за</dt><dd>≤ 25 мс</dd>",
        ),
        (
            "/c/sunrise/report?device=sunrise.gate",
            "Incident report",
            "Отчёт об инциденте",
        ),
        ("/c/sunrise/reads", "a record", "подсчёт событий"),
        (
            "/c/sunrise/integrity",
            "The checkpoint and the key",
            "Контрольная точка и ключ",
        ),
    ];
    for (path, english, russian) in parts {
        browser.cookies.remove("__Host-language");
        browser.language = "en";
        // Reads are shown once they are projected.
        pages.site.projected().await;
        let shown = pages.get(&mut browser, path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(shown.text.contains(english), "{path}: {}", shown.text);
        assert!(shown.text.len() < 200_000, "{path}");
        browser.language = "ru";
        let shown = pages.get(&mut browser, path).await;
        assert!(shown.text.contains(russian), "{path}: {}", shown.text);
        assert!(shown.text.contains("<html lang=\"ru\">"), "{path}");
        // A choice outlives what the browser asks for.
        let back = path.replace('?', "%3F").replace('=', "%3D");
        let chosen = pages
            .get(&mut browser, &format!("/language/en?back={back}"))
            .await;
        assert_eq!(chosen.header("location"), path);
        assert!(
            pages.get(&mut browser, path).await.text.contains(english),
            "{path}"
        );
    }
    let mut methods: Vec<_> = recorded(&pages.site).await;
    assert!(methods.iter().all(|(reader, _)| *reader == Some(AUDITOR.0)));
    methods.retain(|(_, read)| read.method == ReadMethod::GetRecord);
    assert_eq!(methods[0].1.object, event.to_string());
    assert_eq!(methods[0].1.shown.len(), 1, "whom it is about");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_told_with_all_that_belongs_to_it() {
    let (pages, event) = with_an_opening().await;
    let mut browser = Browser::default();
    let path = format!("/c/sunrise/records/{event}");
    let shown = pages.log_in(&mut browser, "one", &path).await;
    for title in [
        "The command was judged",
        "The partner was asked",
        "The partner reported",
    ] {
        assert_eq!(shown.text.matches(title).count(), 1, "{title}");
    }
    assert_eq!(shown.text.matches("c2sp.org/tlog-proof@v1").count(), 3);
    // A report of the device tells each record once, and who looks at it is in the log.
    let report = "/c/sunrise/report?device=sunrise.gate&from=2026-01-01T00:00";
    let report = pages.get(&mut browser, report).await;
    assert_eq!(report.text.matches("c2sp.org/tlog-proof@v1").count(), 3);
    assert_eq!(report.text.matches("class=\"incident\"").count(), 1);
    let explain = format!("auditctl explain audit-sunrise.tar {event} --key");
    for part in [&explain, "Europe/Moscow", "2026-01-01 00:00", "Signature"] {
        assert!(report.text.contains(part), "{part}");
    }
    let nothing = "/c/sunrise/report?device=sunrise.door";
    let nothing = pages.get(&mut browser, nothing).await;
    assert!(nothing.text.contains("nothing to report"));
    let wrong = pages.get(&mut browser, "/c/sunrise/report?from=soon").await;
    assert!(wrong.text.contains("role=\"alert\""));
    let found = pages
        .get(&mut browser, "/c/sunrise/search?device=sunrise.gate")
        .await;
    let reported = "href=\"/c/sunrise/report?device=sunrise.gate\"";
    assert!(found.text.contains(reported));
    assert!(found.text.contains(&format!("href=\"{path}\"")));
    let none = pages.get(&mut browser, "/c/sunrise/search?reason=2").await;
    assert!(none.text.contains("Nothing matches."));
    for wrong in ["subject=somebody", "from=soon", "reason=x"] {
        let shown = pages
            .get(&mut browser, &format!("/c/sunrise/search?{wrong}"))
            .await;
        assert!(shown.text.contains("role=\"alert\""), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_taken_from_a_form_of_this_login_alone_and_is_recorded_before() {
    let (pages, _) = with_an_opening().await;
    let mut browser = Browser::default();
    let path = "/c/sunrise/export";
    let form = pages.log_in(&mut browser, "one", path).await;
    let csrf = form.between("name=\"csrf\" value=\"", "\"").to_owned();
    let own = pages.origin.clone();
    for (token, from) in [("", own.as_str()), (&csrf, "https://evil.example")] {
        let refused = pages
            .post(&mut browser, path, &[("csrf", token)], from)
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{from}");
    }
    assert!(
        recorded(&pages.site)
            .await
            .iter()
            .all(|(_, read)| read.method != ReadMethod::Export)
    );
    let wrong = [
        ("csrf", csrf.as_str()),
        ("from", "yesterday"),
        ("id", "first"),
    ];
    let refused = pages.post(&mut browser, path, &wrong, &own).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.text.contains("<code>from</code>"),
        "{}",
        refused.text
    );

    let asked = [
        ("csrf", csrf.as_str()),
        ("from", "2026-01-01T00:00"),
        ("until", ""),
        ("id", "second"),
    ];
    let archive = pages.post(&mut browser, path, &asked, &own).await;
    assert_eq!(archive.status, StatusCode::OK);
    // It is known before, and what came is as long, else the client had failed.
    let size: u64 = archive.header("content-length").parse().unwrap();
    assert!(size >= 8192 && size.is_multiple_of(512), "{size}");
    // How far each is, its own login is told.
    let how = |id: &str| format!("{path}/progress?id={id}");
    let failed = pages.get(&mut browser, &how("first")).await;
    assert!(
        failed.text.contains(r#""state":"failed""#),
        "{}",
        failed.text
    );
    let whole = pages.get(&mut browser, &how("second")).await;
    assert!(
        whole.text.contains(r#""state":"whole","done":10000"#),
        "{}",
        whole.text
    );
    let none = pages.get(&mut browser, &how("third")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let mut other = Browser::default();
    pages.log_in(&mut other, "one", path).await;
    let elsewhere = pages.get(&mut other, &how("second")).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    assert_eq!(archive.header("content-type"), "application/x-tar");
    assert!(archive.text.starts_with("README.txt"));
    assert!(archive.text.ends_with(&"\0".repeat(1024)), "it is whole");
    assert!(archive.text.contains("sunrise.gate"));
    let reads = recorded(&pages.site).await;
    assert!(
        reads
            .iter()
            .any(|(_, read)| read.method == ReadMethod::Export)
    );
    let other = pages
        .post(&mut browser, "/c/sunset/export", &asked, &own)
        .await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
