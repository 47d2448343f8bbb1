//! `SubjectService`: what operators may know of a person, keep and erase, on their listener.

mod erase;
mod export;
mod hold;

use std::sync::Arc;

use domain::event::{Actor, Body, Event};
use domain::{ComplexId, EventId, SubjectRef};
use eventlog::{EventLog, Position, Topic};
use jiff::Timestamp;
use privacy::PlateKeys;
use proto::access::subject_service_server::SubjectService;
use proto::access::{
    EraseSubjectRequest, EraseSubjectResponse, ExportSubjectRequest, ExportSubjectResponse,
    HoldSubjectRequest, HoldSubjectResponse, PersonRef, ReleaseHoldRequest, ReleaseHoldResponse,
};
use service::trace::TraceContext;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::grpc;
use crate::operator::{Operator, Operators};
use crate::provision::Provisioner;
use crate::refusal::Refusal;
use crate::registrar::Registrar;
use crate::subjects::Directory;

/// How long a record may take to come back from the log.
const READ_BACK: std::time::Duration = std::time::Duration::from_secs(5);
/// The longest reason, in characters.
const MAX_REASON: usize = 200;

/// The service.
pub(crate) struct SubjectApi {
    /// Who may call.
    pub operators: Operators,
    /// Writes the registry.
    pub registrar: Arc<Registrar>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// Opens plates.
    pub plates: PlateKeys,
    /// Says who holds credentials.
    pub provisioner: Arc<Provisioner>,
    /// Says whether what was erased is gone.
    pub log: Arc<dyn EventLog>,
}

/// A person, and the complexes that the call is about: at least one.
struct Asked {
    subject: SubjectRef,
    complexes: Vec<ComplexId>,
}

impl SubjectApi {
    /// Whom an operator asks about, within the operator's perimeter.
    fn asked(
        &self,
        operator: &Operator,
        person: Option<PersonRef>,
        complex: &str,
    ) -> Result<Asked, Refusal> {
        let complex: Option<ComplexId> = match complex {
            "" => None,
            text => Some(grpc::id("complex_id", text)?),
        };
        if let Some(complex) = &complex {
            operator.is_for(complex)?;
        }
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let nobody = || Refusal::NotFound("person");
        let subject = self.subject(person)?.ok_or_else(nobody)?;
        let identified = self
            .directory
            .read(|subjects| subjects.index_of(subject).is_some());
        let state = self.registrar.knowledge.lock();
        let registry = &state.registry;
        let mut complexes: Vec<_> = operator
            .complexes()
            .filter(|own| registry.names(own, subject))
            .cloned()
            .collect();
        let global = ComplexId::global();
        // Somebody whom no complex has ever named belongs to those who are for all of them.
        if operator.is_for(&global).is_ok()
            && registry.nowhere_named(subject)
            && (identified || registry.is_erased(&global, subject))
        {
            complexes.push(global);
        }
        complexes.retain(|own| complex.as_ref().is_none_or(|only| only == own));
        if complexes.is_empty() {
            return Err(nobody());
        }
        Ok(Asked { subject, complexes })
    }

    fn subject(&self, person: Option<PersonRef>) -> Result<Option<SubjectRef>, Refusal> {
        let person = person.unwrap_or_default();
        let by_user = !person.issuer.is_empty() || !person.user_id.is_empty();
        match (person.subject_ref.is_empty(), by_user) {
            (false, false) => grpc::id("person.subject_ref", &person.subject_ref).map(Some),
            (true, true) => {
                for (field, text) in [("issuer", &person.issuer), ("user_id", &person.user_id)] {
                    if !(1..=512).contains(&text.len()) {
                        return Err(Refusal::field(format!("person.{field}"), "1 to 512 bytes"));
                    }
                }
                let indexes = self.directory.indexes_of(&person.issuer, &person.user_id);
                Ok(self.directory.known(&indexes))
            }
            _ => Err(Refusal::field(
                "person",
                "a subject_ref, or an issuer with a user_id",
            )),
        }
    }

    /// Says something about a person in a complex's registry, and waits until it is folded.
    async fn say(
        &self,
        actor: &Actor,
        complex: &ComplexId,
        body: Body,
        trace: &TraceContext,
    ) -> Result<Position, Refusal> {
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex: complex.clone(),
            device: None,
            actor: actor.clone(),
            correlation: Uuid::now_v7().to_string(),
            body,
        };
        let folded = self
            .registrar
            .knowledge
            .lock()
            .await_registry_event(event.id);
        let recorder = &self.registrar.recorder;
        let position = recorder.record(Topic::RegistryEvents, &event, trace).await;
        let position = position.map_err(|_| Refusal::Log)?;
        match tokio::time::timeout(READ_BACK, folded).await {
            Ok(Ok(())) => Ok(position),
            _ => Err(Refusal::Log),
        }
    }
}

/// A reason that is recorded.
fn reason(text: &str) -> Result<String, Refusal> {
    let length = text.chars().count();
    if !(1..=MAX_REASON).contains(&length) || text.chars().any(char::is_control) {
        return Err(Refusal::field("reason", "1 to 200 printable characters"));
    }
    Ok(text.to_owned())
}

#[tonic::async_trait]
impl SubjectService for SubjectApi {
    async fn export(
        &self,
        request: Request<ExportSubjectRequest>,
    ) -> Result<Response<ExportSubjectResponse>, Status> {
        grpc::reply("Export", self.exported(request)).await
    }

    async fn erase(
        &self,
        request: Request<EraseSubjectRequest>,
    ) -> Result<Response<EraseSubjectResponse>, Status> {
        grpc::reply("Erase", self.erased(request)).await
    }

    async fn hold(
        &self,
        request: Request<HoldSubjectRequest>,
    ) -> Result<Response<HoldSubjectResponse>, Status> {
        grpc::reply("Hold", self.held(request)).await
    }

    async fn release_hold(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<Response<ReleaseHoldResponse>, Status> {
        grpc::reply("ReleaseHold", self.released(request)).await
    }
}
