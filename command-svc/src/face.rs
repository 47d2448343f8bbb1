//! Credentials of faces, only where both the complex and the person have a legal basis on record.

use domain::event::Actor;
use domain::registry::{Credential, Holder};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, DeviceId, SubjectRef};
use jiff::Timestamp;
use privacy::{FaceKeys, FaceReference, Item, SubjectKey};
use proto::access::AddFaceCredentialRequest;
use service::trace::TraceContext;
use tracing::{error, info};

use crate::legal_basis;
use crate::provision::Provisioner;
use crate::refusal::Refusal;
use crate::registrar::Registered;
use crate::{grpc, withdraw};

impl Provisioner {
    /// Registers a face's credential with the person's consent, seals the partner's reference, gives
    /// the partner its token.
    ///
    /// # Errors
    /// A field is wrong, the complex has no legal basis for faces, or one of the three steps can't
    /// be done now: the same request again goes on where it stopped.
    pub(crate) async fn add_face(
        &self,
        actor: Actor,
        request: AddFaceCredentialRequest,
        trace: &TraceContext,
    ) -> Result<Registered, Refusal> {
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        let (wish, face) = parse(&request)?;
        self.has_basis(&complex)?;
        let why = "this instance has no keys for faces; configure `keys.face`";
        let faces = self.faces.as_ref();
        let faces = faces.ok_or_else(|| Refusal::NotConfigured(why.to_owned()))?;
        let Holder::Subject(subject) = wish.holder else {
            return Err(Refusal::Internal);
        };
        let partner = self.partner_of(&complex, subject, &wish.devices)?;
        let (within, attested) = self.attested(&complex, &partner).await?;
        let key = self.key(&complex, &partner)?;
        let credential = Credential {
            key_version: key.version(),
            ..wish
        };
        let registered = self
            .register(actor, &complex, credential.clone(), trace)
            .await?;
        self.is_the_same(&complex, &credential)?;
        let item = self.key_of(subject, Item::Face(credential.id))?;
        self.seal_face(faces, &item, &face).await?;
        self.put(&within, &attested, &credential, key.face_token(&face))
            .await?;
        if !self.stays(&complex, &credential, &item) {
            withdraw::delete(within.closing(), credential.id).await?;
            return Err(if self.may_hold(&complex, &credential) {
                Refusal::Stale
            } else {
                Refusal::NoLegalBasis
            });
        }
        info!(%complex, %partner, credential = %credential.id, "face provisioned");
        Ok(registered)
    }

    /// Whether the partner may hold what is registered, as far as is known here.
    pub(crate) fn may_hold(&self, complex: &ComplexId, credential: &Credential) -> bool {
        let state = self.registrar.knowledge.lock();
        let registry = &state.registry;
        registry
            .credential(complex, &credential.id)
            .is_some_and(|(_, known)| registry.may_hold(complex, known, Timestamp::now()))
    }

    /// Whether what was just put may stay. Whoever withdrew it in the meantime may have found nothing
    /// to delete yet, or may not find it later for want of its sealed item.
    pub(crate) fn stays(
        &self,
        complex: &ComplexId,
        credential: &Credential,
        item: &SubjectKey,
    ) -> bool {
        self.may_hold(complex, credential)
            && !self.going.has(credential.id)
            && self.directory.knows(item)
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

    /// Seals a reference once; another one under the same credential is refused.
    async fn seal_face(
        &self,
        faces: &FaceKeys,
        key: &SubjectKey,
        face: &FaceReference,
    ) -> Result<(), Refusal> {
        if let Some((key, sealed)) = self.directory.item(key.subject, key.item) {
            let known = faces.open(&key, &sealed).map_err(|error| {
                error!(%error, "a sealed reference can't be opened");
                Refusal::Internal
            })?;
            return if known == *face {
                Ok(())
            } else {
                Err(Refusal::KeyReused)
            };
        }
        let sealed = faces.seal(key, face, Timestamp::now()).map_err(|error| {
            error!(%error, "reference can't be sealed");
            Refusal::Internal
        })?;
        self.directory.keep(key, sealed).await
    }
}

/// What is to be registered, but for the version of its key, and the reference.
fn parse(request: &AddFaceCredentialRequest) -> Result<(Credential, FaceReference), Refusal> {
    let id = grpc::id("credential_id", &request.credential_id)?;
    let subject: SubjectRef = grpc::id("subject_ref", &request.subject_ref)?;
    let face = FaceReference::parse(&request.face_reference)
        .map_err(|error| Refusal::field("face_reference", error.to_string()))?;
    let window = records::window_from_wire(request.window.as_ref())
        .map_err(|field| Refusal::field(field.0, "out of range"))?;
    let devices: Vec<DeviceId> = request
        .device_ids
        .iter()
        .map(|id| grpc::id("device_ids", id))
        .collect::<Result<_, _>>()?;
    let basis = legal_basis::parse(request.basis.as_ref(), Timestamp::now())?;
    let credential = Credential {
        id,
        kind: CredentialKind::Face,
        holder: Holder::Subject(subject),
        devices,
        window,
        revoked: false,
        key_version: 0,
        basis: Some(basis),
    };
    Ok((credential, face))
}
