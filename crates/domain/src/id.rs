//! Typed ids. A bare string or UUID never crosses a public function.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Why a text is not an id. The text itself is not repeated: it may be anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: expected {expected}")]
pub struct IdError {
    /// Which id was wanted.
    pub kind: &'static str,
    /// What it looks like.
    pub expected: &'static str,
}

const SLUG: &str = "1 to 63 of a-z, 0-9 and -, not beginning or ending with -";

fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether a text names something within a complex.
fn is_inside(text: &str) -> bool {
    let parts = text.split_once('.');
    parts.is_some_and(|(complex, inside)| is_slug(complex) && is_slug(inside))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { kind: $kind, expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

text_id!(
    /// A residential complex (ЖК): the perimeter of rights, of a registry and of a Merkle log.
    ComplexId,
    "complex id",
    SLUG,
    is_slug
);

text_id!(
    /// A device, `<complex>.<device>`: the id names its complex by construction, so that no
    /// registry can claim another complex's device.
    DeviceId,
    "device id",
    "<complex>.<device>, each 1 to 63 of a-z, 0-9 and -",
    is_inside
);

text_id!(
    /// A building, `<complex>.<building>`: the id names its complex, as a device's does.
    BuildingId,
    "building id",
    "<complex>.<building>, each 1 to 63 of a-z, 0-9 and -",
    is_inside
);

text_id!(
    /// An entrance of a building, `<complex>.<entrance>`: the id names its complex, as a device's
    /// does.
    EntranceId,
    "entrance id",
    "<complex>.<entrance>, each 1 to 63 of a-z, 0-9 and -",
    is_inside
);

text_id!(
    /// An access-control partner.
    PartnerId,
    "partner id",
    SLUG,
    is_slug
);

text_id!(
    /// The service that speaks for a person: the name its certificate gives it.
    CallerName,
    "caller name",
    "1 to 200 printable ASCII characters",
    |text| (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
);

impl ComplexId {
    /// The reserved complex under which partners are registered.
    pub fn global() -> Self {
        Self("global".into())
    }

    /// The reserved complex under which commands for unknown devices are recorded.
    pub fn unassigned() -> Self {
        Self("unassigned".into())
    }

    /// Reserved ids can't be registered as complexes.
    pub fn is_reserved(&self) -> bool {
        matches!(&*self.0, "global" | "unassigned")
    }
}

/// Found by its text, without one of its own.
impl Borrow<str> for ComplexId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn complex_text(id: &str) -> &str {
    id.split_once('.').map_or(id, |(complex, _)| complex)
}

fn complex_of(id: &str) -> ComplexId {
    ComplexId(complex_text(id).into())
}

impl DeviceId {
    /// The complex that the device stands in.
    pub fn complex(&self) -> ComplexId {
        complex_of(&self.0)
    }

    /// Its text, where no more is wanted.
    pub fn complex_text(&self) -> &str {
        complex_text(&self.0)
    }
}

impl BuildingId {
    /// The complex that the building belongs to.
    pub fn complex(&self) -> ComplexId {
        complex_of(&self.0)
    }
}

impl EntranceId {
    /// The complex that the entrance belongs to.
    pub fn complex(&self) -> ComplexId {
        complex_of(&self.0)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // Only the canonical form (RFC 9562 section 4): one id, one text.
                match Uuid::try_parse(text) {
                    Ok(id) if id.hyphenated().to_string() == text => Ok(Self(id)),
                    _ => Err(IdError {
                        kind: $kind,
                        expected: "a UUID in lower case with hyphens (RFC 9562)",
                    }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A person, as a random UUID. Only `subjects.v1` ties it to a user id.
    SubjectRef, "subject reference"
);
uuid_id!(
    /// An open command: UUIDv5 of complex, caller, subject and idempotency key.
    CommandId, "command id"
);
uuid_id!(
    /// A grant.
    GrantId, "grant id"
);
uuid_id!(
    /// A guest pass.
    PassId, "pass id"
);
uuid_id!(
    /// A credential at a partner: a random UUID, all that our log knows of a plate or a face.
    CredentialId, "credential id"
);
uuid_id!(
    /// A log record's event.
    EventId, "event id"
);
uuid_id!(
    /// A change set of the registry; its idempotency key.
    ChangeSetId, "change set id"
);

/// Namespace of command ids (RFC 9562 section 5.5): UUIDv5 of the URL
/// `urn:smarthome:command`.
const COMMANDS: Uuid = Uuid::from_u128(0xd70b_51a3_8cb8_58b3_b21e_25fe_10cf_4b35);

/// Namespace of the passes that owners make: UUIDv5 of the URL `urn:smarthome:guest-pass`.
const PASSES: Uuid = Uuid::from_u128(0x38b2_4e8e_a33b_5478_819b_e389_b4e0_021c);

impl CommandId {
    /// The id of the command that `caller` sends for `subject` under `key` in `complex`:
    /// the same request gives the same id at every instance.
    pub fn derive(complex: &ComplexId, caller: &CallerName, subject: &Uuid, key: &Uuid) -> Self {
        let name = format!("{complex}\n{caller}\n{subject}\n{key}");
        Self(Uuid::new_v5(&COMMANDS, name.as_bytes()))
    }
}

impl PassId {
    /// The id of the pass that `subject` makes through `caller` under `key`: the same request
    /// gives the same id at every instance.
    pub fn derive(caller: &CallerName, subject: SubjectRef, key: &Uuid) -> Self {
        let name = format!("{caller}\n{subject}\n{key}");
        Self(Uuid::new_v5(&PASSES, name.as_bytes()))
    }

    /// The change set that makes the pass.
    pub fn created(self) -> ChangeSetId {
        ChangeSetId(Uuid::new_v5(&self.0, b"created"))
    }

    /// The change set that revokes the pass as it stands in `version`.
    pub fn revoked(self, version: u64) -> ChangeSetId {
        let name = format!("revoked\n{version}");
        ChangeSetId(Uuid::new_v5(&self.0, name.as_bytes()))
    }
}

impl CredentialId {
    /// The id of the credential of the plate that comes with a pass; a partner can't tell the pass
    /// from it.
    pub fn of_pass(pass: PassId) -> Self {
        Self(Uuid::new_v5(&pass.0, b"plate"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn device_ids_name_their_complex() {
        let id: DeviceId = "sunrise.north-gate".parse().unwrap();
        assert_eq!(id.complex().as_str(), "sunrise");
        for bad in [
            "",
            "sunrise",
            ".gate",
            "sunrise.",
            "a.b.c",
            "Sunrise.gate",
            "a/b.c",
            "a.-b",
        ] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_canonical_uuids() {
        let id = "0198c5f0-7000-7000-8000-000000000001";
        assert!(id.parse::<SubjectRef>().is_ok());
        assert!(id.to_uppercase().parse::<SubjectRef>().is_err() || id == id.to_uppercase());
        assert!(id.replace('-', "").parse::<SubjectRef>().is_err());
        assert!(format!("{{{id}}}").parse::<SubjectRef>().is_err());
    }

    #[test]
    fn one_key_is_one_pass_of_each_owner() {
        let caller: CallerName = "spiffe://smarthome/bff/mobile".parse().unwrap();
        let (key, owner) = (Uuid::from_u128(2), SubjectRef(Uuid::from_u128(1)));
        let pass = PassId::derive(&caller, owner, &key);
        assert_eq!(pass, PassId::derive(&caller, owner, &key));
        let other = SubjectRef(Uuid::from_u128(3));
        assert_ne!(pass, PassId::derive(&caller, other, &key));
        let sets = [pass.created(), pass.revoked(1), pass.revoked(2)];
        assert!(sets[0] != sets[1] && sets[1] != sets[2]);
    }

    #[test]
    fn the_same_key_in_two_complexes_is_two_commands() {
        let caller: CallerName = "spiffe://smarthome/bff/mobile".parse().unwrap();
        let (subject, key) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let one = CommandId::derive(&"a".parse().unwrap(), &caller, &subject, &key);
        let two = CommandId::derive(&"b".parse().unwrap(), &caller, &subject, &key);
        assert_ne!(one, two);
        assert_eq!(
            one,
            CommandId::derive(&"a".parse().unwrap(), &caller, &subject, &key)
        );
    }
}
