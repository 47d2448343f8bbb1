//! Searching accesses, and telling them with what the caller may know.

use domain::id::{CommandId, EventId, SubjectRef};
use proto::access::{AccessRecord, SearchAccessRequest, SearchAccessResponse};
use uuid::Uuid;

use super::Serving;
use super::auth::Readable;
use super::fields::Fields;
use super::paging::Paged;
use super::parse::Search;
use super::status::Refusal;
use crate::store::{AccessCursor, AccessQuery};
use crate::views::{AccessRow, access};

/// Accesses that one call looks at, at most: where few match, a page may be short or empty and
/// yet have a next one.
const MOST_EXAMINED: usize = 5_000;
/// Accesses that are fetched at once where not all match.
const CHUNK: usize = 256;

pub(super) async fn search(
    serving: &Serving,
    readable: &Readable,
    request: &SearchAccessRequest,
    asked: &Search,
) -> Result<SearchAccessResponse, Refusal> {
    let mut after = start(serving, request, &request.page_token)?;
    let mut records = Vec::new();
    let mut examined = 0;
    let more = 'pages: loop {
        let chunk = match asked.wanted.is_choosy() || asked.event.is_some() {
            true => CHUNK,
            false => asked.page_size - records.len() + 1,
        };
        let rows = match asked.event {
            Some(event) => of_event(serving, &asked.query, event).await?,
            None => serving.views.search(&asked.query, after, chunk).await?,
        };
        let last = rows.len() < chunk;
        examined += rows.len();
        let end = rows.last().map(AccessCursor::of);
        // What a row says by itself is judged first: only of the others the store is asked what became of them.
        let rows = rows.into_iter().filter(|row| asked.wanted.may_have(row));
        let rows: Vec<_> = match asked.wanted.needs_outcome() {
            true => rows.collect(),
            // All of these are wanted. One more says that there are more.
            false => rows.take(asked.page_size - records.len() + 1).collect(),
        };
        let cursors: Vec<_> = rows.iter().map(AccessCursor::of).collect();
        let told = tell(serving, readable, rows).await?;
        for (record, cursor) in told.into_iter().zip(cursors) {
            if records.len() == asked.page_size {
                break 'pages true;
            }
            after = Some(cursor);
            if asked.wanted.has(&record) {
                records.push(record);
            }
        }
        after = end.or(after);
        if last {
            break false;
        }
        if examined >= MOST_EXAMINED {
            break true;
        }
    };
    let next = after.filter(|_| more);
    Ok(SearchAccessResponse {
        records,
        next_page_token: next
            .map(|cursor| serving.paging.seal(request, cursor))
            .unwrap_or_default(),
        log_state: None,
    })
}

/// Where a query goes on: at its beginning, or behind the page whose token it brings.
pub(super) fn start<Q: Paged>(
    serving: &Serving,
    request: &Q,
    page_token: &str,
) -> Result<Option<Q::Cursor>, Refusal> {
    if page_token.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::default();
    let cursor = serving.paging.open(request, page_token);
    if cursor.is_none() {
        let wrong = "not a token that was given out for this query; start again without one";
        fields.wrong(Q::FIELD, wrong);
    }
    fields.done(cursor).map(Some)
}

/// Whom a record is about.
pub(super) fn subject(record: &AccessRecord) -> Option<Uuid> {
    record.actor.as_ref()?.subject_ref.parse().ok()
}

/// The access that an event is, if it is among those that are asked for.
async fn of_event(
    serving: &Serving,
    query: &AccessQuery,
    event: EventId,
) -> Result<Vec<AccessRow>, Refusal> {
    let row = serving.views.access(&query.complex, event).await?;
    Ok(row.into_iter().filter(|row| query.has(row)).collect())
}

/// Tells accesses: with the effective outcome of their commands, what contradicts them, and the user
/// ids.
pub(super) async fn tell(
    serving: &Serving,
    readable: &Readable,
    rows: Vec<AccessRow>,
) -> Result<Vec<AccessRecord>, Refusal> {
    serving.identities.ready()?;
    let (views, complex) = (&serving.views, readable.complex());
    let commands: Vec<CommandId> = rows.iter().filter_map(access::command).collect();
    let commands = async {
        match commands.is_empty() {
            true => Ok(Default::default()),
            false => views.commands(complex, &commands).await,
        }
    };
    let observed = rows.iter().map(|row| &row.identity);
    let observed = observed.filter(|identity| identity.partner_event().is_some());
    let observed: Vec<_> = observed.cloned().collect();
    let contested = async {
        match observed.is_empty() {
            true => Ok(Default::default()),
            false => views.contested(complex, &observed).await,
        }
    };
    let (commands, contested) = futures::try_join!(commands, contested)?;
    let told = rows.into_iter().map(|row| {
        let rows = access::command(&row).and_then(|command| commands.get(&command));
        let mut record = row.record;
        match row.command {
            Some(_) => access::settle(&mut record, rows),
            None => access::compare(&mut record, row.event, rows),
        }
        record.conflicting_contents = contested.contains(&row.identity);
        let subject = row.subject.map(SubjectRef);
        let user_id = subject.and_then(|subject| serving.identities.user_id(subject));
        record.user_id = user_id.unwrap_or_default();
        record
    });
    Ok(told.collect())
}
