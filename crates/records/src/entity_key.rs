//! Names of entities as text: `kind/id`, and `complex` for the complex itself.

use domain::registry::EntityKey;

/// An entity's name as text.
pub fn entity_key_to_text(key: &EntityKey) -> String {
    match key {
        EntityKey::Complex => "complex".to_owned(),
        EntityKey::Device(id) => format!("device/{id}"),
        EntityKey::Partner(id) => format!("partner/{id}"),
        EntityKey::Perimeter(id) => format!("perimeter/{id}"),
        EntityKey::Resident(id) => format!("resident/{id}"),
        EntityKey::Grant(id) => format!("grant/{id}"),
        EntityKey::GuestPass(id) => format!("guest-pass/{id}"),
        EntityKey::Credential(id) => format!("credential/{id}"),
        EntityKey::Building(id) => format!("building/{id}"),
        EntityKey::Entrance(id) => format!("entrance/{id}"),
    }
}

/// The entity that a text names; none where it names none.
pub fn entity_key_from_text(text: &str) -> Option<EntityKey> {
    let Some((kind, id)) = text.split_once('/') else {
        return (text == "complex").then_some(EntityKey::Complex);
    };
    match kind {
        "device" => id.parse().map(EntityKey::Device).ok(),
        "partner" => id.parse().map(EntityKey::Partner).ok(),
        "perimeter" => id.parse().map(EntityKey::Perimeter).ok(),
        "resident" => id.parse().map(EntityKey::Resident).ok(),
        "grant" => id.parse().map(EntityKey::Grant).ok(),
        "guest-pass" => id.parse().map(EntityKey::GuestPass).ok(),
        "credential" => id.parse().map(EntityKey::Credential).ok(),
        "building" => id.parse().map(EntityKey::Building).ok(),
        "entrance" => id.parse().map(EntityKey::Entrance).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        let id = "0198c5f0-7000-7000-8000-000000000001";
        let uuids = ["resident", "grant", "guest-pass", "credential"];
        let names = uuids.map(|kind| format!("{kind}/{id}"));
        let others = ["complex", "device/a.b", "partner/a", "perimeter/a"];
        let places = ["building/a.b", "entrance/a.b"];
        let others = others.into_iter().chain(places).map(str::to_owned);
        for name in names.into_iter().chain(others) {
            let key = entity_key_from_text(&name);
            assert_eq!(key.as_ref().map(entity_key_to_text), Some(name));
        }
        for wrong in ["", "complex/a", "grant", "grant/a", "device/a", "door/a.b"] {
            assert_eq!(entity_key_from_text(wrong), None, "{wrong}");
        }
    }
}
