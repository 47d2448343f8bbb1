//! `RegistryService`: the operators' gRPC, on a listener of its own.

use std::sync::Arc;
use std::time::Duration;

use authn::peer::AllowedPeers;
use domain::event::{Actor, Body, Event};
use domain::registry::{Change, ChangeSet, Entity, Refused};
use domain::vocabulary::ActorKind;
use domain::{CallerName, ChangeSetId, ComplexId, EventId};
use eventlog::{Position, Topic};
use jiff::Timestamp;
use proto::access::registry_service_server::RegistryService;
use proto::access::{
    AddPlateCredentialRequest, AddPlateCredentialResponse, ApplyRequest, ApplyResponse,
    AuditPosition, DeliverTokenKeyRequest, DeliverTokenKeyResponse, EnsureSubjectRequest,
    EnsureSubjectResponse, GetComplexRequest, GetComplexResponse, VersionedEntity,
};
use proto::events as pb;
use service::trace::TraceContext;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::caller;
use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::provision::Provisioner;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::subjects::Directory;
use crate::zone;

/// How long a change set may take to come back from the log.
const READ_BACK: Duration = Duration::from_secs(5);
/// The most changes in one set.
const MAX_CHANGES: usize = 500;
/// The longest note, in characters.
const MAX_NOTE: usize = 200;

/// Writes the registry.
pub(crate) struct Registrar {
    /// The folds.
    pub knowledge: Arc<Knowledge>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// The log.
    pub recorder: Arc<Recorder>,
}

/// Where a change set stands, and the versions after it.
pub(crate) struct Registered {
    /// Absent when the change set had been applied before.
    pub position: Option<Position>,
    /// In the order of the changes.
    pub versions: Vec<u64>,
}

impl Registrar {
    /// Appends a change set and waits for the fold's answer: in log order the first that
    /// expects the present versions applies.
    ///
    /// # Errors
    /// It can't apply, lost to another, or the log is unavailable.
    pub(crate) async fn apply(
        &self,
        caller: &CallerName,
        complex: &ComplexId,
        set: ChangeSet,
        trace: &TraceContext,
    ) -> Result<Registered, Refusal> {
        if !self.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let folded = {
            let mut state = self.knowledge.lock();
            if let Some(answer) = state.registry.change_set(complex, set.id) {
                return answered(answer.clone(), None);
            }
            if let Err(refused) = state.registry.check(complex, &set) {
                return answered(Err(refused), None);
            }
            state.await_change_set(set.id)
        };
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex: complex.clone(),
            device: None,
            actor: Actor {
                kind: ActorKind::Operator,
                subject: None,
                caller: caller.to_string(),
            },
            correlation: set.id.to_string(),
            body: Body::RegistryChanged(set),
        };
        let position = self
            .recorder
            .record(Topic::RegistryEvents, &event, trace)
            .await
            .map_err(|_| Refusal::Log)?;
        match tokio::time::timeout(READ_BACK, folded).await {
            Ok(Ok(answer)) => answered(answer, Some(position)),
            _ => Err(Refusal::Log),
        }
    }
}

fn answered(
    answer: Result<domain::registry::Applied, Refused>,
    position: Option<Position>,
) -> Result<Registered, Refusal> {
    match answer {
        Ok(applied) => Ok(Registered {
            position,
            versions: applied.versions,
        }),
        Err(refused @ Refused::Conflict { .. }) => Err(Refusal::Conflict(refused.to_string())),
        Err(Refused::Invalid { change, why }) => {
            Err(Refusal::field(format!("changes[{change}]"), why))
        }
    }
}

/// The service.
pub(crate) struct RegistryApi {
    /// Certificates that may call.
    pub allowed: AllowedPeers,
    /// Writes change sets.
    pub registrar: Arc<Registrar>,
    /// Users to references.
    pub directory: Arc<Directory>,
    /// Credentials and keys at the partners.
    pub provisioner: Provisioner,
}

impl RegistryApi {
    async fn applied(&self, request: Request<ApplyRequest>) -> Result<ApplyResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let trace = trace(&request);
        let request = request.into_inner();
        let complex = parse("complex_id", &request.complex_id)?;
        let id: ChangeSetId = parse("idempotency_key", &request.idempotency_key)?;
        if request.note.chars().count() > MAX_NOTE || request.note.chars().any(char::is_control) {
            return Err(Refusal::field("note", "at most 200 printable characters"));
        }
        if !(1..=MAX_CHANGES).contains(&request.changes.len()) {
            return Err(Refusal::field("changes", "1 to 500"));
        }
        let changes = changes(&request.changes)?;
        let set = ChangeSet {
            id,
            note: request.note,
            changes,
        };
        let registered = self.registrar.apply(&caller, &complex, set, &trace).await?;
        Ok(ApplyResponse {
            audit_position: registered.position.map(position),
            versions: registered.versions,
        })
    }

    async fn subject(
        &self,
        request: Request<EnsureSubjectRequest>,
    ) -> Result<EnsureSubjectResponse, Refusal> {
        caller::caller(&request, &self.allowed)?;
        let request = request.into_inner();
        for (field, text) in [("issuer", &request.issuer), ("user_id", &request.user_id)] {
            if !(1..=512).contains(&text.len()) {
                return Err(Refusal::field(field, "1 to 512 bytes"));
            }
        }
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let subject = self
            .directory
            .subject(&request.issuer, &request.user_id)
            .await?;
        Ok(EnsureSubjectResponse {
            subject_ref: subject.to_string(),
        })
    }

    async fn complex(
        &self,
        request: Request<GetComplexRequest>,
    ) -> Result<GetComplexResponse, Refusal> {
        caller::caller(&request, &self.allowed)?;
        let complex: ComplexId = parse("complex_id", &request.get_ref().complex_id)?;
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let state = self.registrar.knowledge.lock();
        let entities: Vec<_> = state
            .registry
            .entities(&complex)
            .map(|entity| VersionedEntity {
                version: entity.version,
                entity: Some(pb::Change {
                    expected_version: 0,
                    entity: Some(records::entity_to_wire(&entity.state)),
                }),
            })
            .collect();
        if entities.is_empty() {
            return Err(Refusal::NotFound("complex"));
        }
        Ok(GetComplexResponse { entities })
    }

    async fn token_key(
        &self,
        request: Request<DeliverTokenKeyRequest>,
    ) -> Result<DeliverTokenKeyResponse, Refusal> {
        caller::caller(&request, &self.allowed)?;
        let request = request.into_inner();
        let complex = parse("complex_id", &request.complex_id)?;
        let partner = parse("partner_id", &request.partner_id)?;
        let key_version = self
            .provisioner
            .deliver_token_key(&complex, &partner)
            .await?;
        Ok(DeliverTokenKeyResponse { key_version })
    }

    async fn plate(
        &self,
        request: Request<AddPlateCredentialRequest>,
    ) -> Result<AddPlateCredentialResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let trace = trace(&request);
        let added = self
            .provisioner
            .add_plate(&caller, request.into_inner(), &trace)
            .await?;
        Ok(AddPlateCredentialResponse {
            audit_position: added.position.map(position),
        })
    }
}

/// Changes from the wire; a time zone must be one that is known here.
fn changes(wire: &[pb::Change]) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::with_capacity(wire.len());
    for (index, change) in wire.iter().enumerate() {
        let change = records::change_from_wire(change).map_err(|field| {
            Refusal::field(
                format!("changes[{index}].{}", field.0),
                "missing, malformed or unknown",
            )
        })?;
        if let Entity::Complex(complex) = &change.entity
            && !zone::is_known(&complex.time_zone)
        {
            let field = format!("changes[{index}].complex.time_zone");
            return Err(Refusal::field(
                field,
                "expected an IANA time zone, e.g. Europe/Moscow",
            ));
        }
        changes.push(change);
    }
    Ok(changes)
}

/// Parses an id.
///
/// # Errors
/// Names the field.
pub(crate) fn parse<T: std::str::FromStr<Err = domain::IdError>>(
    field: &str,
    text: &str,
) -> Result<T, Refusal> {
    text.parse()
        .map_err(|error: domain::IdError| Refusal::field(field, error.to_string()))
}

fn position(at: Position) -> AuditPosition {
    AuditPosition {
        topic: Topic::RegistryEvents.name().to_owned(),
        partition: at.partition,
        offset: at.offset,
    }
}

fn trace<T>(request: &Request<T>) -> TraceContext {
    let header = request
        .metadata()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    TraceContext::from_header(header).child()
}

fn reply<T>(method: &'static str, result: Result<T, Refusal>) -> Result<Response<T>, Status> {
    let code = result.as_ref().map_or_else(Refusal::reason, |_| "OK");
    metrics::counter!("grpc_requests_total", "method" => method, "result" => code).increment(1);
    result.map(Response::new).map_err(Status::from)
}

#[tonic::async_trait]
impl RegistryService for RegistryApi {
    async fn apply(
        &self,
        request: Request<ApplyRequest>,
    ) -> Result<Response<ApplyResponse>, Status> {
        reply("Apply", self.applied(request).await)
    }

    async fn ensure_subject(
        &self,
        request: Request<EnsureSubjectRequest>,
    ) -> Result<Response<EnsureSubjectResponse>, Status> {
        reply("EnsureSubject", self.subject(request).await)
    }

    async fn add_plate_credential(
        &self,
        request: Request<AddPlateCredentialRequest>,
    ) -> Result<Response<AddPlateCredentialResponse>, Status> {
        reply("AddPlateCredential", self.plate(request).await)
    }

    async fn deliver_token_key(
        &self,
        request: Request<DeliverTokenKeyRequest>,
    ) -> Result<Response<DeliverTokenKeyResponse>, Status> {
        reply("DeliverTokenKey", self.token_key(request).await)
    }

    async fn get_complex(
        &self,
        request: Request<GetComplexRequest>,
    ) -> Result<Response<GetComplexResponse>, Status> {
        reply("GetComplex", self.complex(request).await)
    }
}
