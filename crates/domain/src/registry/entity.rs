//! What the registry holds, and changes to it.

use jiff::{SignedDuration, Timestamp};

use super::LegalBasis;
use super::place::{Building, Entrance, Place};
use crate::commands::LEEWAY;
use crate::id::{
    BuildingId, ChangeSetId, ComplexId, CredentialId, DeviceId, EntranceId, GrantId, PartnerId,
    PassId, SubjectRef,
};
use crate::vocabulary::{CredentialKind, DeviceKind, GrantRole, Operation};
use crate::window::Window;

/// One change set: all of it applies to one complex, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// Its idempotency key.
    pub id: ChangeSetId,
    /// Why, in the operator's words.
    pub note: String,
    /// In order; no entity twice.
    pub changes: Vec<Change>,
}

/// One entity put into a new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Version that it must have now; 0: it must not exist.
    pub expected_version: u64,
    /// The new state.
    pub entity: Entity,
}

/// What the registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entity {
    /// A residential complex.
    Complex(Complex),
    /// A device.
    Device(Device),
    /// A partner, under `global`.
    Partner(Partner),
    /// What a partner may do in one complex.
    Perimeter(Perimeter),
    /// A resident.
    Resident(Resident),
    /// A right to open.
    Grant(Grant),
    /// A guest's right.
    GuestPass(GuestPass),
    /// Something that a device recognises.
    Credential(Credential),
    /// A building of the complex.
    Building(Building),
    /// An entrance of a building.
    Entrance(Entrance),
}

/// Names an entity within its complex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKey {
    /// The complex itself.
    Complex,
    /// A device.
    Device(DeviceId),
    /// A partner.
    Partner(PartnerId),
    /// A partner's perimeter.
    Perimeter(PartnerId),
    /// A resident.
    Resident(SubjectRef),
    /// A grant.
    Grant(GrantId),
    /// A guest pass.
    GuestPass(PassId),
    /// A credential.
    Credential(CredentialId),
    /// A building.
    Building(BuildingId),
    /// An entrance.
    Entrance(EntranceId),
}

impl Entity {
    /// Its name within the complex.
    pub fn key(&self) -> EntityKey {
        match self {
            Entity::Complex(_) => EntityKey::Complex,
            Entity::Device(device) => EntityKey::Device(device.id.clone()),
            Entity::Partner(partner) => EntityKey::Partner(partner.id.clone()),
            Entity::Perimeter(perimeter) => EntityKey::Perimeter(perimeter.partner.clone()),
            Entity::Resident(resident) => EntityKey::Resident(resident.subject),
            Entity::Grant(grant) => EntityKey::Grant(grant.id),
            Entity::GuestPass(pass) => EntityKey::GuestPass(pass.id),
            Entity::Credential(credential) => EntityKey::Credential(credential.id),
            Entity::Building(building) => EntityKey::Building(building.id.clone()),
            Entity::Entrance(entrance) => EntityKey::Entrance(entrance.id.clone()),
        }
    }
}

/// A residential complex (ЖК).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complex {
    /// Its id.
    pub id: ComplexId,
    /// For people to read.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// The ground on which faces may be processed there; none: they may not.
    pub face_basis: Option<LegalBasis>,
}

/// A device that opens something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id, which names the complex.
    pub id: DeviceId,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// Who runs it.
    pub partner: PartnerId,
    /// Switched on in the registry.
    pub enabled: bool,
    /// Least time between two openings, milliseconds; 0 for none.
    pub cooldown_ms: u32,
    /// The login that opening it takes; none where any will do.
    pub step_up: Option<StepUp>,
    /// Where it stands; none where it is the complex's own, such as its gate. A device that is
    /// moved is opened by whoever has a grant to its new place, and no longer by whoever had one
    /// to the old.
    pub place: Option<Place>,
}

/// A fresh login, as a device may require it (RFC 9470). Guests have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// How long ago the login may be, in seconds; at least 1.
    pub max_age_seconds: u32,
    /// Authentication context class that it must be of (OpenID Connect Core, section 2).
    pub acr: Option<String>,
}

impl StepUp {
    /// Whether a login at `auth_time`, of class `acr`, will do at `now`. One that is not known,
    /// or lies in the future, won't.
    pub fn is_met(&self, auth_time: Option<Timestamp>, acr: Option<&str>, now: Timestamp) -> bool {
        let max_age = SignedDuration::from_secs(i64::from(self.max_age_seconds));
        let fresh = auth_time.is_some_and(|at| {
            let age = now.duration_since(at);
            age >= -LEEWAY && age <= max_age
        });
        fresh && (self.acr.is_none() || self.acr.as_deref() == acr)
    }
}

/// An access-control partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// For people to read.
    pub name: String,
    /// Suspended everywhere.
    pub suspended: bool,
    /// Subject alternative name of its webhook certificate.
    pub webhook_san: String,
    /// Ed25519 public key of its attestations.
    pub attestation_key: Vec<u8>,
}

/// What a partner may do in one complex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Perimeter {
    /// The partner.
    pub partner: PartnerId,
    /// The complex.
    pub complex: ComplexId,
    /// Which opens.
    pub operations: Vec<Operation>,
    /// Whether it may hold tokens.
    pub credentials: bool,
    /// First instant; none for always.
    pub not_before: Option<Timestamp>,
    /// First instant after it; none for ever.
    pub not_after: Option<Timestamp>,
    /// Closed: nothing is permitted any more.
    pub closed: bool,
}

impl Perimeter {
    /// Whether it is in force at `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        !self.closed && self.in_window(now)
    }

    /// Whether `at` lies between its beginning and its end, closed or not.
    pub(super) fn in_window(&self, at: Timestamp) -> bool {
        self.not_before.is_none_or(|from| at >= from)
            && self.not_after.is_none_or(|until| at < until)
    }

    /// Whether `operation` is permitted at `now`.
    pub fn permits(&self, operation: Operation, now: Timestamp) -> bool {
        self.in_force(now) && self.operations.contains(&operation)
    }
}

/// Somebody who lives or works there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The person's reference.
    pub subject: SubjectRef,
    /// False: moved out; grants no longer hold.
    pub active: bool,
}

/// A right to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Whose.
    pub subject: SubjectRef,
    /// As what.
    pub role: GrantRole,
    /// Which devices, beside those of its places.
    pub devices: Vec<DeviceId>,
    /// Which buildings: every device that stands in one, at its entrances too.
    pub buildings: Box<[BuildingId]>,
    /// Which entrances: every device that stands at one.
    pub entrances: Box<[EntranceId]>,
    /// When.
    pub window: Window,
    /// Withdrawn.
    pub revoked: bool,
}

impl Grant {
    /// Whether it names nothing, and so is about every device of the complex.
    pub fn is_everywhere(&self) -> bool {
        self.devices.is_empty() && self.buildings.is_empty() && self.entrances.is_empty()
    }
}

/// The most uses of a limited pass: each that is taken is remembered for as long as the pass.
pub const MAX_USES: u32 = 1000;

/// A guest's right, never wider than the grant that it is inside of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestPass {
    /// Its id.
    pub id: PassId,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// The grant of whoever made it.
    pub grant: GrantId,
    /// Which devices; at least one.
    pub devices: Vec<DeviceId>,
    /// When.
    pub window: Window,
    /// Withdrawn.
    pub revoked: bool,
    /// How many commands it may open with, at most [`MAX_USES`]; 0 for any number.
    pub max_uses: u32,
}

/// Whose credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A resident's.
    Subject(SubjectRef),
    /// A guest pass's.
    Pass(PassId),
}

/// Something that a partner's device recognises. Its token is recomputed, never recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id, random.
    pub id: CredentialId,
    /// What it is.
    pub kind: CredentialKind,
    /// Whose; never changes.
    pub holder: Holder,
    /// Where it opens; at least one.
    pub devices: Vec<DeviceId>,
    /// When.
    pub window: Window,
    /// Withdrawn.
    pub revoked: bool,
    /// Version of the complex's token key.
    pub key_version: u32,
    /// Of a face, the ground on which the person's may be processed; none once it was withdrawn.
    pub basis: Option<LegalBasis>,
}
