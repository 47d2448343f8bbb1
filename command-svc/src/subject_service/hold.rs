//! Legal holds: placed and lifted.

use domain::event::{Actor, Body, LegalHoldChanged};
use domain::registry::Hold;
use proto::access::{
    HoldSubjectRequest, HoldSubjectResponse, LegalHold, PersonRef, ReleaseHoldRequest,
    ReleaseHoldResponse,
};
use records::timestamp_to_wire;
use tonic::Request;

use super::{Asked, SubjectApi, reason};
use crate::grpc;
use crate::refusal::Refusal;

impl SubjectApi {
    pub(super) async fn held(
        &self,
        request: Request<HoldSubjectRequest>,
    ) -> Result<HoldSubjectResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        let asked = self.in_one(&operator, request.person, &request.complex_id)?;
        let reason = reason(&request.reason)?;
        let standing = self.hold_on(&asked);
        // The same hold again is the one that stands, with its date.
        if standing.as_ref().is_none_or(|hold| hold.reason != reason) {
            let actor = self.operators.actor(&operator).await?;
            self.change(&actor, &asked, true, reason, &trace).await?;
        }
        let hold = self.hold_on(&asked).ok_or(Refusal::Stale)?;
        Ok(HoldSubjectResponse {
            subject_ref: asked.subject.to_string(),
            hold: Some(to_wire(&hold)),
        })
    }

    pub(super) async fn released(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<ReleaseHoldResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        let asked = self.in_one(&operator, request.person, &request.complex_id)?;
        let reason = reason(&request.reason)?;
        if self.hold_on(&asked).is_some() {
            let actor = self.operators.actor(&operator).await?;
            self.change(&actor, &asked, false, reason, &trace).await?;
        }
        Ok(ReleaseHoldResponse {
            subject_ref: asked.subject.to_string(),
        })
    }

    /// A hold stands in a complex that is named.
    fn in_one(
        &self,
        operator: &crate::operator::Operator,
        person: Option<PersonRef>,
        complex: &str,
    ) -> Result<Asked, Refusal> {
        if complex.is_empty() {
            return Err(Refusal::field("complex_id", "the complex of the hold"));
        }
        self.asked(operator, person, complex)
    }

    async fn change(
        &self,
        actor: &Actor,
        asked: &Asked,
        held: bool,
        reason: String,
        trace: &service::trace::TraceContext,
    ) -> Result<(), Refusal> {
        for complex in &asked.complexes {
            let changed = LegalHoldChanged {
                subject: asked.subject,
                held,
                reason: reason.clone(),
            };
            let body = Body::LegalHoldChanged(changed);
            self.say(actor, complex, body, trace).await?;
        }
        Ok(())
    }

    /// The first hold that stands in the way.
    pub(super) fn hold_on(&self, asked: &Asked) -> Option<Hold> {
        let state = self.registrar.knowledge.lock();
        let mut complexes = asked.complexes.iter();
        complexes
            .find_map(|complex| state.registry.hold(complex, asked.subject))
            .cloned()
    }
}

pub(super) fn to_wire(hold: &Hold) -> LegalHold {
    LegalHold {
        reason: hold.reason.clone(),
        since: Some(timestamp_to_wire(hold.since)),
    }
}
