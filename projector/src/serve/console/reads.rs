//! Who looked at what.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use proto::access::audit_service_server::AuditService as _;
use proto::access::{AuditRead, SearchReadsRequest};
use serde::Deserialize;
use tonic::Status;

use super::moment::{Moment, Zone};
use super::page::{Page, Section};
use super::row::Who;
use super::visit::Visit;
use super::words;

/// Whose reads, or about whom; as random references.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    reader: String,
    about: String,
    page: String,
}

struct Read {
    at: Option<Moment>,
    who: Who,
    what: &'static str,
    /// What was asked for, as it is recorded.
    asked: String,
    shown: u32,
}

#[derive(Template)]
#[template(path = "reads.html")]
struct Reads {
    page: Page,
    asked: Asked,
    reads: Vec<Read>,
    next: String,
}

/// `GET /c/{complex}/reads`.
pub(super) async fn show(
    visit: Visit,
    Path(complex): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    visit.answer(reads(&visit, &complex, asked).await)
}

async fn reads(visit: &Visit, complex: &str, asked: Asked) -> Result<Reads, Status> {
    let page = visit.page(complex, Section::Reads).await?;
    let zone = visit.zone(complex);
    let request = SearchReadsRequest {
        complex_id: complex.to_owned(),
        reader: asked.reader.trim().to_owned(),
        about: asked.about.trim().to_owned(),
        page_token: asked.page.clone(),
        ..Default::default()
    };
    let found = visit
        .audit()
        .search_reads(visit.request(request)?)
        .await?
        .into_inner();
    let next = match found.next_page_token.as_str() {
        "" => String::new(),
        token => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("reader", &asked.reader);
            query.append_pair("about", &asked.about);
            query.append_pair("page", token);
            format!("/c/{complex}/reads?{}", query.finish())
        }
    };
    let reads = found.reads.into_iter().map(|read| told(&page, &zone, read));
    Ok(Reads {
        reads: reads.collect(),
        next,
        asked,
        page,
    })
}

fn told(page: &Page, zone: &Zone, read: AuditRead) -> Read {
    let mut asked = Vec::new();
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            asked.push(format!("{name} {value}").trim().to_owned());
        }
    };
    let time = |at: Option<&prost_types::Timestamp>| {
        let at = zone.of_wire(at);
        at.map(|at| format!("{} {}", at.date, at.time))
            .unwrap_or_default()
    };
    say(page.t("from", "с"), &time(read.from.as_ref()));
    say(page.t("until", "до"), &time(read.until.as_ref()));
    say(page.t("device", "устройство"), &read.device_id);
    say(page.t("about", "о"), &read.subject_ref);
    say("", &read.object);
    for word in read.further.split(' ') {
        say("", &words::asked(page.lang, word));
    }
    let reader = read.reader.unwrap_or_default();
    Read {
        at: zone.of_wire(read.occurred_at.as_ref()),
        who: Who {
            kind: words::actor(page.lang, reader.kind),
            name: read.reader_user_id,
            subject: reader.subject_ref,
        },
        what: words::read(page.lang, read.method),
        asked: asked.join("; "),
        shown: read.shown,
    }
}
