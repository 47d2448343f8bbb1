//! Reading as an auditor does.

use anyhow::Result;
use harness::clients::Auditor;
use harness::process::wait_for;
use harness::proofs::{self, Checkpoint};
use harness::site::Site;
use proto::access::{
    AccessRecord, GetAccessRecordRequest, GetAccessRecordResponse, GetCheckpointRequest,
    GetConsistencyProofRequest, LogKind, SearchAccessRequest,
};

use super::PATIENCE;

/// Every access record of a complex, newest first.
pub(crate) async fn search(auditor: &Auditor, complex: &str) -> Result<Vec<AccessRecord>> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = SearchAccessRequest {
            complex_id: complex.to_owned(),
            page_size: 100,
            page_token,
            ..SearchAccessRequest::default()
        };
        let request = auditor.request(request)?;
        let page = auditor.audit.clone().search_access(request).await?;
        let page = page.into_inner();
        all.extend(page.records);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// Waits until a complex has a record of this kind.
pub(crate) async fn find(
    auditor: &Auditor,
    complex: &str,
    what: &str,
    fits: impl Fn(&AccessRecord) -> bool,
) -> Result<AccessRecord> {
    wait_for(PATIENCE, what, || async {
        let records = search(auditor, complex).await.ok()?;
        records.into_iter().find(&fits)
    })
    .await
}

/// A record with its leaf and proof.
pub(crate) async fn get(
    auditor: &Auditor,
    record: &AccessRecord,
) -> Result<GetAccessRecordResponse> {
    let request = GetAccessRecordRequest {
        complex_id: record.complex_id.clone(),
        event_id: record.event_id.clone(),
        ..GetAccessRecordRequest::default()
    };
    let request = auditor.request(request)?;
    let answer = auditor.audit.clone().get_access_record(request).await?;
    Ok(answer.into_inner())
}

/// Verifies a record's proof of inclusion.
pub(crate) fn verify(site: &Site, answer: &GetAccessRecordResponse) -> Result<Checkpoint> {
    let complex = answer
        .record
        .as_ref()
        .map(|record| record.complex_id.as_str());
    let complex = complex.unwrap_or_default();
    let key = proofs::key_of(&site.keys.vkey, "access.events.v1", complex)?;
    proofs::inclusion(answer, &key)
}

/// The checkpoint of one of a complex's logs, as served and verified.
pub(crate) async fn checkpoint(
    site: &Site,
    auditor: &Auditor,
    complex: &str,
    log: LogKind,
) -> Result<Checkpoint> {
    let request = auditor.request(GetCheckpointRequest {
        complex_id: complex.to_owned(),
        log: log.into(),
    })?;
    let answer = auditor.audit.clone().get_checkpoint(request).await?;
    let topic = match log {
        LogKind::Registry => "registry.events.v1",
        LogKind::Reads => "audit.reads.v1",
        _ => "access.events.v1",
    };
    let key = proofs::key_of(&site.keys.vkey, topic, complex)?;
    proofs::checkpoint(&answer.into_inner().checkpoint, &key)
}

/// Hashes that prove that a complex's access log only grew from `old` to `new` leaves.
pub(crate) async fn consistency(
    auditor: &Auditor,
    complex: &str,
    old: u64,
    new: u64,
) -> Result<Vec<Vec<u8>>> {
    let request = auditor.request(GetConsistencyProofRequest {
        complex_id: complex.to_owned(),
        log: LogKind::Access.into(),
        old_size: old,
        new_size: new,
    })?;
    let answer = auditor.audit.clone().get_consistency_proof(request).await?;
    Ok(answer.into_inner().hashes)
}
