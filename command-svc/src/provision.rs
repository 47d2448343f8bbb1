//! Keys and credentials at the partners: tokens only, and only to a partner whose attestation
//! is valid, recent and strong enough.

use std::sync::Arc;
use std::time::Duration;

use domain::event::Actor;
use domain::registry::{Change, ChangeSet, Credential, Entity, Holder, Perimeter, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ChangeSetId, ComplexId, CredentialId, DeviceId, PartnerId, SubjectRef};
use jiff::Timestamp;
use partner::{AttestationPolicy, Attested, CallError, CredentialToPut, PerimeterClient};
use privacy::{
    CredentialToken, FaceKeys, Item, Plate, PlateKeys, SubjectKey, TokenKey, TokenKeyRoots,
};
use proto::access::AddPlateCredentialRequest;
use service::trace::TraceContext;
use tokio::time::Instant;
use tracing::{error, info};

use crate::grpc;
use crate::partners::Partners;
use crate::refusal::Refusal;
use crate::registrar::{Registered, Registrar};
use crate::subjects::Directory;
use crate::withdraw::Going;

/// How long one call to a partner may take.
pub(crate) const CALL: Duration = Duration::from_secs(5);

/// Gives partners what they need to recognise cars and faces.
pub(crate) struct Provisioner {
    /// Writes the registry.
    pub registrar: Arc<Registrar>,
    /// Keeps sealed plates and references of faces.
    pub directory: Arc<Directory>,
    /// The partners.
    pub partners: Partners,
    /// Seals plates.
    pub plates: PlateKeys,
    /// Seals references of faces; none where this instance may not.
    pub faces: Option<FaceKeys>,
    /// Makes tokens.
    pub tokens: TokenKeyRoots,
    /// What is being deleted.
    pub going: Arc<Going>,
}

impl Provisioner {
    /// Delivers the complex's newest token key, wrapped to the partner's attested key.
    ///
    /// # Errors
    /// No perimeter, no good attestation, or the partner can't be reached.
    pub(crate) async fn deliver_token_key(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<u32, Refusal> {
        let (within, attested) = self.attested(complex, partner).await?;
        let key = self.key(complex, partner)?;
        let version = key.version();
        within
            .put_token_key(&attested, &key, Instant::now() + CALL)
            .await
            .map_err(refused)?;
        info!(%complex, %partner, version, "token key delivered");
        Ok(version)
    }

    /// Registers a plate's credential, seals the plate, gives the partner its token.
    ///
    /// # Errors
    /// A field is wrong, or one of the three steps can't be done now: the same request again
    /// goes on where it stopped.
    pub(crate) async fn add_plate(
        &self,
        actor: Actor,
        request: AddPlateCredentialRequest,
        trace: &TraceContext,
    ) -> Result<Registered, Refusal> {
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        let credential: CredentialId = grpc::id("credential_id", &request.credential_id)?;
        let subject: SubjectRef = grpc::id("subject_ref", &request.subject_ref)?;
        let plate = Plate::parse(&request.plate)
            .map_err(|error| Refusal::field("plate", error.to_string()))?;
        let window = records::window_from_wire(request.window.as_ref())
            .map_err(|field| Refusal::field(field.0, "out of range"))?;
        let devices: Vec<DeviceId> = request
            .device_ids
            .iter()
            .map(|id| grpc::id("device_ids", id))
            .collect::<Result<_, _>>()?;
        let partner = self.partner_of(&complex, subject, &devices)?;
        let (within, attested) = self.attested(&complex, &partner).await?;
        let key = self.key(&complex, &partner)?;

        let entity = Credential {
            id: credential,
            kind: CredentialKind::Plate,
            holder: Holder::Subject(subject),
            devices: devices.clone(),
            window: window.clone(),
            revoked: false,
            key_version: key.version(),
            basis: None,
        };
        let registered = self
            .register(actor, &complex, entity.clone(), trace)
            .await?;
        self.is_the_same(&complex, &entity)?;
        let item = self.key_of(subject, Item::Plate(credential))?;
        self.seal(&item, &plate).await?;
        self.put(&within, &attested, &entity, key.token(&plate))
            .await?;
        info!(%complex, %partner, %credential, "credential provisioned");
        Ok(registered)
    }

    pub(crate) async fn register(
        &self,
        actor: Actor,
        complex: &ComplexId,
        entity: Credential,
        trace: &TraceContext,
    ) -> Result<Registered, Refusal> {
        let set = ChangeSet {
            // The credential's id is the idempotency key.
            id: ChangeSetId(entity.id.0),
            note: format!("{} credential", entity.kind.as_str().to_lowercase()),
            changes: vec![Change {
                expected_version: 0,
                entity: Entity::Credential(entity),
            }],
        };
        self.registrar.apply(actor, complex, set, trace).await
    }

    /// A credential id that was used for something else is not used again.
    pub(crate) fn is_the_same(
        &self,
        complex: &ComplexId,
        entity: &Credential,
    ) -> Result<(), Refusal> {
        let state = self.registrar.knowledge.lock();
        match state.registry.credential(complex, &entity.id) {
            Some((_, registered)) if registered == entity => Ok(()),
            _ => Err(Refusal::KeyReused),
        }
    }

    /// The key of what is kept about a resident.
    pub(crate) fn key_of(&self, subject: SubjectRef, item: Item) -> Result<SubjectKey, Refusal> {
        let index = self
            .directory
            .index_of(subject)
            .ok_or(Refusal::NotFound("subject"))?;
        Ok(SubjectKey {
            index,
            subject,
            item,
        })
    }

    /// Seals a plate once; another one under the same credential is refused.
    pub(crate) async fn seal(&self, key: &SubjectKey, plate: &Plate) -> Result<(), Refusal> {
        if let Some((key, sealed)) = self.directory.item(key.subject, key.item) {
            let known = self.plates.open(&key, &sealed).map_err(|error| {
                error!(%error, "a sealed plate can't be opened");
                Refusal::Internal
            })?;
            return if known.expose() == plate.expose() {
                Ok(())
            } else {
                Err(Refusal::KeyReused)
            };
        }
        let sealed = self
            .plates
            .seal(key, plate, Timestamp::now())
            .map_err(|error| {
                error!(%error, "plate can't be sealed");
                Refusal::Internal
            })?;
        self.directory.keep(key, sealed).await
    }

    /// Has the partner hold a registered credential, in force when this returns.
    pub(crate) async fn put(
        &self,
        within: &PerimeterClient,
        attested: &Attested,
        credential: &Credential,
        token: CredentialToken,
    ) -> Result<(), Refusal> {
        let time_zone = {
            let state = self.registrar.knowledge.lock();
            let complex = state.registry.complex(token.complex());
            complex.map(|it| it.time_zone.clone()).unwrap_or_default()
        };
        let put = CredentialToPut {
            id: credential.id,
            tokens: &[token],
            window: &credential.window,
            time_zone: &time_zone,
            devices: &credential.devices,
        };
        within
            .put_credential(attested, &put, Instant::now() + CALL)
            .await
            .map_err(refused)
    }

    /// The one partner that runs all `devices`, which the subject lives behind.
    pub(crate) fn partner_of(
        &self,
        complex: &ComplexId,
        subject: SubjectRef,
        devices: &[DeviceId],
    ) -> Result<PartnerId, Refusal> {
        let state = self.registrar.knowledge.lock();
        if !state
            .registry
            .resident(complex, &subject)
            .is_some_and(|(_, resident)| resident.active)
        {
            return Err(Refusal::field(
                "subject_ref",
                "no active resident of this complex",
            ));
        }
        one_partner(&state.registry, complex, devices)
    }

    /// The partner within its perimeter, its attestation verified just now.
    pub(crate) async fn attested(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<(PerimeterClient, Attested), Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let (pinned, perimeter) = self.registered(complex, partner)?;
        let client = self
            .partners
            .get(partner)
            .ok_or_else(|| Refusal::Partner("not configured at this instance".to_owned()))?;
        let now = Timestamp::now();
        let within = client
            .within(&perimeter, now)
            .map_err(|outside| Refusal::Partner(outside.to_string()))?;
        let attestation = client
            .attestation(Instant::now() + CALL)
            .await
            .map_err(refused)?;
        let attested = attestation
            .verify(partner, &pinned, &AttestationPolicy::default(), now)
            .map_err(|refused| Refusal::Partner(refused.to_string()))?;
        Ok((within, attested))
    }

    fn registered(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<(Vec<u8>, Perimeter), Refusal> {
        let state = self.registrar.knowledge.lock();
        let registered = state
            .registry
            .partner(partner)
            .ok_or(Refusal::NotFound("partner"))?;
        if registered.suspended {
            return Err(Refusal::Partner("suspended".to_owned()));
        }
        let (_, perimeter) = state
            .registry
            .perimeter(complex, partner)
            .ok_or_else(|| Refusal::Partner("it has no perimeter in this complex".to_owned()))?;
        Ok((registered.attestation_key.clone(), perimeter.clone()))
    }

    pub(crate) fn key(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<TokenKey, Refusal> {
        self.tokens
            .token_key(complex, partner, self.tokens.newest())
            .map_err(|error| {
                error!(%error, "token key can't be derived");
                Refusal::Internal
            })
    }
}

/// The one partner that runs all `devices` of the complex.
pub(crate) fn one_partner(
    registry: &Registry,
    complex: &ComplexId,
    devices: &[DeviceId],
) -> Result<PartnerId, Refusal> {
    let mut partner = None;
    for id in devices {
        let device = registry
            .device(id)
            .filter(|device| device.id.complex() == *complex)
            .ok_or_else(|| Refusal::field("device_ids", "no such device in this complex"))?;
        if partner.get_or_insert(&device.partner) != &&device.partner {
            return Err(Refusal::field("device_ids", "run by more than one partner"));
        }
    }
    partner
        .cloned()
        .ok_or_else(|| Refusal::field("device_ids", "at least one"))
}

fn refused(error: CallError) -> Refusal {
    if error.is_transient() {
        Refusal::PartnerUnavailable(error.to_string())
    } else {
        Refusal::Partner(error.to_string())
    }
}
