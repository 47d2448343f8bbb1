//! Searching: the filters of `AuditService.SearchAccess`, as an address that can be shared.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use proto::access::audit_service_server::AuditService as _;
use proto::access::{SearchAccessRequest, SearchAccessResponse};
use records::timestamp_to_wire;
use serde::Deserialize;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::moment::Zone;
use super::page::{Page, Section};
use super::row::Row;
use super::visit::Visit;
use super::words::Choices;
use super::{reasons, words};

/// The fields of the form, as they were typed. Nothing in them names a person: a subject is a random
/// reference.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    from: String,
    until: String,
    device: String,
    subject: String,
    event: String,
    outcome: String,
    actor: String,
    kind: String,
    verdict: String,
    reason: String,
    method: String,
    automation: String,
    page: String,
}

/// A list of the form.
pub(super) struct Select {
    name: &'static str,
    label: &'static str,
    choices: Vec<(i32, &'static str, bool)>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Results {
    page: Page,
    asked: Asked,
    selects: Vec<Select>,
    /// Fields that are wrong.
    wrong: Vec<String>,
    rows: Vec<Row>,
    /// The address of the next page; empty for none.
    next: String,
    first: bool,
}

/// `GET /c/{complex}/search`.
pub(super) async fn show(
    visit: Visit,
    Path(complex): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    visit.answer(results(&visit, &complex, asked).await)
}

async fn results(visit: &Visit, complex: &str, asked: Asked) -> Result<Results, Status> {
    let page = visit.page(complex, Section::Search).await?;
    let zone = visit.zone(complex);
    let mut wrong = Vec::new();
    let request = asked.request(complex, &zone, &mut wrong);
    let found = match wrong.is_empty() {
        true => visit.audit().search_access(visit.request(request)?).await,
        false => Ok(tonic::Response::new(SearchAccessResponse::default())),
    };
    let found = match found {
        Ok(found) => found.into_inner(),
        Err(status) if status.code() == Code::InvalidArgument => {
            let fields = status.get_details_bad_request().into_iter();
            let fields = fields.flat_map(|request| request.field_violations);
            wrong.extend(fields.map(|violation| violation.field));
            SearchAccessResponse::default()
        }
        Err(status) => return Err(status),
    };
    let rows = found
        .records
        .iter()
        .map(|record| Row::of(visit.lang, &zone, record));
    Ok(Results {
        rows: rows.collect(),
        next: match found.next_page_token.as_str() {
            "" => String::new(),
            token => asked.address(complex, token),
        },
        selects: asked.selects(&page),
        first: asked.page.is_empty(),
        wrong,
        asked,
        page,
    })
}

impl Asked {
    fn request(&self, complex: &str, zone: &Zone, wrong: &mut Vec<String>) -> SearchAccessRequest {
        let mut time = |name: &str, text: &str| {
            let at = (!text.is_empty()).then(|| zone.parse(text));
            if at == Some(None) {
                wrong.push(name.to_owned());
            }
            at.flatten().map(timestamp_to_wire)
        };
        let (from, until) = (time("from", &self.from), time("until", &self.until));
        let mut number = |name: &str, text: &str| match text {
            "" => 0,
            text => text.parse().unwrap_or_else(|_| {
                wrong.push(name.to_owned());
                0
            }),
        };
        SearchAccessRequest {
            complex_id: complex.to_owned(),
            from,
            until,
            subject_ref: self.subject.trim().to_owned(),
            device_id: self.device.trim().to_owned(),
            event_id: self.event.trim().to_owned(),
            outcome: number("outcome", &self.outcome),
            automation: number("automation", &self.automation),
            actor: number("actor", &self.actor),
            kind: number("kind", &self.kind),
            verdict: number("verdict", &self.verdict),
            reason: number("reason", &self.reason),
            method: number("method", &self.method),
            page_size: 0,
            page_token: self.page.clone(),
        }
    }

    /// Every field with what it holds.
    fn fields(&self) -> [(&'static str, &str); 12] {
        [
            ("from", &self.from),
            ("until", &self.until),
            ("device", &self.device),
            ("subject", &self.subject),
            ("event", &self.event),
            ("outcome", &self.outcome),
            ("actor", &self.actor),
            ("kind", &self.kind),
            ("verdict", &self.verdict),
            ("reason", &self.reason),
            ("method", &self.method),
            ("automation", &self.automation),
        ]
    }

    /// The address of this search behind a page.
    fn address(&self, complex: &str, token: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let given = self
            .fields()
            .into_iter()
            .filter(|(_, text)| !text.is_empty());
        query.extend_pairs(given);
        query.append_pair("page", token);
        format!("/c/{complex}/search?{}", query.finish())
    }

    fn selects(&self, page: &Page) -> Vec<Select> {
        let lang = page.lang;
        let select = |name, label, chosen: &str, choices: Choices| Select {
            name,
            label,
            choices: choices
                .into_iter()
                .map(|(number, word)| (number, word, number.to_string() == chosen))
                .collect(),
        };
        vec![
            select(
                "kind",
                page.t("Kind", "Вид"),
                &self.kind,
                words::kinds(lang),
            ),
            select(
                "verdict",
                page.t("Decision", "Решение"),
                &self.verdict,
                words::verdicts(lang),
            ),
            select(
                "outcome",
                page.t("Outcome", "Исход"),
                &self.outcome,
                words::outcomes(lang),
            ),
            select(
                "reason",
                page.t("Reason", "Причина"),
                &self.reason,
                reasons::reasons(lang),
            ),
            select(
                "method",
                page.t("How", "Как"),
                &self.method,
                words::methods(lang),
            ),
            select(
                "automation",
                page.t("Automatic or manual", "Автоматически или вручную"),
                &self.automation,
                words::automations(lang),
            ),
            select(
                "actor",
                page.t("By whom", "Кто"),
                &self.actor,
                words::actors(lang),
            ),
        ]
    }

    fn further(&self) -> bool {
        let further = self.fields().into_iter().skip(4);
        further.into_iter().any(|(_, text)| !text.is_empty())
    }
}
