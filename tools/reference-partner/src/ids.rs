//! Ids on the wire: slugs for complexes and devices, canonical UUIDs for everything else.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a slug.
    #[error("expected a slug: 1 to 63 of a-z, 0-9 and inner hyphens")]
    Slug,
    /// Not a device id.
    #[error("expected a device id: complex slug, a dot, device slug")]
    Device,
    /// Not a UUID in canonical text.
    #[error("expected a UUID in canonical lower-case text")]
    Uuid,
}

fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr, $error:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the text.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is not of this form.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A partner's slug.
    PartnerId, is_slug, InvalidId::Slug
);
text_id!(
    /// A residential complex's slug.
    ComplexId, is_slug, InvalidId::Slug
);
text_id!(
    /// A device's id, `{complex}.{name}`: it names its complex by construction.
    DeviceId, is_device, InvalidId::Device
);

fn is_device(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(complex, name)| is_slug(complex) && is_slug(name))
}

impl DeviceId {
    /// Whether this is a device of that complex.
    #[must_use]
    pub fn is_in(&self, complex: &ComplexId) -> bool {
        self.0
            .split_once('.')
            .is_some_and(|(prefix, _)| prefix == complex.as_str())
    }
}

/// Parses a UUID in canonical lower-case text (RFC 9562 section 4), and no other form.
pub(crate) fn canonical_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let uuid = Uuid::try_parse(text).map_err(|_| InvalidId::Uuid)?;
    if uuid.as_hyphenated().to_string() == text {
        Ok(uuid)
    } else {
        Err(InvalidId::Uuid)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Parses canonical text.
            ///
            /// # Errors
            /// [`InvalidId`] when it is not canonical.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                canonical_uuid(text).map(Self)
            }

            /// The id's 16 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    };
}

uuid_id!(
    /// A command's id, the idempotency key of an open.
    CommandId
);
uuid_id!(
    /// A credential's random id.
    CredentialId
);
uuid_id!(
    /// The partner's own id of one opening; its reference towards the outside.
    OpeningId
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_device_id_names_its_complex() {
        let device = DeviceId::parse("sunrise.north-gate").unwrap();
        assert!(device.is_in(&ComplexId::parse("sunrise").unwrap()));
        assert!(!device.is_in(&ComplexId::parse("sun").unwrap()));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "-a", "a-", "A", "a b", "a.b", &"a".repeat(64)] {
            assert_eq!(ComplexId::parse(text), Err(InvalidId::Slug), "{text:?}");
        }
        for text in ["a", "a.", ".a", "a.b.c", "a.B"] {
            assert_eq!(DeviceId::parse(text), Err(InvalidId::Device), "{text:?}");
        }
        let upper = "018F4E9C-0000-7000-8000-000000000001";
        for text in [
            upper,
            "018f4e9c000070008000000000000001",
            "{018f4e9c-0000-7000-8000-000000000001}",
        ] {
            assert_eq!(CommandId::parse(text), Err(InvalidId::Uuid), "{text:?}");
        }
        assert!(CommandId::parse(&upper.to_lowercase()).is_ok());
    }
}
