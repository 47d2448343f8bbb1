//! Registering a credential: what its tokens are made of is sealed, it is registered, and the partner
//! gets its token from whoever works on the complex.

use domain::event::Actor;
use domain::provisioning::{Shown, State, states};
use domain::registry::{Change, ChangeSet, Credential, Entity, Holder, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ChangeSetId, ComplexId, CredentialId, DeviceId, PartnerId};
use eventlog::Position;
use jiff::Timestamp;
use privacy::Plate;
use proto::access::AddPlateCredentialRequest;
use service::trace::TraceContext;
use tokio::time::{Instant, timeout};

use super::sealed::Origin;
use super::{Pair, Provisioner, why};
use crate::grpc;
use crate::refusal::Refusal;

/// A credential that was registered, and how it is at its partner.
pub(crate) struct Added {
    /// Absent when it had been registered before.
    pub position: Option<Position>,
    /// How it is at the partner; none: it must not be held, and is not.
    pub state: Option<State>,
    /// What keeps it back, where something does, and what to do about that.
    pub reason: Option<(String, &'static str)>,
}

/// Whether a credential stands in the registry as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    New,
    Registered,
    Revoked,
}

impl Provisioner {
    /// Registers a plate's credential, whatever the partner is like at present; then waits a little for
    /// it to be in force.
    ///
    /// # Errors
    /// A field is wrong, no perimeter lets the partner hold credentials, or the log is unavailable:
    /// the same request again goes on where it stopped.
    pub(crate) async fn add_plate(
        &self,
        actor: Actor,
        request: AddPlateCredentialRequest,
        trace: &TraceContext,
    ) -> Result<Added, Refusal> {
        let complex: ComplexId = grpc::id("complex_id", &request.complex_id)?;
        let plate = Plate::parse(&request.plate)
            .map_err(|error| Refusal::field("plate", error.to_string()))?;
        let entity = Credential {
            id: grpc::id("credential_id", &request.credential_id)?,
            kind: CredentialKind::Plate,
            holder: Holder::Subject(grpc::id("subject_ref", &request.subject_ref)?),
            devices: devices(&request.device_ids)?,
            window: records::window_from_wire(request.window.as_ref())
                .map_err(|field| Refusal::field(field.0, "out of range"))?,
            revoked: false,
            key_version: self.tokens.newest(),
            basis: None,
        };
        self.add(actor, &complex, entity, &Origin::Plate(plate), trace)
            .await
    }

    /// Registers a resident's credential; as [`Provisioner::add_plate`].
    ///
    /// # Errors
    /// As [`Provisioner::add_plate`].
    pub(super) async fn add(
        &self,
        actor: Actor,
        complex: &ComplexId,
        entity: Credential,
        origin: &Origin,
        trace: &TraceContext,
    ) -> Result<Added, Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let credential = entity.id;
        let partner = self.partner_of(complex, &entity)?;
        self.may_hold(complex, &partner)?;
        let known = self.known(complex, &entity)?;
        // Sealed first: whoever sees the credential registered needs it. One that is revoked needs
        // nothing.
        if known != Known::Revoked {
            self.seal(&entity, origin).await?;
        }
        let position = match known {
            Known::New => self.register(actor, complex, entity, trace).await?,
            Known::Registered | Known::Revoked => None,
        };
        let pair = (complex.clone(), partner);
        let shown = self.settled(&pair, credential).await;
        Ok(Added {
            position,
            state: shown.as_ref().map(|shown| shown.state),
            reason: shown.and_then(|shown| reason(&shown)),
        })
    }

    /// Registers it; if that is refused, what was sealed must not stay.
    async fn register(
        &self,
        actor: Actor,
        complex: &ComplexId,
        entity: Credential,
        trace: &TraceContext,
    ) -> Result<Option<Position>, Refusal> {
        let set = ChangeSet {
            // The credential's id is the idempotency key.
            id: ChangeSetId(entity.id.0),
            note: format!("{} credential", entity.kind.as_str().to_lowercase()),
            changes: vec![Change {
                expected_version: 0,
                entity: Entity::Credential(entity.clone()),
            }],
        };
        let registered = self.registrar.apply(actor, complex, set, trace).await;
        // What stands there now may be another's, who was first.
        match (registered, self.known(complex, &entity)) {
            (Ok(registered), Ok(_)) => Ok(registered.position),
            (Err(refusal @ (Refusal::Log | Refusal::Stale)), _) => Err(refusal),
            (Err(refusal), Ok(Known::New)) => {
                self.unseal(&entity).await?;
                Err(refusal)
            }
            (Err(_), Ok(Known::Registered | Known::Revoked)) => Ok(None),
            (_, Err(reused)) => Err(reused),
        }
    }

    /// A credential id that was used for something else is not used again. What was revoked since, or
    /// registered under an older key, is still the same.
    fn known(&self, complex: &ComplexId, entity: &Credential) -> Result<Known, Refusal> {
        let state = self.registrar.knowledge.lock();
        let Some((_, registered)) = state.registry.credential(complex, &entity.id) else {
            return Ok(Known::New);
        };
        let asked = Credential {
            revoked: registered.revoked,
            key_version: registered.key_version,
            ..entity.clone()
        };
        match registered.revoked {
            _ if asked != *registered => Err(Refusal::KeyReused),
            true => Ok(Known::Revoked),
            false => Ok(Known::Registered),
        }
    }

    /// The one partner that runs the credential's devices, which its holder lives behind.
    fn partner_of(
        &self,
        complex: &ComplexId,
        credential: &Credential,
    ) -> Result<PartnerId, Refusal> {
        let state = self.registrar.knowledge.lock();
        let lives_there = match credential.holder {
            Holder::Subject(subject) => state
                .registry
                .resident(complex, &subject)
                .is_some_and(|(_, resident)| resident.active),
            // Its own grant says so.
            Holder::Pass(_) => true,
        };
        if !lives_there {
            return Err(Refusal::field(
                "subject_ref",
                "no active resident of this complex",
            ));
        }
        one_partner(&state.registry, complex, &credential.devices)
    }

    /// Whether the registry lets a partner hold credentials in a complex.
    pub(super) fn may_hold(&self, complex: &ComplexId, partner: &PartnerId) -> Result<(), Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let (state, now) = (self.registrar.knowledge.lock(), Timestamp::now());
        let registered = state.registry.partner(partner);
        if registered.ok_or(Refusal::NotFound("partner"))?.suspended {
            return Err(Refusal::Partner("suspended".to_owned()));
        }
        let perimeter = state.registry.perimeter(complex, partner);
        let why = match perimeter {
            None => "it has no perimeter in this complex",
            Some((_, perimeter)) if !perimeter.in_force(now) => "its perimeter is not in force",
            Some((_, perimeter)) if !perimeter.credentials => {
                "its perimeter does not let it hold credentials"
            }
            Some(_) => return Ok(()),
        };
        Err(Refusal::Partner(why.to_owned()))
    }

    /// How a credential is at its partner, once it is in force or something keeps it back, or when
    /// that takes too long.
    pub(super) async fn settled(&self, pair: &Pair, credential: CredentialId) -> Option<Shown> {
        let (started, deadline) = (Timestamp::now(), Instant::now() + self.config.wait);
        let settled = self.folded(|| {
            let shown = self.shown(pair, credential);
            let kept_back = || {
                let state = self.registrar.knowledge.lock();
                let standing = state.registry.standings().get(&pair.0, &pair.1)?;
                standing
                    .reason(credential)
                    .filter(|(_, at)| *at >= started)?;
                Some(())
            };
            let rests = shown
                .as_ref()
                .is_none_or(|shown| shown.state == State::InForce);
            (rests || kept_back().is_some()).then_some(shown)
        });
        match timeout(deadline - Instant::now(), settled).await {
            Ok(shown) => shown,
            Err(_) => self.shown(pair, credential),
        }
    }

    fn shown(&self, pair: &Pair, credential: CredentialId) -> Option<Shown> {
        let desired = self.desired(pair);
        let (complex, partner) = pair;
        let own = {
            let status = self.desk(pair).status().clone();
            status.why_of.get(&credential).copied().or(status.why)
        };
        let registry = self.registrar.copy();
        let mut shown =
            states(registry.standings(), complex, partner, &desired).remove(&credential)?;
        if shown.state != State::InForce && shown.reason.is_none() {
            shown.reason = own.map(|why| why.as_str().to_owned());
        }
        Some(shown)
    }
}

/// What keeps a credential back, and what to do about it.
fn reason(shown: &Shown) -> Option<(String, &'static str)> {
    if shown.state == State::InForce {
        return None;
    }
    let reason = shown.reason.as_deref().unwrap_or("QUEUED");
    Some((reason.to_owned(), why::to_do(reason)))
}

/// The one partner that runs all `devices` of the complex.
pub(super) fn one_partner(
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

/// Devices as they are asked for.
pub(super) fn devices(wire: &[String]) -> Result<Vec<DeviceId>, Refusal> {
    wire.iter().map(|id| grpc::id("device_ids", id)).collect()
}
