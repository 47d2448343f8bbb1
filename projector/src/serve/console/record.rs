//! One record with its whole story, each part of it with a proof that the browser checks. Printed, it
//! is a report of an incident.

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
struct Chapter {
    title: &'static str,
    explained: &'static str,
    at: Option<Moment>,
    event: String,
    groups: Vec<Group>,
    /// Of the record that was asked for.
    own: bool,
    index: u64,
    /// C2SP tlog-proof, version 1.
    proof: String,
}

#[derive(Template)]
#[template(path = "record.html")]
struct Story {
    page: Page,
    row: Row,
    operation: &'static str,
    chapters: Vec<Chapter>,
    /// The key of the log's checkpoints, and what the log is called.
    vkey: String,
    origin: String,
    made: Moment,
    size: u64,
}

/// `GET /c/{complex}/records/{event}`.
pub(super) async fn show(visit: Visit, Path((complex, event)): Path<(String, String)>) -> Response {
    visit.answer(story_of(&visit, complex, event).await)
}

async fn story_of(visit: &Visit, complex: String, event: String) -> Result<Story, Status> {
    let page = visit.page(&complex, Section::Search).await?;
    let zone = visit.zone(&complex);
    let request = GetAccessRecordRequest {
        complex_id: complex.clone(),
        event_id: event,
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
    let (record, proof) = proven(given).ok_or(Refusal::Internal)?;
    let further = story::further(visit, &record).await?;

    let own = Envelope::decode(proof.leaf.as_slice()).unwrap_or_default();
    let chapter = |own: bool, envelope: &Envelope, proof: &ProofFile| Chapter {
        title: facts::title(visit.lang, envelope),
        explained: facts::explained(visit.lang, envelope),
        at: zone.of_wire(envelope.occurred_at.as_ref()),
        event: envelope.event_id.clone(),
        groups: facts::of(visit.lang, &zone, envelope),
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
    let (origin, vkey) = key(visit, &complex)?;
    Ok(Story {
        row: Row::of(visit.lang, &zone, &record),
        operation: words::operation(visit.lang, record.operation),
        made: now(&zone),
        chapters,
        vkey,
        origin,
        size,
        page,
    })
}

fn now(zone: &Zone) -> Moment {
    zone.moment(jiff::Timestamp::now())
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
