use std::fmt;

use object_store::path::Path;

use crate::{Error, Result};

const TOPIC_RULE: &str = "1 to 200 of a-z, 0-9, '.', '_', '-', starting with a letter or digit, without '..' or a '.' at the end";
const COMPLEX_RULE: &str =
    "a slug: 1 to 63 of a-z, 0-9 and '-', starting and ending with a letter or digit";
const BASE_RULE: &str = "1 to 300 of a-z, A-Z, 0-9, '.', '-', '_' and ':' in segments divided by single '/', such as audit.example.org/smarthome";

/// Which log: the records of one complex in one topic.
///
/// Valid by construction, so that its prefix `<topic>/<complex>` can neither leave the storage's
/// root nor reach into another log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId {
    topic: String,
    complex: String,
}

impl LogId {
    /// The log of the complex with this id (a slug) in this topic.
    ///
    /// # Errors
    /// [`Error::Name`]; it doesn't repeat the refused text, which may be anything.
    pub fn new(topic: &str, complex: &str) -> Result<Self> {
        let slug = (1..=63).contains(&complex.len())
            && complex.bytes().all(|b| is_lower(b) || b == b'-')
            && !complex.starts_with('-')
            && !complex.ends_with('-');
        if !slug {
            return Err(name("complex", COMPLEX_RULE));
        }
        Self::from_parts(topic, complex.to_owned())
    }

    /// The log that the records of a partition share whose keys are no complex id.
    ///
    /// It is named `_partition-<n>`, which is no slug and so no complex can have it.
    ///
    /// # Errors
    /// [`Error::Name`] for a bad topic.
    pub fn unkeyed(topic: &str, partition: u32) -> Result<Self> {
        Self::from_parts(topic, format!("_partition-{partition}"))
    }

    /// The log whose files stand in this folder below the topic's: a complex id, or
    /// `_partition-<n>`.
    ///
    /// # Errors
    /// [`Error::Name`] where the folder is no log's.
    pub fn named(topic: &str, folder: &str) -> Result<Self> {
        match unkeyed(folder) {
            Some(partition) => Self::unkeyed(topic, partition),
            None => Self::new(topic, folder),
        }
    }

    fn from_parts(topic: &str, complex: String) -> Result<Self> {
        let good = (1..=200).contains(&topic.len())
            && topic
                .bytes()
                .all(|b| is_lower(b) || matches!(b, b'.' | b'_' | b'-'))
            && topic.bytes().next().is_some_and(is_lower)
            && !topic.contains("..")
            && !topic.ends_with('.');
        if !good {
            return Err(name("topic", TOPIC_RULE));
        }
        Ok(Self {
            topic: topic.to_owned(),
            complex,
        })
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The complex's id, or `_partition-<n>`.
    pub fn complex(&self) -> &str {
        &self.complex
    }

    /// The partition whose records without a complex id these are.
    pub fn unkeyed_partition(&self) -> Option<u32> {
        unkeyed(&self.complex)
    }

    pub(crate) fn path(&self, relative: &str) -> Path {
        Path::from(format!("{self}/{relative}"))
    }
}

/// The number of `_partition-<n>`.
fn unkeyed(folder: &str) -> Option<u32> {
    let number = folder.strip_prefix("_partition-")?;
    let partition: u32 = number.parse().ok()?;
    (partition.to_string() == number).then_some(partition)
}

/// `<topic>/<complex>`.
impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.complex)
    }
}

/// The first line of a log's checkpoints, its identity for the world:
/// `<base>/<topic>/<complex>`, a schema-less URL (C2SP tlog-checkpoint, "Note text").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin of `log` under `base`, which all logs of one installation share and which is
    /// also the name of their key.
    ///
    /// # Errors
    /// [`Error::Name`] for a base that isn't a schema-less URL.
    pub fn new(base: &str, log: &LogId) -> Result<Self> {
        check_base(base)?;
        Ok(Self(format!("{base}/{log}")))
    }

    /// The line's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A base that is fit for an origin line and for a signed-note key name: no spaces, no `+`.
pub(crate) fn check_base(base: &str) -> Result<()> {
    let good = (1..=300).contains(&base.len())
        && base.split('/').all(|segment| {
            !segment.is_empty()
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'))
        });
    if good {
        Ok(())
    } else {
        Err(name("origin base", BASE_RULE))
    }
}

fn is_lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn name(part: &'static str, rule: &'static str) -> Error {
    Error::Name { part, rule }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn good_names_make_the_prefix() {
        let id = LogId::new("access.events.v1", "sunrise").unwrap();
        assert_eq!(id.to_string(), "access.events.v1/sunrise");
        assert_eq!(
            id.path("checkpoint").as_ref(),
            "access.events.v1/sunrise/checkpoint"
        );
        let shared = LogId::unkeyed("access.events.v1", 3).unwrap();
        assert_eq!(shared.to_string(), "access.events.v1/_partition-3");
        let origin = Origin::new("audit.example.org", &id).unwrap();
        assert_eq!(
            origin.as_str(),
            "audit.example.org/access.events.v1/sunrise"
        );
    }

    #[test]
    fn path_tricks_are_refused() {
        let long = "a".repeat(64);
        for complex in [
            "", ".", "..", "a/b", "../x", "a.b", "A", "-a", "a-", "a b", "a\n", "a%2f", "_p", "é",
            &long,
        ] {
            assert!(LogId::new("t.v1", complex).is_err(), "{complex:?}");
        }
        for topic in [
            "", ".", "..", "a..b", "a/b", "/a", ".a", "a.", "A", "a b", "a\0",
        ] {
            assert!(LogId::new(topic, "sunrise").is_err(), "{topic:?}");
        }
        let id = LogId::new("t.v1", "sunrise").unwrap();
        for base in ["", "/a", "a/", "a//b", "a b", "a+b", "a\nb", "https://a"] {
            assert!(Origin::new(base, &id).is_err(), "{base:?}");
        }
    }
}
