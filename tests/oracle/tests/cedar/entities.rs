//! A world as Cedar sees it.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use domain::decide::Asker;
use domain::registry::{Device, Entity as Registered, Grant, GuestPass, Perimeter, Place};
use domain::vocabulary::Operation;
use domain::window::Window;
use domain::{BuildingId, ComplexId, EntranceId, PartnerId};
use jiff::Timestamp;
use oracle::World;
use uuid::Uuid;

/// Weekdays by their number in ISO 8601, less one.
pub(crate) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

type Attributes = Vec<(&'static str, RestrictedExpression)>;

/// Entities, and the rights among them.
pub(crate) struct Site {
    pub(crate) entities: Entities,
    /// Every right.
    pub(crate) rights: Vec<EntityUid>,
    /// Rights by complex and by whose they are.
    pub(crate) of: HashMap<(ComplexId, String), Vec<EntityUid>>,
}

impl Site {
    pub(crate) fn of(world: &World) -> Self {
        let mut site = Self {
            entities: Entities::empty(),
            rights: Vec::new(),
            of: HashMap::new(),
        };
        let mut entities = Vec::new();
        for (complex, registered) in world.last_states() {
            let (uid, attributes) = match registered {
                Registered::Partner(partner) => {
                    let suspended = boolean(partner.suspended);
                    (
                        uid("Partner", partner.id.as_str()),
                        vec![("suspended", suspended)],
                    )
                }
                Registered::Perimeter(perimeter) => (
                    perimeter_uid(complex, &perimeter.partner),
                    perimeter_attributes(perimeter),
                ),
                Registered::Device(device) => {
                    entities.push(device_entity(complex, device));
                    continue;
                }
                Registered::Resident(resident) => (
                    within("Resident", complex, resident.subject.0),
                    vec![("active", boolean(resident.active))],
                ),
                Registered::Grant(grant) => {
                    let right = within("Grant", complex, grant.id.0);
                    site.add(complex, asker(Asker::Owner(grant.subject)), &right);
                    (right.clone(), grant_attributes(complex, right, grant))
                }
                Registered::GuestPass(pass) => {
                    let right = within("Pass", complex, pass.id.0);
                    site.add(complex, asker(Asker::Guest(pass.id)), &right);
                    let left = uses_left(world, complex, pass);
                    (right, pass_attributes(complex, pass, left))
                }
                Registered::Building(building) => {
                    (uid("Building", building.id.as_str()), Attributes::new())
                }
                Registered::Entrance(entrance) => {
                    let parents = HashSet::from([uid("Building", entrance.building.as_str())]);
                    let uid = uid("Entrance", entrance.id.as_str());
                    entities.push(entity(uid, Attributes::new(), parents));
                    continue;
                }
                Registered::Complex(_) | Registered::Credential(_) => continue,
            };
            entities.push(entity(uid, attributes, HashSet::new()));
        }
        site.entities = Entities::from_entities(entities, None).unwrap();
        site
    }

    fn add(&mut self, complex: &ComplexId, asker: String, right: &EntityUid) {
        self.rights.push(right.clone());
        let of = (complex.clone(), asker);
        self.of.entry(of).or_default().push(right.clone());
    }
}

/// Who asks, as text.
pub(crate) fn asker(asker: Asker) -> String {
    let kind = match asker {
        Asker::Owner(_) => "owner",
        Asker::Guest(_) => "guest",
    };
    format!("{kind}/{}", asker.subject())
}

pub(crate) fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap();
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn within(kind: &str, complex: &ComplexId, id: Uuid) -> EntityUid {
    uid(kind, &format!("{complex}/{id}"))
}

fn perimeter_uid(complex: &ComplexId, partner: &PartnerId) -> EntityUid {
    uid("Perimeter", &format!("{complex}/{partner}"))
}

fn entity(uid: EntityUid, attributes: Attributes, parents: HashSet<EntityUid>) -> Entity {
    let named = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Entity::new(uid, named.collect(), parents).unwrap()
}

fn device_entity(complex: &ComplexId, device: &Device) -> Entity {
    let mut attributes = vec![
        ("operations", operations(&device.operations)),
        ("enabled", boolean(device.enabled)),
        (
            "partner",
            reference(uid("Partner", device.partner.as_str())),
        ),
        (
            "perimeter",
            reference(perimeter_uid(complex, &device.partner)),
        ),
        ("cooldown", long(i64::from(device.cooldown_ms) * 1_000_000)),
    ];
    if let Some(step_up) = &device.step_up {
        let max_age = i64::from(step_up.max_age_seconds) * 1_000_000_000;
        let mut needed = vec![("maxAge", long(max_age))];
        needed.extend(step_up.acr.as_ref().map(|acr| ("acr", string(acr))));
        attributes.push(("stepUp", record(needed)));
    }
    let mut parents = HashSet::from([uid("Complex", complex.as_str())]);
    parents.extend(device.place.as_ref().map(|place| match place {
        Place::Building(id) => uid("Building", id.as_str()),
        Place::Entrance(id) => uid("Entrance", id.as_str()),
    }));
    entity(uid("Device", device.id.as_str()), attributes, parents)
}

fn perimeter_attributes(perimeter: &Perimeter) -> Attributes {
    let mut attributes = vec![
        ("operations", operations(&perimeter.operations)),
        ("closed", boolean(perimeter.closed)),
    ];
    attributes.extend(perimeter.not_before.map(|at| ("notBefore", instant(at))));
    attributes.extend(perimeter.not_after.map(|at| ("notAfter", instant(at))));
    attributes
}

fn grant_attributes(complex: &ComplexId, right: EntityUid, grant: &Grant) -> Attributes {
    vec![
        (
            "of",
            reference(uid("Asker", &asker(Asker::Owner(grant.subject)))),
        ),
        ("complex", reference(uid("Complex", complex.as_str()))),
        ("grant", reference(right)),
        (
            "holder",
            reference(within("Resident", complex, grant.subject.0)),
        ),
        (
            "everywhere",
            boolean(
                grant.devices.is_empty()
                    && grant.buildings.is_empty()
                    && grant.entrances.is_empty(),
            ),
        ),
        ("devices", devices(&grant.devices)),
        (
            "buildings",
            references("Building", grant.buildings.iter().map(BuildingId::as_str)),
        ),
        (
            "entrances",
            references("Entrance", grant.entrances.iter().map(EntranceId::as_str)),
        ),
        ("window", window(&grant.window)),
        ("revoked", boolean(grant.revoked)),
    ]
}

fn pass_attributes(complex: &ComplexId, pass: &GuestPass, uses_left: i64) -> Attributes {
    vec![
        ("of", reference(uid("Asker", &asker(Asker::Guest(pass.id))))),
        ("complex", reference(uid("Complex", complex.as_str()))),
        ("grant", reference(within("Grant", complex, pass.grant.0))),
        ("devices", devices(&pass.devices)),
        ("window", window(&pass.window)),
        ("revoked", boolean(pass.revoked)),
        ("limited", boolean(pass.max_uses > 0)),
        ("usesLeft", long(uses_left)),
    ]
}

/// What the records of uses leave of a pass.
fn uses_left(world: &World, complex: &ComplexId, pass: &GuestPass) -> i64 {
    let mut left = i64::from(pass.max_uses);
    for used in &world.uses {
        let counts = !used.late && !used.returned && left > 0;
        if counts && (&used.complex, used.pass) == (complex, pass.id) {
            left -= 1;
        }
    }
    left
}

fn window(window: &Window) -> RestrictedExpression {
    let days = (1..=7).zip(WEEKDAYS);
    let days = days.filter(|(bit, _)| window.weekdays & (1 << bit) != 0);
    let mut fields = vec![
        ("everyDay", boolean(window.weekdays == 0)),
        (
            "days",
            RestrictedExpression::new_set(days.map(|(_, day)| string(day))),
        ),
        ("from", long(i64::from(window.minutes.0))),
        ("until", long(i64::from(window.minutes.1))),
    ];
    fields.extend(window.not_before.map(|at| ("notBefore", instant(at))));
    fields.extend(window.not_after.map(|at| ("notAfter", instant(at))));
    record(fields)
}

fn operations(operations: &[Operation]) -> RestrictedExpression {
    RestrictedExpression::new_set(
        operations
            .iter()
            .map(|operation| string(operation.as_str())),
    )
}

fn devices(devices: &[domain::DeviceId]) -> RestrictedExpression {
    references("Device", devices.iter().map(domain::DeviceId::as_str))
}

fn references<'a>(kind: &str, ids: impl Iterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(ids.map(|id| reference(uid(kind, id))))
}

fn record(fields: Attributes) -> RestrictedExpression {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).unwrap()
}

pub(crate) fn reference(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}

pub(crate) fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

pub(crate) fn boolean(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

pub(crate) fn long(value: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(value)
}

/// Nanoseconds since 1970.
pub(crate) fn instant(at: Timestamp) -> RestrictedExpression {
    long(at.as_nanosecond().try_into().unwrap())
}
