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
use jiff::Timestamp;
use prost::Message as _;
use proto::access::audit_service_server::AuditService as _;
use proto::access::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest, LogKind,
};
use proto::events::Envelope;
use serde::Deserialize;
use tonic::{Code, Status};

use super::moment::{Moment, Zone, instant};
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
    /// How long ago that was.
    age: String,
    /// The others who have signed a checkpoint, with when.
    witnesses: Vec<(String, Option<Moment>)>,
    /// The size of the tree that they have signed.
    witnessed: String,
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
    let given = match visit.audit().get_checkpoint(visit.request(request)?).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::NotFound => GetCheckpointResponse::default(),
        Err(status) => return Err(status),
    };
    let cosigned = match given.cosigned.as_str() {
        "" => given.checkpoint.as_str(),
        cosigned => cosigned,
    };
    let witnessed = cosigned.lines().nth(1).unwrap_or_default();
    let note = &given.checkpoint;
    let mut lines = note.lines().skip(1).map(ToOwned::to_owned);
    let id = LogId::new(topic.name(), &page.complex).map_err(Refusal::from)?;
    let origin = Origin::new(&visit.site.origin, &id).map_err(Refusal::from)?;
    let vkey = visit
        .site
        .verifier
        .vkey_for(&origin)
        .map_err(Refusal::from)?;
    let size = lines.next().unwrap_or_default();
    let newest = newest(visit, id, &size).await;
    let now = Timestamp::now();
    Ok(Log {
        title: match kind {
            LogKind::Registry => page.t("Who may do what", "Кому что можно"),
            LogKind::Reads => page.t("Who has read", "Кто читал"),
            _ => page.t("Accesses", "События доступа"),
        },
        kind: kind.into(),
        newest: newest.map(|at| zone.moment(at)),
        age: newest
            .map(|at| page.lang.ago(now.duration_since(at)))
            .unwrap_or_default(),
        root: lines.next().unwrap_or_default(),
        witnesses: witnesses(cosigned, origin.as_str())
            .map(|(name, at)| (name, at.map(|at| zone.moment(at))))
            .collect(),
        witnessed: witnessed.to_owned(),
        origin: origin.to_string(),
        vkey,
        note: given.checkpoint,
        size,
    })
}

/// Who has signed a note besides the log itself; and when, as a cosignature says (C2SP tlog-cosignature, version
/// 1: after four bytes of the key's id seconds since 1970, big-endian).
fn witnesses(note: &str, origin: &str) -> impl Iterator<Item = (String, Option<Timestamp>)> {
    let (_, signatures) = note.split_once("\n\n").unwrap_or_default();
    signatures.lines().filter_map(move |line| {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = BASE64_STANDARD.decode(signature).ok()?;
        let seconds = (bytes.len() == 4 + 8 + 64).then(|| bytes.get(4..12));
        let seconds = seconds.flatten().and_then(|bytes| bytes.try_into().ok());
        let seconds = seconds.and_then(|bytes| i64::try_from(u64::from_be_bytes(bytes)).ok());
        let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        (name != origin).then(|| (name.to_owned(), at))
    })
}

/// When the newest record happened. Nothing else of it is told, so it is about nobody.
async fn newest(visit: &Visit, log: LogId, size: &str) -> Option<Timestamp> {
    let last = size.parse::<u64>().ok()?.checked_sub(1)?;
    let reader = visit.site.serving.logs.reader(log).ok()?;
    let leaf = reader.entry(last).await.ok()?;
    instant(Envelope::decode(leaf).ok()?.occurred_at.as_ref()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witnesses_are_told_with_when_they_signed() {
        let mut cosignature = vec![7; 4 + 8 + 64];
        cosignature[4..12].copy_from_slice(&1_795_816_800_u64.to_be_bytes());
        let note = format!(
            "log\n3\nroot\n\n\u{2014} log {}\n\u{2014} witness {}\n\u{2014} other AAAA\n",
            BASE64_STANDARD.encode([7; 68]),
            BASE64_STANDARD.encode(cosignature)
        );
        let told: Vec<_> = witnesses(&note, "log").collect();
        let at = Timestamp::from_second(1_795_816_800).ok();
        assert_eq!(
            told,
            [("witness".to_owned(), at), ("other".to_owned(), None)]
        );
    }
}
