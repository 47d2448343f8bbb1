//! Searching who has read.

use domain::id::SubjectRef;
use proto::access::{AuditRead, SearchReadsRequest, SearchReadsResponse};
use uuid::Uuid;

use super::Serving;
use super::parse::ReadSearch;
use super::search::start;
use super::status::Refusal;
use crate::store::AccessCursor;

/// A page of reads, with the user ids of their readers.
pub(super) async fn search(
    serving: &Serving,
    request: &SearchReadsRequest,
    asked: &ReadSearch,
) -> Result<SearchReadsResponse, Refusal> {
    let after = start(serving, request, &request.page_token)?;
    let most = asked.page_size;
    let mut rows = serving.views.reads(&asked.query, after, most + 1).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let last = rows.last().filter(|_| more).map(AccessCursor::of_read);
    let reads = rows.into_iter().map(|row| {
        let user_id = reader(&row.read).and_then(|reader| serving.identities.user_id(reader));
        AuditRead {
            reader_user_id: user_id.unwrap_or_default(),
            ..row.read
        }
    });
    Ok(SearchReadsResponse {
        reads: reads.collect(),
        next_page_token: last
            .map(|cursor| serving.paging.seal(request, cursor))
            .unwrap_or_default(),
        log_state: None,
    })
}

/// The reader, and who was asked about: the persons that the page is about.
pub(super) fn shown(answer: &SearchReadsResponse) -> impl Iterator<Item = Uuid> {
    let reads = answer.reads.iter();
    reads.flat_map(|read| {
        let about = read.subject_ref.parse().ok();
        reader(read).map(|reader| reader.0).into_iter().chain(about)
    })
}

fn reader(read: &AuditRead) -> Option<SubjectRef> {
    read.reader.as_ref()?.subject_ref.parse().ok()
}
