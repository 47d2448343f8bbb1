//! `RegistryService`: the operators' gRPC, on a listener of its own.

mod credentials;

use std::sync::Arc;

use domain::registry::{Change, ChangeSet, Entity};
use domain::{ChangeSetId, ComplexId, SubjectRef};
use eventlog::{Position, Topic};
use jiff::Timestamp;
use proto::access::registry_service_server::RegistryService;
use proto::access::{
    AddFaceCredentialRequest, AddFaceCredentialResponse, AddPlateCredentialRequest,
    AddPlateCredentialResponse, ApplyRequest, ApplyResponse, AuditPosition, DeliverTokenKeyRequest,
    DeliverTokenKeyResponse, EgressReportRequest, EgressReportResponse, EnsureSubjectRequest,
    EnsureSubjectResponse, EnsureSubjectsRequest, EnsureSubjectsResponse, GetComplexRequest,
    GetComplexResponse, GetProvisioningRequest, GetProvisioningResponse, HistoryRequest,
    HistoryResponse, VerifyPartnerRequest, VerifyPartnerResponse,
};
use proto::events as pb;
use tonic::{Request, Response, Status};

use crate::egress_report::{Asked, EgressReports};
use crate::grpc;
use crate::history::History;
use crate::legal_basis;
use crate::operator::Operators;
use crate::privileges::{self, Privileges};
use crate::provision::Provisioner;
use crate::refusal::Refusal;
use crate::registrar::Registrar;
use crate::registry_page;
use crate::subjects::Directory;
use crate::zone;

/// The most changes in one set.
const MAX_CHANGES: usize = 500;
/// The most users in one call.
const MAX_USERS: usize = 500;
/// The longest note, in characters.
const MAX_NOTE: usize = 200;

/// The service.
pub(crate) struct RegistryApi {
    /// Who may call.
    pub operators: Operators,
    /// Writes change sets.
    pub registrar: Arc<Registrar>,
    /// Users to references.
    pub directory: Arc<Directory>,
    /// Credentials and keys at the partners.
    pub provisioner: Arc<Provisioner>,
    /// What partners must refuse.
    pub privileges: Arc<Privileges>,
    /// What was changed before.
    pub history: History,
    /// What was sent to partners.
    pub egress: EgressReports,
}

impl RegistryApi {
    async fn applied(&self, request: Request<ApplyRequest>) -> Result<ApplyResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        let complex = grpc::id("complex_id", &request.complex_id)?;
        operator.is_for(&complex)?;
        let id: ChangeSetId = grpc::id("idempotency_key", &request.idempotency_key)?;
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
        let actor = self.operators.actor(&operator).await?;
        let registered = self.registrar.apply(actor, &complex, set, &trace).await?;
        Ok(ApplyResponse {
            audit_position: registered.position.map(position),
            versions: registered.versions,
        })
    }

    async fn subject(
        &self,
        request: Request<EnsureSubjectRequest>,
    ) -> Result<EnsureSubjectResponse, Refusal> {
        self.operators.admit(&request).await?;
        let request = request.into_inner();
        valid_user("", &request)?;
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

    async fn subjects(
        &self,
        request: Request<EnsureSubjectsRequest>,
    ) -> Result<EnsureSubjectsResponse, Refusal> {
        self.operators.admit(&request).await?;
        let request = request.into_inner();
        if !(1..=MAX_USERS).contains(&request.users.len()) {
            return Err(Refusal::field("users", "1 to 500"));
        }
        for (index, user) in request.users.iter().enumerate() {
            valid_user(&format!("users[{index}]."), user)?;
        }
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let users = request.users.iter();
        let users: Vec<_> = users.map(|user| (&*user.issuer, &*user.user_id)).collect();
        let subjects = if request.only_known {
            self.directory.known_among(&users)
        } else {
            let subjects = self.directory.subjects(&users).await?;
            subjects.into_iter().map(Some).collect()
        };
        let subjects = subjects.into_iter();
        let text = |subject: Option<SubjectRef>| subject.map(|it| it.to_string());
        Ok(EnsureSubjectsResponse {
            subject_refs: subjects.map(|one| text(one).unwrap_or_default()).collect(),
        })
    }

    async fn complex(
        &self,
        request: Request<GetComplexRequest>,
    ) -> Result<GetComplexResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let complex: ComplexId = grpc::id("complex_id", &request.get_ref().complex_id)?;
        operator.is_for(&complex)?;
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let state = self.registrar.knowledge.lock();
        let page = registry_page::of(&state.registry, &complex, request.get_ref())?;
        page.ok_or(Refusal::NotFound("complex"))
    }

    async fn past(&self, request: Request<HistoryRequest>) -> Result<HistoryResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let request = request.into_inner();
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        operator.is_for(&complex)?;
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let standing = {
            let state = self.registrar.knowledge.lock();
            !state.registry.page(&complex, None, 1).is_empty()
        };
        if !standing {
            return Err(Refusal::NotFound("complex"));
        }
        self.history.page(complex, &request).await
    }

    async fn verified(
        &self,
        request: Request<VerifyPartnerRequest>,
    ) -> Result<VerifyPartnerResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let request = request.into_inner();
        let complex = grpc::id("complex_id", &request.complex_id)?;
        operator.is_for(&complex)?;
        let partner = grpc::id("partner_id", &request.partner_id)?;
        let checks = self.privileges.verify(&complex, &partner).await?;
        Ok(privileges::to_wire(&checks))
    }

    async fn egress(
        &self,
        request: Request<EgressReportRequest>,
    ) -> Result<EgressReportResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let request = request.into_inner();
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        operator.is_for(&complex)?;
        let time = |field: &'static str, at: Option<&_>| {
            let at = at.and_then(|at| records::timestamp_from_wire(field, at).ok());
            at.ok_or_else(|| Refusal::field(field, "missing or out of range"))
        };
        let from = time("from", request.from.as_ref())?;
        let to = time("to", request.to.as_ref())?;
        if to <= from {
            return Err(Refusal::field("to", "expected a time after `from`"));
        }
        let next =
            match request.page_token.as_str() {
                "" => None,
                token => Some(token.parse().map_err(|_| {
                    Refusal::field("page_token", "expected one of an earlier answer")
                })?),
            };
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let nothing_stands = {
            let state = self.registrar.knowledge.lock();
            state.registry.entities(&complex).next().is_none()
        };
        if nothing_stands {
            return Err(Refusal::NotFound("complex"));
        }
        let asked = Asked {
            complex,
            from,
            to,
            next,
        };
        self.egress.page(&asked).await
    }
}

/// Whether a user can be one; `path` is where they stand in the request.
fn valid_user(path: &str, user: &EnsureSubjectRequest) -> Result<(), Refusal> {
    for (field, text) in [("issuer", &user.issuer), ("user_id", &user.user_id)] {
        if !(1..=512).contains(&text.len()) {
            return Err(Refusal::field(format!("{path}{field}"), "1 to 512 bytes"));
        }
    }
    Ok(())
}

/// Changes from the wire; a time zone must be one that is known here, a document one of the past.
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
        if let Some(field) = legal_basis::not_given(&change.entity, Timestamp::now()) {
            let field = format!("changes[{index}].{field}");
            return Err(Refusal::field(field, legal_basis::NOT_YET));
        }
        changes.push(change);
    }
    Ok(changes)
}

fn position(at: Position) -> AuditPosition {
    AuditPosition {
        topic: Topic::RegistryEvents.name().to_owned(),
        partition: at.partition,
        offset: at.offset,
    }
}

#[tonic::async_trait]
impl RegistryService for RegistryApi {
    async fn apply(
        &self,
        request: Request<ApplyRequest>,
    ) -> Result<Response<ApplyResponse>, Status> {
        grpc::reply("Apply", self.applied(request)).await
    }

    async fn ensure_subject(
        &self,
        request: Request<EnsureSubjectRequest>,
    ) -> Result<Response<EnsureSubjectResponse>, Status> {
        grpc::reply("EnsureSubject", self.subject(request)).await
    }

    async fn ensure_subjects(
        &self,
        request: Request<EnsureSubjectsRequest>,
    ) -> Result<Response<EnsureSubjectsResponse>, Status> {
        grpc::reply("EnsureSubjects", self.subjects(request)).await
    }

    async fn add_plate_credential(
        &self,
        request: Request<AddPlateCredentialRequest>,
    ) -> Result<Response<AddPlateCredentialResponse>, Status> {
        grpc::reply("AddPlateCredential", self.plate(request)).await
    }

    async fn deliver_token_key(
        &self,
        request: Request<DeliverTokenKeyRequest>,
    ) -> Result<Response<DeliverTokenKeyResponse>, Status> {
        grpc::reply("DeliverTokenKey", self.token_key(request)).await
    }

    async fn add_face_credential(
        &self,
        request: Request<AddFaceCredentialRequest>,
    ) -> Result<Response<AddFaceCredentialResponse>, Status> {
        grpc::reply("AddFaceCredential", self.face(request)).await
    }

    async fn get_complex(
        &self,
        request: Request<GetComplexRequest>,
    ) -> Result<Response<GetComplexResponse>, Status> {
        grpc::reply("GetComplex", self.complex(request)).await
    }

    async fn egress_report(
        &self,
        request: Request<EgressReportRequest>,
    ) -> Result<Response<EgressReportResponse>, Status> {
        grpc::reply("EgressReport", self.egress(request)).await
    }

    async fn verify_partner(
        &self,
        request: Request<VerifyPartnerRequest>,
    ) -> Result<Response<VerifyPartnerResponse>, Status> {
        grpc::reply("VerifyPartner", self.verified(request)).await
    }

    async fn history(
        &self,
        request: Request<HistoryRequest>,
    ) -> Result<Response<HistoryResponse>, Status> {
        grpc::reply("History", self.past(request)).await
    }

    async fn get_provisioning(
        &self,
        request: Request<GetProvisioningRequest>,
    ) -> Result<Response<GetProvisioningResponse>, Status> {
        grpc::reply("GetProvisioning", self.provisioning(request)).await
    }
}
