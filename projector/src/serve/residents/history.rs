//! A resident's own accesses.

use domain::id::{CommandId, ComplexId};
use domain::vocabulary::ReadMethod;
use proto::access::{
    AccessRecord, GetMyCommandRequest, ListMyHistoryRequest, ListMyHistoryResponse, MyAccess,
    SearchAccessRequest,
};
use tonic::Request;

use super::Residents;
use crate::serve::auth::Owner;
use crate::serve::call::Answer;
use crate::serve::fields::Fields;
use crate::serve::parse;
use crate::serve::reads::Look;
use crate::serve::search;
use crate::serve::status::{Missing, Refusal};

impl Residents {
    pub(super) async fn history(
        &self,
        request: Request<ListMyHistoryRequest>,
    ) -> Result<Answer<ListMyHistoryResponse>, Refusal> {
        let owner = self.owners.owner(&request).await?;
        let request = as_search(request.into_inner(), &owner);
        let asked = parse::search(&request)?;
        let Some(own) = owner.own(asked.query.complex.clone()) else {
            return Ok(Answer::of_nobody(ListMyHistoryResponse::default()));
        };
        let page = search::search(&self.serving, &own, &request, &asked).await?;
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.subject,
            device: asked.query.device,
            further: asked.wanted.words().join(" "),
            ..Look::at_all(ReadMethod::OwnHistory)
        };
        let recorded = self.serving.reads.record(&own, look, []).await?;
        let answer = ListMyHistoryResponse {
            accesses: page.records.into_iter().map(told).collect(),
            next_page_token: page.next_page_token,
        };
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn command(
        &self,
        request: Request<GetMyCommandRequest>,
    ) -> Result<Answer<MyAccess>, Refusal> {
        let owner = self.owners.owner(&request).await?;
        let (complex, command) = named(request.get_ref())?;
        // A command of somebody else is as one that there isn't.
        let missing = || Refusal::NotFound(Missing::Record);
        let own = owner.own(complex.clone()).ok_or_else(missing)?;
        let views = &self.serving.views;
        let rows = views.commands(&complex, &[command]).await?;
        let winner = rows.get(&command).and_then(|rows| rows.effective());
        let winner = winner.ok_or_else(missing)?;
        let row = views.access(&complex, winner.event).await?;
        let row = row.filter(|row| own.is_about(row.subject));
        let row = row.ok_or_else(missing)?;
        let look = Look {
            subject: row.subject,
            object: winner.event.to_string(),
            ..Look::at_all(ReadMethod::OwnHistory)
        };
        let mut records = search::tell(&self.serving, &own, vec![row]).await?;
        let record = records.pop().ok_or(Refusal::Internal)?;
        let recorded = self.serving.reads.record(&own, look, []).await?;
        Ok(Answer::recorded(told(record), recorded))
    }
}

/// The same as an auditor would ask about this person: page tokens are thereby bound to the person.
fn as_search(request: ListMyHistoryRequest, owner: &Owner) -> SearchAccessRequest {
    SearchAccessRequest {
        complex_id: request.complex_id,
        from: request.from,
        until: request.until,
        subject_ref: owner.subject_text(),
        device_id: request.device_id,
        outcome: request.outcome,
        page_size: request.page_size,
        page_token: request.page_token,
        ..SearchAccessRequest::default()
    }
}

fn named(request: &GetMyCommandRequest) -> Result<(ComplexId, CommandId), Refusal> {
    let mut fields = Fields::default();
    let complex = fields.parse("complex_id", &request.complex_id);
    let command = fields.parse("command_id", &request.command_id);
    fields.done(complex.zip(command))
}

/// What its owner may know of an access.
fn told(record: AccessRecord) -> MyAccess {
    MyAccess {
        event_id: record.event_id,
        occurred_at: record.occurred_at,
        complex_id: record.complex_id,
        device_id: record.device_id,
        automation: record.automation,
        method: record.method,
        command_id: record.command_id,
        operation: record.operation,
        verdict: record.verdict,
        reason: record.reason,
        outcome: record.outcome,
        completed_at: record.completed_at,
        observation: record.observation,
        contradicted: record.contradicted,
    }
}
