//! An entity as a document that is written, or compared field by field. `document.rs` reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ComplexId;
use domain::registry::{Entity, Holder, LegalBasis, Place, StepUp};
use domain::window::Window;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// What a document holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree {
    Flag(bool),
    Number(u32),
    Text(String),
    List(Vec<Tree>),
    Fields(Fields),
}

/// Names and what stands under them, in the order of the document.
type Fields = Vec<(&'static str, Tree)>;

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Flag(flag) => serializer.serialize_bool(*flag),
            Tree::Number(number) => serializer.serialize_u32(*number),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Fields(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// The kind of document.
pub(crate) fn kind(entity: &Entity) -> &'static str {
    match entity {
        Entity::Complex(_) => "Complex",
        Entity::Device(_) => "Device",
        Entity::Partner(_) => "Partner",
        Entity::Perimeter(_) => "Perimeter",
        Entity::Resident(_) => "Resident",
        Entity::Grant(_) => "Grant",
        Entity::GuestPass(_) => "GuestPass",
        Entity::Credential(_) => "Credential",
        Entity::Building(_) => "Building",
        Entity::Entrance(_) => "Entrance",
    }
}

/// What tells it from others of its kind in its complex.
pub(crate) fn id(entity: &Entity) -> String {
    match entity {
        Entity::Complex(complex) => complex.id.to_string(),
        Entity::Device(device) => device.id.to_string(),
        Entity::Partner(partner) => partner.id.to_string(),
        Entity::Perimeter(perimeter) => perimeter.partner.to_string(),
        Entity::Resident(resident) => resident.subject.to_string(),
        Entity::Grant(grant) => grant.id.to_string(),
        Entity::GuestPass(pass) => pass.id.to_string(),
        Entity::Credential(credential) => credential.id.to_string(),
        Entity::Building(building) => building.id.to_string(),
        Entity::Entrance(entrance) => entrance.id.to_string(),
    }
}

/// The whole document.
pub(crate) fn document(complex: &ComplexId, entity: &Entity) -> Tree {
    let mut document = vec![("kind", text(kind(entity)))];
    // The ids of these name their complex; all others state it.
    if !matches!(
        entity,
        Entity::Complex(_)
            | Entity::Device(_)
            | Entity::Partner(_)
            | Entity::Building(_)
            | Entity::Entrance(_)
    ) {
        document.push(("complex_id", text(complex)));
    }
    let name = match entity {
        Entity::Complex(_) => "complex_id",
        Entity::Device(_) => "device_id",
        Entity::Partner(_) | Entity::Perimeter(_) => "partner_id",
        Entity::Resident(_) => "subject_ref",
        Entity::Grant(_) => "grant_id",
        Entity::GuestPass(_) => "pass_id",
        Entity::Credential(_) => "credential_id",
        Entity::Building(_) => "building_id",
        Entity::Entrance(_) => "entrance_id",
    };
    document.push((name, Tree::Text(id(entity))));
    document.extend(fields(entity));
    Tree::Fields(document)
}

/// All that is not its identity. What is left out, where it stands for nothing, is left out here.
fn fields(entity: &Entity) -> Fields {
    let fields = match entity {
        Entity::Complex(complex) => vec![
            ("name", text(&complex.name)),
            ("time_zone", text(&complex.time_zone)),
            ("face_basis", basis(complex.face_basis.as_ref())),
        ],
        Entity::Device(device) => vec![
            ("name", text(&device.name)),
            ("type", text(device.kind)),
            ("operations", list(&device.operations)),
            ("partner_id", text(&device.partner)),
            ("enabled", Tree::Flag(device.enabled)),
            ("cooldown_ms", Tree::Number(device.cooldown_ms)),
            ("step_up", step_up(device.step_up.as_ref())),
            match &device.place {
                Some(Place::Entrance(id)) => ("entrance_id", text(id)),
                Some(Place::Building(id)) => ("building_id", text(id)),
                None => ("building_id", Tree::Text(String::new())),
            },
        ],
        Entity::Partner(partner) => vec![
            ("name", text(&partner.name)),
            ("suspended", Tree::Flag(partner.suspended)),
            ("webhook_san", text(&partner.webhook_san)),
            ("attestation_key", bytes(&partner.attestation_key)),
        ],
        Entity::Perimeter(perimeter) => vec![
            ("operations", list(&perimeter.operations)),
            ("credentials", Tree::Flag(perimeter.credentials)),
            ("not_before", time(perimeter.not_before)),
            ("not_after", time(perimeter.not_after)),
            ("closed", Tree::Flag(perimeter.closed)),
        ],
        Entity::Resident(resident) => vec![("active", Tree::Flag(resident.active))],
        Entity::Grant(grant) => vec![
            ("subject_ref", text(grant.subject)),
            ("role", text(grant.role)),
            ("device_ids", list(&grant.devices)),
            ("building_ids", list(&grant.buildings)),
            ("entrance_ids", list(&grant.entrances)),
            ("window", window(&grant.window)),
            ("revoked", Tree::Flag(grant.revoked)),
        ],
        Entity::GuestPass(pass) => vec![
            ("secret_hash", bytes(&pass.secret_hash)),
            ("grant_id", text(pass.grant)),
            ("device_ids", list(&pass.devices)),
            ("window", window(&pass.window)),
            ("max_uses", Tree::Number(pass.max_uses)),
            ("revoked", Tree::Flag(pass.revoked)),
        ],
        Entity::Credential(credential) => vec![
            ("type", text(credential.kind)),
            match credential.holder {
                Holder::Subject(subject) => ("subject_ref", text(subject)),
                Holder::Pass(pass) => ("pass_id", text(pass)),
            },
            ("device_ids", list(&credential.devices)),
            ("window", window(&credential.window)),
            ("key_version", Tree::Number(credential.key_version)),
            ("basis", basis(credential.basis.as_ref())),
            ("revoked", Tree::Flag(credential.revoked)),
        ],
        Entity::Building(building) => vec![("name", text(&building.name))],
        Entity::Entrance(entrance) => vec![
            ("building_id", text(&entrance.building)),
            ("name", text(&entrance.name)),
        ],
    };
    said(fields)
}

/// Without what says nothing: numbers that are 0, empty lists and sections, absent times.
fn said(fields: Fields) -> Fields {
    let says = |(_, value): &(_, Tree)| match value {
        Tree::Flag(_) => true,
        Tree::Number(number) => *number != 0,
        Tree::Text(text) => !text.is_empty(),
        Tree::List(items) => !items.is_empty(),
        Tree::Fields(fields) => !fields.is_empty(),
    };
    fields.into_iter().filter(says).collect()
}

/// Every field that is not its identity, by dotted path, as people read it. All lists are sets, so
/// their order says nothing.
pub(crate) fn flat(entity: &Entity) -> Vec<(String, String)> {
    let mut flat = Vec::new();
    for (name, value) in fields(entity) {
        match value {
            Tree::Fields(section) => flat.extend(
                section
                    .into_iter()
                    .map(|(inner, value)| (format!("{name}.{inner}"), shown(value))),
            ),
            value => flat.push((name.to_owned(), shown(value))),
        }
    }
    flat
}

fn shown(value: Tree) -> String {
    match value {
        Tree::Flag(flag) => flag.to_string(),
        Tree::Number(number) => number.to_string(),
        Tree::Text(text) => text,
        Tree::List(items) => {
            let mut items: Vec<String> = items.into_iter().map(shown).collect();
            items.sort_unstable();
            format!("[{}]", items.join(", "))
        }
        Tree::Fields(fields) => {
            let fields = fields.into_iter();
            let fields = fields.map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

fn text(text: impl ToString) -> Tree {
    Tree::Text(text.to_string())
}

fn list<T: std::fmt::Display>(items: &[T]) -> Tree {
    Tree::List(items.iter().map(text).collect())
}

fn bytes(bytes: &[u8]) -> Tree {
    Tree::Text(STANDARD.encode(bytes))
}

fn time(at: Option<Timestamp>) -> Tree {
    Tree::Text(at.map(|at| at.to_string()).unwrap_or_default())
}

fn minute(minute: u16) -> Tree {
    Tree::Text(format!("{:02}:{:02}", minute / 60, minute % 60))
}

fn step_up(step_up: Option<&StepUp>) -> Tree {
    let fields = step_up.map(|step_up| {
        vec![
            ("max_age_seconds", Tree::Number(step_up.max_age_seconds)),
            ("acr", text(step_up.acr.as_deref().unwrap_or_default())),
        ]
    });
    Tree::Fields(said(fields.unwrap_or_default()))
}

fn basis(basis: Option<&LegalBasis>) -> Tree {
    let fields = basis.map(|basis| {
        vec![
            ("type", text(basis.kind)),
            ("document_date", text(basis.document_date)),
        ]
    });
    Tree::Fields(fields.unwrap_or_default())
}

fn window(window: &Window) -> Tree {
    let weekdays = (1..=7u32).filter(|day| window.weekdays & (1 << day) != 0);
    let mut fields = vec![
        ("not_before", time(window.not_before)),
        ("not_after", time(window.not_after)),
        ("weekdays", Tree::List(weekdays.map(Tree::Number).collect())),
    ];
    if window.minutes != (0, 0) {
        fields.push(("from", minute(window.minutes.0)));
        fields.push(("until", minute(window.minutes.1)));
    }
    Tree::Fields(said(fields))
}
