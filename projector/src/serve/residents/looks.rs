//! Who has looked at a resident's records.

use domain::vocabulary::ReadMethod;
use proto::access::{
    AuditRead, ListWhoLookedRequest, ListWhoLookedResponse, Looked, SearchReadsRequest,
};
use tonic::Request;

use super::Residents;
use crate::serve::auth::Owner;
use crate::serve::call::Answer;
use crate::serve::parse;
use crate::serve::reads::Look;
use crate::serve::search::start;
use crate::serve::status::Refusal;
use crate::store::AccessCursor;

/// Reads that one call looks at, at most: where most are the resident's own, a page may be short or
/// empty and yet have a next one.
const MOST_EXAMINED: usize = 2_000;

impl Residents {
    pub(super) async fn looks(
        &self,
        request: Request<ListWhoLookedRequest>,
    ) -> Result<Answer<ListWhoLookedResponse>, Refusal> {
        let owner = self.owners.owner(&request).await?;
        let request = as_search(request.into_inner(), &owner);
        let asked = parse::reads(&request)?;
        let Some(own) = owner.own(asked.query.complex.clone()) else {
            return Ok(Answer::of_nobody(ListWhoLookedResponse::default()));
        };
        let mut after = start(&self.serving, &request, &request.page_token)?;
        let (mut looks, mut examined) = (Vec::new(), 0);
        let more = 'pages: loop {
            let chunk = asked.page_size + 1;
            let rows = self.serving.views.reads(&asked.query, after, chunk).await?;
            let last = rows.len() < chunk;
            for row in rows {
                if looks.len() == asked.page_size || examined == MOST_EXAMINED {
                    break 'pages true;
                }
                after = Some(AccessCursor::of_read(&row));
                examined += 1;
                looks.extend(told(row.read, &request.about));
            }
            if last {
                break false;
            }
        };
        let next = after.filter(|_| more);
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.scope.person(),
            ..Look::at_all(ReadMethod::SearchReads)
        };
        let recorded = self.serving.reads.record(&own, look, []).await?;
        let answer = ListWhoLookedResponse {
            looks,
            next_page_token: next
                .map(|cursor| self.serving.paging.seal(&request, cursor))
                .unwrap_or_default(),
        };
        Ok(Answer::recorded(answer, recorded))
    }
}

/// The same as an auditor would ask about this person: page tokens are thereby bound to the person.
fn as_search(request: ListWhoLookedRequest, owner: &Owner) -> SearchReadsRequest {
    SearchReadsRequest {
        complex_id: request.complex_id,
        from: request.from,
        until: request.until,
        reader: String::new(),
        about: owner.subject_text(),
        page_size: request.page_size,
        page_token: request.page_token,
    }
}

/// A look of somebody else.
fn told(read: AuditRead, me: &str) -> Option<Looked> {
    let reader = read.reader?;
    (reader.subject_ref != me).then_some(Looked {
        event_id: read.event_id,
        occurred_at: read.occurred_at,
        complex_id: read.complex_id,
        reader: reader.kind,
        method: read.method,
        asked_for_me: read.subject_ref == me,
    })
}
