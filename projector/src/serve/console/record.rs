//! One record with its whole story, each part of it with a proof that the browser checks.

use askama::Template;
use auditlog::{LogId, Origin, ProofFile};
use axum::extract::Path;
use axum::response::Response;
use eventlog::Topic;
use prost::Message as _;
use proto::access::audit_service_server::AuditService as _;
use proto::access::{AccessRecord, GetAccessRecordRequest, GetAccessRecordResponse};
use proto::events::Envelope;
use tonic::Status;

use super::facts::{self, Group};
use super::moment::{Moment, Zone};
use super::page::{Page, Section};
use super::row::Row;
use super::visit::Visit;
use super::{story, words};
use crate::serve::status::Refusal;

/// One record of a story.
pub(super) struct Chapter {
    pub(super) title: &'static str,
    pub(super) explained: &'static str,
    pub(super) at: Option<Moment>,
    pub(super) event: String,
    pub(super) groups: Vec<Group>,
    /// Of the record that was asked for.
    pub(super) own: bool,
    pub(super) index: u64,
    /// C2SP tlog-proof, version 1.
    pub(super) proof: String,
}

/// An access with all that belongs to it.
pub(super) struct Story {
    pub(super) row: Row,
    pub(super) operation: &'static str,
    /// In the order of the log.
    pub(super) chapters: Vec<Chapter>,
    /// The tree that its proof is of, as its checkpoint says.
    pub(super) size: u64,
    pub(super) checkpoint: String,
}

impl Story {
    /// Event id and place of each of its records.
    pub(super) fn checks(&self) -> Vec<(String, u64)> {
        let chapters = self.chapters.iter();
        chapters
            .map(|chapter| (chapter.event.clone(), chapter.index))
            .collect()
    }
}

#[derive(Template)]
#[template(path = "record.html")]
struct Record {
    page: Page,
    row: Row,
    operation: &'static str,
    chapters: Vec<Chapter>,
    /// Event id and place of each, which the browser checks.
    checks: Vec<(String, u64)>,
    /// The key of the log's checkpoints, and what the log is called.
    vkey: String,
    origin: String,
    size: u64,
}

/// `GET /c/{complex}/records/{event}`.
pub(super) async fn show(visit: Visit, Path((complex, event)): Path<(String, String)>) -> Response {
    visit.answer(record(&visit, &complex, &event).await)
}

async fn record(visit: &Visit, complex: &str, event: &str) -> Result<Record, Status> {
    let page = visit.page(complex, Section::Search).await?;
    let zone = visit.zone(complex);
    let story = told(visit, &zone, complex, event).await?;
    let (origin, vkey) = key(visit, complex)?;
    Ok(Record {
        checks: story.checks(),
        row: story.row,
        operation: story.operation,
        chapters: story.chapters,
        size: story.size,
        vkey,
        origin,
        page,
    })
}

/// The story of an access, each part of it with its proof.
pub(super) async fn told(
    visit: &Visit,
    zone: &Zone,
    complex: &str,
    event: &str,
) -> Result<Story, Status> {
    let request = GetAccessRecordRequest {
        complex_id: complex.to_owned(),
        event_id: event.to_owned(),
        tree_size: 0,
    };
    let given = visit
        .audit()
        .get_access_record(visit.request(request)?)
        .await?
        .into_inner();
    let size = given
        .inclusion_proof
        .as_ref()
        .map_or(0, |proof| proof.tree_size);
    let checkpoint = given.checkpoint.clone();
    let (record, proof) = proven(given).ok_or(Refusal::Internal)?;
    let further = story::further(visit, &record).await?;

    let own = Envelope::decode(proof.leaf.as_slice()).unwrap_or_default();
    let chapter = |own: bool, envelope: &Envelope, proof: &ProofFile| Chapter {
        title: facts::title(visit.lang, envelope),
        explained: facts::explained(visit.lang, envelope),
        at: zone.of_wire(envelope.occurred_at.as_ref()),
        event: envelope.event_id.clone(),
        groups: facts::of(visit.lang, zone, envelope),
        own,
        index: proof.index,
        proof: proof.text(),
    };
    let mut chapters: Vec<Chapter> = further
        .iter()
        .map(|(envelope, proof)| chapter(false, envelope, proof))
        .collect();
    chapters.push(chapter(true, &own, &proof));
    chapters.sort_by_key(|chapter| chapter.index);
    Ok(Story {
        row: Row::of(visit.lang, zone, &record),
        operation: words::operation(visit.lang, record.operation),
        chapters,
        size,
        checkpoint,
    })
}

/// The record and its proof, as a file would hold it.
fn proven(given: GetAccessRecordResponse) -> Option<(AccessRecord, ProofFile)> {
    let inclusion = given.inclusion_proof?;
    let hashes = inclusion.hashes.into_iter().map(TryInto::try_into);
    let proof = ProofFile {
        leaf: given.leaf,
        index: inclusion.leaf_index,
        hashes: hashes.collect::<Result<_, _>>().ok()?,
        checkpoint: given.checkpoint,
    };
    Some((given.record?, proof))
}

/// What a complex' log of accesses is called, and the key that signs its checkpoints.
pub(super) fn key(visit: &Visit, complex: &str) -> Result<(String, String), Refusal> {
    let log = LogId::new(Topic::AccessEvents.name(), complex)?;
    let origin = Origin::new(&visit.site.origin, &log)?;
    let vkey = visit.site.verifier.vkey_for(&origin)?;
    Ok((origin.to_string(), vkey))
}
