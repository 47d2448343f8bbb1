//! Keys of the records of `subjects.v1`.

use std::fmt;
use std::str::FromStr;

use domain::{CredentialId, SubjectRef};

use crate::error::Malformed;
use crate::lookup::LookupIndex;

/// What a record keeps about its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// Issuer and user id. Text: `identity`.
    Identity,
    /// The plate behind a credential. Text: `plate.` and the credential's id, as one subject may
    /// have several.
    Plate(CredentialId),
    /// The reference behind a face's credential. Text: `face.` and the credential's id.
    Face(CredentialId),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Identity => f.write_str("identity"),
            Item::Plate(credential) => write!(f, "plate.{credential}"),
            Item::Face(credential) => write!(f, "face.{credential}"),
        }
    }
}

impl FromStr for Item {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed {
            kind: "subject item",
            expected: "`identity`, or `plate.` or `face.` and a credential id",
        };
        if text == "identity" {
            return Ok(Item::Identity);
        }
        let (kind, credential) = text.split_once('.').ok_or(malformed)?;
        let item = match kind {
            "plate" => Item::Plate,
            "face" => Item::Face,
            _ => return Err(malformed),
        };
        credential.parse().map(item).map_err(|_| malformed)
    }
}

/// The key of a record: `<lookup index>/<subject reference>/<item>`. It is also what a sealed
/// value is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectKey {
    /// Whose record, to those who hold the lookup key.
    pub index: LookupIndex,
    /// Whose record, to everybody else.
    pub subject: SubjectRef,
    /// What it keeps.
    pub item: Item,
}

impl SubjectKey {
    /// The part of the key that decides about the partition.
    pub fn partition_key(&self) -> &str {
        self.index.as_str()
    }
}

impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.index, self.subject, self.item)
    }
}

impl FromStr for SubjectKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed {
            kind: "subject record key",
            expected: "<lookup index>/<subject reference>/<item>",
        };
        let mut parts = text.split('/');
        let (Some(index), Some(subject), Some(item), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        Ok(Self {
            index: index.parse()?,
            subject: subject.parse().map_err(|_| malformed)?,
            item: item.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ID: &str = "0198c5f0-7000-7000-8000-000000000001";

    #[test]
    fn keys_are_read_as_they_are_written() {
        let index = "a".repeat(64);
        for text in [
            format!("{index}/{ID}/identity"),
            format!("{index}/{ID}/plate.{ID}"),
            format!("{ID}/{ID}/plate.{ID}"),
            format!("{index}/{ID}/face.{ID}"),
        ] {
            let key: SubjectKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            assert_eq!(key.partition_key(), text.split('/').next().unwrap());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let index = "a".repeat(64);
        for text in [
            String::new(),
            index.clone(),
            format!("{index}/{ID}"),
            format!("{index}/{ID}/identity/"),
            format!("{index}/{ID}/plate"),
            format!("{index}/{ID}/plate."),
            format!("{index}/{ID}/face"),
            format!("{index}/{ID}/voice.{ID}"),
            format!("{index}/{ID}/Identity"),
            format!("{index}/{}/identity", ID.to_uppercase().replace('0', "A")),
            format!("anna/{ID}/identity"),
        ] {
            assert!(text.parse::<SubjectKey>().is_err(), "{text}");
        }
    }
}
