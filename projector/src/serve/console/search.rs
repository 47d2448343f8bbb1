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
    /// The address of a report of what is found.
    report: String,
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
        true => visit.found(request, &mut wrong).await?,
        false => SearchAccessResponse::default(),
    };
    let rows = found
        .records
        .iter()
        .map(|record| Row::of(visit.lang, &zone, record));
    Ok(Results {
        rows: rows.collect(),
        next: match found.next_page_token.as_str() {
            "" => String::new(),
            token => asked.address(complex, "search", token),
        },
        report: asked.address(complex, "report", ""),
        selects: asked.selects(&page),
        first: asked.page.is_empty(),
        wrong,
        asked,
        page,
    })
}

impl Visit {
    /// What a search finds; fields that it can't understand are told apart.
    pub(super) async fn found(
        &self,
        request: SearchAccessRequest,
        wrong: &mut Vec<String>,
    ) -> Result<SearchAccessResponse, Status> {
        match self.audit().search_access(self.request(request)?).await {
            Ok(found) => Ok(found.into_inner()),
            Err(status) if status.code() == Code::InvalidArgument => {
                let fields = status.get_details_bad_request().into_iter();
                let fields = fields.flat_map(|request| request.field_violations);
                wrong.extend(fields.map(|violation| violation.field));
                Ok(SearchAccessResponse::default())
            }
            Err(status) => Err(status),
        }
    }
}

/// A field that is filled, in words.
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: String,
}

impl Asked {
    pub(super) fn request(
        &self,
        complex: &str,
        zone: &Zone,
        wrong: &mut Vec<String>,
    ) -> SearchAccessRequest {
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

    /// What is asked for, in words.
    pub(super) fn given(&self, page: &Page) -> Vec<Given> {
        let texts = [
            (page.t("From", "С"), self.from.replace('T', " ")),
            (page.t("Until", "До"), self.until.replace('T', " ")),
            (page.t("Device", "Устройство"), self.device.clone()),
            (
                page.t("Person or pass (reference)", "Человек или пропуск (ссылка)"),
                self.subject.clone(),
            ),
            (page.t("Event id", "Номер события"), self.event.clone()),
        ];
        let chosen = self.selects(page).into_iter().filter_map(|select| {
            let chosen = select.choices.into_iter().find(|(.., chosen)| *chosen)?;
            Some((select.label, chosen.1.to_owned()))
        });
        let all = texts.into_iter().chain(chosen);
        all.filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| Given { name, value })
            .collect()
    }

    /// The address of a page about this search, or, with a token, behind a page of it.
    pub(super) fn address(&self, complex: &str, page: &str, token: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let given = self
            .fields()
            .into_iter()
            .filter(|(_, text)| !text.is_empty());
        query.extend_pairs(given);
        if !token.is_empty() {
            query.append_pair("page", token);
        }
        format!("/c/{complex}/{page}?{}", query.finish())
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
