//! The logs of a complex and their newest checkpoints, which the browser checks against what it has
//! seen before.

use askama::Template;
use auditlog::{LogId, Origin};
use axum::extract::{Path, Query};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use eventlog::Topic;
use prost::Message as _;
use proto::access::audit_service_server::AuditService as _;
use proto::access::{GetCheckpointRequest, GetConsistencyProofRequest, LogKind};
use proto::events::Envelope;
use serde::Deserialize;
use tonic::{Code, Status};

use super::moment::{Moment, Zone};
use super::page::{Page, Section};
use super::visit::Visit;
use crate::serve::status::Refusal;

const LOGS: [(LogKind, Topic); 3] = [
    (LogKind::Access, Topic::AccessEvents),
    (LogKind::Registry, Topic::RegistryEvents),
    (LogKind::Reads, Topic::AuditReads),
];

struct Log {
    title: &'static str,
    kind: i32,
    origin: String,
    vkey: String,
    /// The signed note; empty where the log has no checkpoint yet.
    note: String,
    size: String,
    root: String,
    newest: Option<Moment>,
    /// Names of the others who have signed it.
    witnesses: Vec<String>,
}

#[derive(Template)]
#[template(path = "integrity.html")]
struct Integrity {
    page: Page,
    logs: Vec<Log>,
}

/// `GET /c/{complex}/integrity`.
pub(super) async fn show(visit: Visit, Path(complex): Path<String>) -> Response {
    visit.answer(integrity(&visit, &complex).await)
}

async fn integrity(visit: &Visit, complex: &str) -> Result<Integrity, Status> {
    let page = visit.page(complex, Section::Integrity).await?;
    let zone = visit.zone(complex);
    let mut logs = Vec::new();
    for (kind, topic) in LOGS {
        logs.push(log(visit, &page, &zone, kind, topic).await?);
    }
    Ok(Integrity { page, logs })
}

async fn log(
    visit: &Visit,
    page: &Page,
    zone: &Zone,
    kind: LogKind,
    topic: Topic,
) -> Result<Log, Status> {
    let request = GetCheckpointRequest {
        complex_id: page.complex.clone(),
        log: kind.into(),
    };
    let note = match visit.audit().get_checkpoint(visit.request(request)?).await {
        Ok(answer) => answer.into_inner().checkpoint,
        Err(status) if status.code() == Code::NotFound => String::new(),
        Err(status) => return Err(status),
    };
    let (text, signatures) = note.split_once("\n\n").unwrap_or_default();
    let mut lines = text.lines().skip(1).map(ToOwned::to_owned);
    let id = LogId::new(topic.name(), &page.complex).map_err(Refusal::from)?;
    let origin = Origin::new(&visit.site.origin, &id).map_err(Refusal::from)?;
    let vkey = visit
        .site
        .verifier
        .vkey_for(&origin)
        .map_err(Refusal::from)?;
    let size = lines.next().unwrap_or_default();
    Ok(Log {
        title: match kind {
            LogKind::Registry => page.t("Who may do what", "Кому что можно"),
            LogKind::Reads => page.t("Who has read", "Кто читал"),
            _ => page.t("Accesses", "Доступы"),
        },
        kind: kind.into(),
        newest: newest(visit, zone, id, &size).await,
        root: lines.next().unwrap_or_default(),
        witnesses: signatures
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|name| *name != origin.as_str())
            .map(ToOwned::to_owned)
            .collect(),
        origin: origin.to_string(),
        vkey,
        note,
        size,
    })
}

/// When the newest record happened. Nothing else of it is told, so it is about nobody.
async fn newest(visit: &Visit, zone: &Zone, log: LogId, size: &str) -> Option<Moment> {
    let last = size.parse::<u64>().ok()?.checked_sub(1)?;
    let reader = visit.site.serving.logs.reader(log).ok()?;
    let leaf = reader.entry(last).await.ok()?;
    zone.of_wire(Envelope::decode(leaf).ok()?.occurred_at.as_ref())
}

/// Two sizes of a log.
#[derive(Deserialize)]
pub(super) struct Sizes {
    log: i32,
    old: u64,
    new: u64,
}

/// `GET /c/{complex}/integrity/consistency`: the hashes of a proof, one a line, in base64.
pub(super) async fn consistency(
    visit: Visit,
    Path(complex): Path<String>,
    Query(sizes): Query<Sizes>,
) -> Response {
    let request = GetConsistencyProofRequest {
        complex_id: complex,
        log: sizes.log,
        old_size: sizes.old,
        new_size: sizes.new,
    };
    let request = match visit.request(request) {
        Ok(request) => request,
        Err(status) => return visit.refused(&status),
    };
    match visit.audit().get_consistency_proof(request).await {
        Ok(answer) => {
            let hashes = answer.into_inner().hashes;
            let lines = hashes
                .iter()
                .map(|hash| BASE64_STANDARD.encode(hash) + "\n");
            let text: String = lines.collect();
            ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
        }
        Err(status) => visit.refused(&status),
    }
}
