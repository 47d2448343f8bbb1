//! The fields of every kind of document.

use domain::registry::{
    Building, Complex, Credential, Device, Entity, Entrance, Grant, GuestPass, Holder, LegalBasis,
    MAX_USES, Partner, Perimeter, Place, Resident, StepUp,
};
use domain::vocabulary::{CredentialKind, DeviceKind, GrantRole, LegalBasisKind, Operation};
use domain::window::Window;
use domain::{BuildingId, ComplexId, DeviceId, EntranceId};

use crate::fields::Fields;
use crate::scalar::{acr, bytes, date, flag, id, minute, name, number, time, time_zone, word};
use crate::yaml::Node;

/// Reads one kind: the entity and its complex, or nothing where something was noted.
pub(crate) type Read = fn(&mut Fields<'_>) -> Option<(ComplexId, Entity)>;

pub(crate) fn complex(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex: Option<ComplexId> = fields.required("complex_id", id);
    let name = fields.required("name", name);
    let time_zone = fields.required("time_zone", time_zone);
    let face_basis = fields.section("face_basis", basis);
    let complex = complex?;
    let entity = Complex {
        id: complex.clone(),
        name: name?,
        time_zone: time_zone?,
        face_basis: face_basis?,
    };
    Some((complex, Entity::Complex(entity)))
}

pub(crate) fn device(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let device: Option<DeviceId> = fields.required("device_id", id);
    let inside = device.as_ref().map(DeviceId::complex);
    let stated = stated(fields, inside.as_ref());
    let name = fields.required("name", name);
    let kind = fields.required("type", word(DeviceKind::ALL, DeviceKind::as_str));
    let operations = operations(fields);
    let partner = fields.required("partner_id", id);
    let enabled = fields.required("enabled", flag);
    let cooldown_ms = fields.optional("cooldown_ms", number(0..=u32::MAX));
    let step_up = fields.section("step_up", step_up);
    let place = place(fields, inside.as_ref());
    stated?;
    let entity = Device {
        id: device?,
        name: name?,
        kind: kind?,
        operations: operations?,
        partner: partner?,
        enabled: enabled?,
        cooldown_ms: cooldown_ms?.unwrap_or_default(),
        step_up: step_up?,
        place: place?,
    };
    Some((inside?, Entity::Device(entity)))
}

/// Where a device stands: one place, or none.
fn place(fields: &mut Fields<'_>, complex: Option<&ComplexId>) -> Option<Option<Place>> {
    let building = fields.optional("building_id", building_of(complex));
    let entrance = fields.optional("entrance_id", entrance_of(complex));
    match (building?, entrance?) {
        (Some(_), Some(_)) => {
            let what = "expected one of building_id and entrance_id: an entrance has its building";
            fields.note_at("entrance_id", what);
            None
        }
        (building, entrance) => {
            let building = building.map(Place::Building);
            Some(building.or(entrance.map(Place::Entrance)))
        }
    }
}

pub(crate) fn building(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let building: Option<BuildingId> = fields.required("building_id", id);
    let inside = building.as_ref().map(BuildingId::complex);
    let stated = stated(fields, inside.as_ref());
    let name = fields.required("name", name);
    stated?;
    let entity = Building {
        id: building?,
        name: name?,
    };
    Some((inside?, Entity::Building(entity)))
}

pub(crate) fn entrance(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let entrance: Option<EntranceId> = fields.required("entrance_id", id);
    let inside = entrance.as_ref().map(EntranceId::complex);
    let stated = stated(fields, inside.as_ref());
    let building = fields.required("building_id", building_of(inside.as_ref()));
    let name = fields.required("name", name);
    stated?;
    let entity = Entrance {
        id: entrance?,
        building: building?,
        name: name?,
    };
    Some((inside?, Entity::Entrance(entity)))
}

fn step_up(fields: &mut Fields<'_>) -> Option<StepUp> {
    let max_age_seconds = fields.required("max_age_seconds", number(1..=u32::MAX));
    let acr = fields.optional("acr", acr);
    Some(StepUp {
        max_age_seconds: max_age_seconds?,
        acr: acr?,
    })
}

pub(crate) fn partner(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let partner = fields.required("partner_id", id);
    let name_read = fields.required("name", name);
    let suspended = fields.optional("suspended", flag);
    let webhook_san = fields.required("webhook_san", name);
    let attestation_key = fields.required("attestation_key", bytes);
    let entity = Partner {
        id: partner?,
        name: name_read?,
        suspended: suspended?.unwrap_or_default(),
        webhook_san: webhook_san?,
        attestation_key: attestation_key?.to_vec(),
    };
    Some((ComplexId::global(), Entity::Partner(entity)))
}

pub(crate) fn perimeter(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex = complex_id(fields);
    let partner = fields.required("partner_id", id);
    let operations = operations(fields);
    let credentials = fields.optional("credentials", flag);
    let between = between(fields);
    let closed = fields.optional("closed", flag);
    let (complex, (not_before, not_after)) = (complex?, between?);
    let entity = Perimeter {
        partner: partner?,
        complex: complex.clone(),
        operations: operations?,
        credentials: credentials?.unwrap_or_default(),
        not_before,
        not_after,
        closed: closed?.unwrap_or_default(),
    };
    Some((complex, Entity::Perimeter(entity)))
}

pub(crate) fn resident(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex = complex_id(fields);
    let subject = fields.required("subject_ref", id);
    let active = fields.required("active", flag);
    let entity = Resident {
        subject: subject?,
        active: active?,
    };
    Some((complex?, Entity::Resident(entity)))
}

pub(crate) fn grant(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex = complex_id(fields);
    let grant = fields.required("grant_id", id);
    let subject = fields.required("subject_ref", id);
    let role = fields.required("role", word(GrantRole::ALL, GrantRole::as_str));
    let devices = devices(fields, complex.as_ref());
    let buildings = fields.list("building_ids", building_of(complex.as_ref()));
    let entrances = fields.list("entrance_ids", entrance_of(complex.as_ref()));
    let window = fields.section("window", window);
    let revoked = fields.optional("revoked", flag);
    let entity = Grant {
        id: grant?,
        subject: subject?,
        role: role?,
        devices: devices?,
        buildings: buildings?.into(),
        entrances: entrances?.into(),
        window: window?.unwrap_or_default(),
        revoked: revoked?.unwrap_or_default(),
    };
    Some((complex?, Entity::Grant(entity)))
}

pub(crate) fn guest_pass(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex = complex_id(fields);
    let pass = fields.required("pass_id", id);
    let secret_hash = fields.required("secret_hash", bytes);
    let grant = fields.required("grant_id", id);
    let devices = devices(fields, complex.as_ref());
    let window = fields.section("window", window);
    let revoked = fields.optional("revoked", flag);
    let max_uses = fields.optional("max_uses", number(0..=MAX_USES));
    let entity = GuestPass {
        id: pass?,
        secret_hash: secret_hash?,
        grant: grant?,
        devices: devices?,
        window: window?.unwrap_or_default(),
        revoked: revoked?.unwrap_or_default(),
        max_uses: max_uses?.unwrap_or_default(),
    };
    Some((complex?, Entity::GuestPass(entity)))
}

pub(crate) fn credential(fields: &mut Fields<'_>) -> Option<(ComplexId, Entity)> {
    let complex = complex_id(fields);
    let credential = fields.required("credential_id", id);
    let kind = fields.required("type", word(CredentialKind::ALL, CredentialKind::as_str));
    let (subject, pass) = (
        fields.optional("subject_ref", id),
        fields.optional("pass_id", id),
    );
    let devices = devices(fields, complex.as_ref());
    let window = fields.section("window", window);
    let revoked = fields.optional("revoked", flag);
    let key_version = fields.optional("key_version", number(0..=u32::MAX));
    let basis = fields.section("basis", basis);
    let holder = match (subject?, pass?) {
        (Some(subject), None) => Holder::Subject(subject),
        (None, Some(pass)) => Holder::Pass(pass),
        _ => {
            fields.note_at("subject_ref", "expected one of subject_ref and pass_id");
            return None;
        }
    };
    let entity = Credential {
        id: credential?,
        kind: kind?,
        holder,
        devices: devices?,
        window: window?.unwrap_or_default(),
        revoked: revoked?.unwrap_or_default(),
        key_version: key_version?.unwrap_or_default(),
        basis: basis?,
    };
    Some((complex?, Entity::Credential(entity)))
}

fn basis(fields: &mut Fields<'_>) -> Option<LegalBasis> {
    let kind = fields.required("type", word(LegalBasisKind::ALL, LegalBasisKind::as_str));
    let document_date = fields.required("document_date", date);
    Some(LegalBasis {
        kind: kind?,
        document_date: document_date?,
    })
}

/// The complex of whatever does not name it by its own id.
fn complex_id(fields: &mut Fields<'_>) -> Option<ComplexId> {
    fields.required("complex_id", id)
}

fn operations(fields: &mut Fields<'_>) -> Option<Vec<Operation>> {
    fields.list("operations", word(Operation::ALL, Operation::as_str))
}

/// The complex that a document may state beside an id that names it.
fn stated(fields: &mut Fields<'_>, inside: Option<&ComplexId>) -> Option<Option<()>> {
    fields.optional("complex_id", |node| {
        let stated: ComplexId = id(node)?;
        match inside {
            Some(inside) if *inside != stated => Err(format!("the id names {inside}")),
            _ => Ok(()),
        }
    })
}

/// Devices of the document's complex.
fn devices(fields: &mut Fields<'_>, complex: Option<&ComplexId>) -> Option<Vec<DeviceId>> {
    fields.list("device_ids", |node| {
        let device: DeviceId = id(node)?;
        within("a device", &device.complex(), complex)?;
        Ok(device)
    })
}

/// A building of the document's complex.
fn building_of(complex: Option<&ComplexId>) -> impl Fn(&Node) -> Result<BuildingId, String> {
    move |node| {
        let building: BuildingId = id(node)?;
        within("a building", &building.complex(), complex)?;
        Ok(building)
    }
}

/// An entrance of the document's complex.
fn entrance_of(complex: Option<&ComplexId>) -> impl Fn(&Node) -> Result<EntranceId, String> {
    move |node| {
        let entrance: EntranceId = id(node)?;
        within("an entrance", &entrance.complex(), complex)?;
        Ok(entrance)
    }
}

fn within(what: &str, of: &ComplexId, complex: Option<&ComplexId>) -> Result<(), String> {
    match complex {
        Some(complex) if of != complex => Err(format!(
            "expected {what} of {complex}, the document's complex"
        )),
        _ => Ok(()),
    }
}

type Between = (Option<jiff::Timestamp>, Option<jiff::Timestamp>);

fn between(fields: &mut Fields<'_>) -> Option<Between> {
    let not_before = fields.optional("not_before", time);
    let not_after = fields.optional("not_after", time);
    let (not_before, not_after) = (not_before?, not_after?);
    if let (Some(from), Some(until)) = (not_before, not_after)
        && until <= from
    {
        fields.note_at("not_after", "expected a time after not_before");
        return None;
    }
    Some((not_before, not_after))
}

fn window(fields: &mut Fields<'_>) -> Option<Window> {
    let between = between(fields);
    let weekdays = fields.list("weekdays", number(1..=7));
    let from = fields.optional("from", minute);
    let until = fields.optional("until", minute);
    let minutes = match (from?, until?) {
        (None, None) => (0, 0),
        (Some(from), Some(until)) => (from, until),
        (None, Some(_)) => {
            fields.note_at("until", "expected `from` beside it");
            return None;
        }
        (Some(_), None) => {
            fields.note_at("from", "expected `until` beside it");
            return None;
        }
    };
    let (not_before, not_after) = between?;
    Some(Window {
        not_before,
        not_after,
        weekdays: weekdays?.into_iter().fold(0, |days, day| days | 1 << day),
        minutes,
    })
}
