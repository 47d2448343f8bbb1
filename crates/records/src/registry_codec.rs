//! Registry changes to the wire and back; the gRPC contract shares these messages with the
//! log.

use std::str::FromStr;

use domain::registry::{
    Building, Change, Complex, Credential, Device, Entity, Entrance, Grant, GuestPass, Holder,
    LegalBasis, MAX_USES, Partner, Perimeter, Place, Resident, StepUp,
};
use domain::vocabulary::{CredentialKind, DeviceKind, GrantRole, Operation};
use domain::window::Window;
use pb::change::Entity as Wire;
use proto::events as pb;

use crate::basis_codec::{basis_from_wire, basis_to_wire};
use crate::decode::{FieldError, digest, optional_time, parse, word};
use crate::time::timestamp_to_wire;

/// The longest `acr`, in characters.
const MAX_ACR: usize = 64;

/// A change to the wire.
pub fn change_to_wire(change: &Change) -> pb::Change {
    pb::Change {
        expected_version: change.expected_version,
        entity: Some(entity_to_wire(&change.entity)),
    }
}

/// A change from the wire.
///
/// # Errors
/// The field that is missing, malformed or unknown.
pub fn change_from_wire(change: &pb::Change) -> Result<Change, FieldError> {
    Ok(Change {
        expected_version: change.expected_version,
        entity: entity_from_wire(change.entity.as_ref().ok_or(FieldError("entity"))?)?,
    })
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn numbers(operations: &[Operation]) -> Vec<i32> {
    operations
        .iter()
        .map(|operation| operation.number())
        .collect()
}

/// An entity to the wire.
pub fn entity_to_wire(entity: &Entity) -> Wire {
    match entity {
        Entity::Complex(complex) => Wire::Complex(pb::Complex {
            complex_id: complex.id.to_string(),
            name: complex.name.clone(),
            time_zone: complex.time_zone.clone(),
            face_basis: complex.face_basis.as_ref().map(basis_to_wire),
        }),
        Entity::Device(device) => Wire::Device(pb::Device {
            device_id: device.id.to_string(),
            name: device.name.clone(),
            kind: device.kind.number(),
            operations: numbers(&device.operations),
            partner_id: device.partner.to_string(),
            enabled: device.enabled,
            cooldown_ms: device.cooldown_ms,
            step_up: device.step_up.as_ref().map(step_up_to_wire),
            place: device.place.as_ref().map(|place| match place {
                Place::Building(id) => pb::device::Place::BuildingId(id.to_string()),
                Place::Entrance(id) => pb::device::Place::EntranceId(id.to_string()),
            }),
        }),
        Entity::Partner(partner) => Wire::Partner(pb::Partner {
            partner_id: partner.id.to_string(),
            name: partner.name.clone(),
            suspended: partner.suspended,
            webhook_san: partner.webhook_san.clone(),
            attestation_key: partner.attestation_key.clone(),
        }),
        Entity::Perimeter(perimeter) => Wire::Perimeter(pb::Perimeter {
            partner_id: perimeter.partner.to_string(),
            complex_id: perimeter.complex.to_string(),
            operations: numbers(&perimeter.operations),
            credentials: perimeter.credentials,
            not_before: perimeter.not_before.map(timestamp_to_wire),
            not_after: perimeter.not_after.map(timestamp_to_wire),
            closed: perimeter.closed,
        }),
        Entity::Resident(resident) => Wire::Resident(pb::Resident {
            subject_ref: resident.subject.to_string(),
            active: resident.active,
        }),
        Entity::Grant(grant) => Wire::Grant(pb::Grant {
            grant_id: grant.id.to_string(),
            subject_ref: grant.subject.to_string(),
            role: grant.role.number(),
            device_ids: texts(&grant.devices),
            building_ids: texts(&grant.buildings),
            entrance_ids: texts(&grant.entrances),
            window: Some(window_to_wire(&grant.window)),
            revoked: grant.revoked,
        }),
        Entity::GuestPass(pass) => Wire::GuestPass(pb::GuestPass {
            pass_id: pass.id.to_string(),
            secret_hash: pass.secret_hash.to_vec(),
            grant_id: pass.grant.to_string(),
            device_ids: texts(&pass.devices),
            window: Some(window_to_wire(&pass.window)),
            revoked: pass.revoked,
            max_uses: pass.max_uses,
        }),
        Entity::Credential(credential) => Wire::Credential(pb::Credential {
            credential_id: credential.id.to_string(),
            kind: credential.kind.number(),
            device_ids: texts(&credential.devices),
            window: Some(window_to_wire(&credential.window)),
            revoked: credential.revoked,
            key_version: credential.key_version,
            basis: credential.basis.as_ref().map(basis_to_wire),
            holder: Some(match credential.holder {
                Holder::Subject(subject) => pb::credential::Holder::SubjectRef(subject.to_string()),
                Holder::Pass(pass) => pb::credential::Holder::PassId(pass.to_string()),
            }),
        }),
        Entity::Building(building) => Wire::Building(pb::Building {
            building_id: building.id.to_string(),
            name: building.name.clone(),
        }),
        Entity::Entrance(entrance) => Wire::Entrance(pb::Entrance {
            entrance_id: entrance.id.to_string(),
            building_id: entrance.building.to_string(),
            name: entrance.name.clone(),
        }),
    }
}

fn step_up_to_wire(step_up: &StepUp) -> pb::StepUp {
    pb::StepUp {
        max_age_seconds: step_up.max_age_seconds,
        acr: step_up.acr.clone().unwrap_or_default(),
    }
}

fn step_up_from_wire(step_up: &pb::StepUp) -> Result<StepUp, FieldError> {
    let acr = &step_up.acr;
    if step_up.max_age_seconds == 0 {
        return Err(FieldError("device.step_up.max_age_seconds"));
    }
    if acr.len() > MAX_ACR || !acr.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(FieldError("device.step_up.acr"));
    }
    Ok(StepUp {
        max_age_seconds: step_up.max_age_seconds,
        acr: (!acr.is_empty()).then(|| acr.clone()),
    })
}

/// A window to the wire.
pub fn window_to_wire(window: &Window) -> pb::Window {
    pb::Window {
        not_before: window.not_before.map(timestamp_to_wire),
        not_after: window.not_after.map(timestamp_to_wire),
        weekdays: (1..=7)
            .filter(|day| window.weekdays & (1 << day) != 0)
            .collect(),
        from_minute: window.minutes.0.into(),
        until_minute: window.minutes.1.into(),
    }
}

/// A window from the wire; none is one that always holds.
///
/// # Errors
/// The field that is out of range.
pub fn window_from_wire(window: Option<&pb::Window>) -> Result<Window, FieldError> {
    let Some(window) = window else {
        return Ok(Window::default());
    };
    let minute = |field, value: u32| {
        u16::try_from(value)
            .ok()
            .filter(|minute| *minute <= 24 * 60)
            .ok_or(FieldError(field))
    };
    let mut weekdays = 0;
    for day in &window.weekdays {
        if !(1..=7).contains(day) {
            return Err(FieldError("window.weekdays"));
        }
        weekdays |= 1 << day;
    }
    Ok(Window {
        not_before: optional_time("window.not_before", window.not_before.as_ref())?,
        not_after: optional_time("window.not_after", window.not_after.as_ref())?,
        weekdays,
        minutes: (
            minute("window.from_minute", window.from_minute)?,
            minute("window.until_minute", window.until_minute)?,
        ),
    })
}

fn ids<T: FromStr>(field: &'static str, ids: &[String]) -> Result<Vec<T>, FieldError> {
    ids.iter().map(|id| parse(field, id)).collect()
}

fn place_from_wire(place: &pb::device::Place) -> Result<Place, FieldError> {
    Ok(match place {
        pb::device::Place::BuildingId(id) => Place::Building(parse("device.building_id", id)?),
        pb::device::Place::EntranceId(id) => Place::Entrance(parse("device.entrance_id", id)?),
    })
}

fn operations(field: &'static str, wire: &[i32]) -> Result<Vec<Operation>, FieldError> {
    wire.iter()
        .map(|number| word(field, *number, Operation::from_number))
        .collect()
}

/// Names are for people to read and stay short.
fn name(field: &'static str, text: &str) -> Result<String, FieldError> {
    let printable = !text.chars().any(char::is_control);
    if printable && (1..=100).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(FieldError(field))
    }
}

fn of_complex(basis: &pb::LegalBasis) -> Result<LegalBasis, FieldError> {
    let date = "complex.face_basis.document_date";
    basis_from_wire(basis, "complex.face_basis.kind", date)
}

fn of_person(basis: &pb::LegalBasis) -> Result<LegalBasis, FieldError> {
    let date = "credential.basis.document_date";
    basis_from_wire(basis, "credential.basis.kind", date)
}

fn entity_from_wire(wire: &Wire) -> Result<Entity, FieldError> {
    Ok(match wire {
        Wire::Complex(complex) => Entity::Complex(Complex {
            id: parse("complex.complex_id", &complex.complex_id)?,
            name: name("complex.name", &complex.name)?,
            time_zone: name("complex.time_zone", &complex.time_zone)?,
            face_basis: complex.face_basis.as_ref().map(of_complex).transpose()?,
        }),
        Wire::Device(device) => Entity::Device(Device {
            id: parse("device.device_id", &device.device_id)?,
            name: name("device.name", &device.name)?,
            kind: word("device.kind", device.kind, DeviceKind::from_number)?,
            operations: operations("device.operations", &device.operations)?,
            partner: parse("device.partner_id", &device.partner_id)?,
            enabled: device.enabled,
            cooldown_ms: device.cooldown_ms,
            step_up: device.step_up.as_ref().map(step_up_from_wire).transpose()?,
            place: device.place.as_ref().map(place_from_wire).transpose()?,
        }),
        Wire::Partner(partner) => Entity::Partner(Partner {
            id: parse("partner.partner_id", &partner.partner_id)?,
            name: name("partner.name", &partner.name)?,
            suspended: partner.suspended,
            webhook_san: name("partner.webhook_san", &partner.webhook_san)?,
            attestation_key: partner.attestation_key.clone(),
        }),
        Wire::Perimeter(perimeter) => Entity::Perimeter(Perimeter {
            partner: parse("perimeter.partner_id", &perimeter.partner_id)?,
            complex: parse("perimeter.complex_id", &perimeter.complex_id)?,
            operations: operations("perimeter.operations", &perimeter.operations)?,
            credentials: perimeter.credentials,
            not_before: optional_time("perimeter.not_before", perimeter.not_before.as_ref())?,
            not_after: optional_time("perimeter.not_after", perimeter.not_after.as_ref())?,
            closed: perimeter.closed,
        }),
        Wire::Resident(resident) => Entity::Resident(Resident {
            subject: parse("resident.subject_ref", &resident.subject_ref)?,
            active: resident.active,
        }),
        Wire::Grant(grant) => Entity::Grant(Grant {
            id: parse("grant.grant_id", &grant.grant_id)?,
            subject: parse("grant.subject_ref", &grant.subject_ref)?,
            role: word("grant.role", grant.role, GrantRole::from_number)?,
            devices: ids("grant.device_ids", &grant.device_ids)?,
            buildings: ids("grant.building_ids", &grant.building_ids)?.into(),
            entrances: ids("grant.entrance_ids", &grant.entrance_ids)?.into(),
            window: window_from_wire(grant.window.as_ref())?,
            revoked: grant.revoked,
        }),
        Wire::GuestPass(pass) => Entity::GuestPass(GuestPass {
            id: parse("guest_pass.pass_id", &pass.pass_id)?,
            secret_hash: digest("guest_pass.secret_hash", &pass.secret_hash)?,
            grant: parse("guest_pass.grant_id", &pass.grant_id)?,
            devices: ids("guest_pass.device_ids", &pass.device_ids)?,
            window: window_from_wire(pass.window.as_ref())?,
            revoked: pass.revoked,
            max_uses: Some(pass.max_uses)
                .filter(|uses| *uses <= MAX_USES)
                .ok_or(FieldError("guest_pass.max_uses"))?,
        }),
        Wire::Credential(credential) => Entity::Credential(Credential {
            id: parse("credential.credential_id", &credential.credential_id)?,
            kind: word(
                "credential.kind",
                credential.kind,
                CredentialKind::from_number,
            )?,
            holder: match credential
                .holder
                .as_ref()
                .ok_or(FieldError("credential.holder"))?
            {
                pb::credential::Holder::SubjectRef(id) => {
                    Holder::Subject(parse("credential.subject_ref", id)?)
                }
                pb::credential::Holder::PassId(id) => {
                    Holder::Pass(parse("credential.pass_id", id)?)
                }
            },
            devices: ids("credential.device_ids", &credential.device_ids)?,
            window: window_from_wire(credential.window.as_ref())?,
            revoked: credential.revoked,
            key_version: credential.key_version,
            basis: credential.basis.as_ref().map(of_person).transpose()?,
        }),
        Wire::Building(building) => Entity::Building(Building {
            id: parse("building.building_id", &building.building_id)?,
            name: name("building.name", &building.name)?,
        }),
        Wire::Entrance(entrance) => Entity::Entrance(Entrance {
            id: parse("entrance.entrance_id", &entrance.entrance_id)?,
            building: parse("entrance.building_id", &entrance.building_id)?,
            name: name("entrance.name", &entrance.name)?,
        }),
    })
}
