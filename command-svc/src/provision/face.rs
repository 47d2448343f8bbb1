//! Credentials of faces, only where both the complex and the person have a legal basis on record.

use domain::ComplexId;
use domain::event::Actor;
use domain::registry::{Credential, Holder};
use domain::vocabulary::CredentialKind;
use jiff::Timestamp;
use privacy::FaceReference;
use proto::access::AddFaceCredentialRequest;
use service::trace::TraceContext;

use super::Provisioner;
use super::add::{Added, devices};
use super::sealed::Origin;
use crate::grpc;
use crate::legal_basis;
use crate::refusal::Refusal;

impl Provisioner {
    /// Registers a face's credential with the person's consent; as [`Provisioner::add_plate`].
    ///
    /// # Errors
    /// A field is wrong, the complex has no legal basis for faces, or as of a plate.
    pub(crate) async fn add_face(
        &self,
        actor: Actor,
        request: AddFaceCredentialRequest,
        trace: &TraceContext,
    ) -> Result<Added, Refusal> {
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        let (credential, face) = self.parse(&request)?;
        self.has_basis(&complex)?;
        let origin = Origin::Face(face);
        self.add(actor, &complex, credential, &origin, trace).await
    }

    fn has_basis(&self, complex: &ComplexId) -> Result<(), Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let state = self.registrar.knowledge.lock();
        let complex = state.registry.complex(complex);
        let complex = complex.ok_or(Refusal::NotFound("complex"))?;
        complex.face_basis.map(|_| ()).ok_or(Refusal::NoLegalBasis)
    }

    /// What is to be registered, and the partner's reference.
    fn parse(
        &self,
        request: &AddFaceCredentialRequest,
    ) -> Result<(Credential, FaceReference), Refusal> {
        let id = grpc::id("credential_id", &request.credential_id)?;
        let holder = Holder::Subject(grpc::id("subject_ref", &request.subject_ref)?);
        let face = FaceReference::parse(&request.face_reference)
            .map_err(|error| Refusal::field("face_reference", error.to_string()))?;
        let window = records::window_from_wire(request.window.as_ref())
            .map_err(|field| Refusal::field(field.0, "out of range"))?;
        let credential = Credential {
            id,
            kind: CredentialKind::Face,
            holder,
            devices: devices(&request.device_ids)?,
            window,
            revoked: false,
            key_version: self.tokens.newest(),
            basis: Some(legal_basis::parse(
                request.basis.as_ref(),
                Timestamp::now(),
            )?),
        };
        Ok((credential, face))
    }
}
