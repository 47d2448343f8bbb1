//! Keys of one purpose, by version.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, de};
use zeroize::{Zeroize, Zeroizing};

use crate::error::KeyError;

/// 32 secret bytes, wiped when dropped. On the heap, so that a move leaves no copy behind.
#[derive(Clone)]
pub(crate) struct Key(Box<[u8; 32]>);

impl Key {
    pub(crate) fn generate() -> Result<Self, KeyError> {
        let mut key = Self(Box::new([0; 32]));
        aws_lc_rs::rand::fill(key.0.as_mut_slice()).map_err(|_| KeyError::Random)?;
        Ok(key)
    }

    /// A key that `fill` writes.
    pub(crate) fn filled<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self(Box::new([0; 32]));
        fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The key of exactly these bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 32).then(|| {
            let mut key = Self(Box::new([0; 32]));
            key.0.copy_from_slice(bytes);
            key
        })
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl de::Visitor<'_> for Base64 {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the base64 of 32 bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                // One byte more than a key: the decoder wants room for its estimate.
                let mut bytes = Zeroizing::new([0; 33]);
                STANDARD
                    .decode_slice(text, bytes.as_mut_slice())
                    .ok()
                    .and_then(|length| Key::from_slice(&bytes[..length]))
                    .ok_or_else(|| E::custom("expected the base64 of 32 bytes"))
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

/// The keys of one purpose, by version. The newest one seals; older ones open what they sealed.
///
/// Its text is JSON, `{"keys":[{"version":1,"key":"<base64 of 32 bytes>"}]}`. Taking a version
/// out destroys what was sealed under it.
#[derive(Clone)]
pub struct Keyring {
    keys: BTreeMap<u32, Key>,
    newest: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    key: Key,
}

impl Keyring {
    /// A ring with one new random key of version 1.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        Self::new(BTreeMap::from([(1, Key::generate()?)]))
    }

    /// This ring with a new random key of the next version.
    ///
    /// # Errors
    /// [`KeyError::Random`], or [`KeyError::Keyring`] where no version is left.
    pub fn rotated(mut self) -> Result<Self, KeyError> {
        let next = self.newest.checked_add(1);
        let next = next.ok_or(KeyError::Keyring("there is no version after the newest"))?;
        self.keys.insert(next, Key::generate()?);
        Self::new(self.keys)
    }

    /// Reads a ring's text.
    ///
    /// # Errors
    /// [`KeyError::Keyring`].
    pub fn from_json(text: &[u8]) -> Result<Self, KeyError> {
        // What the parser says could repeat what it read.
        let text: Text = serde_json::from_slice(text).map_err(|_| {
            KeyError::Keyring(r#"write {"keys":[{"version":1,"key":"<base64 of 32 bytes>"}]}"#)
        })?;
        let mut keys = BTreeMap::new();
        for entry in text.keys {
            if keys.values().any(|key: &Key| key.0 == entry.key.0) {
                return Err(KeyError::Keyring("two versions have the same key"));
            }
            if keys.insert(entry.version, entry.key).is_some() {
                return Err(KeyError::Keyring("a version stands there twice"));
            }
        }
        Self::new(keys)
    }

    /// The ring's text, for a file that only its owner may read (mode 0600).
    pub fn to_json(&self) -> Zeroizing<String> {
        // Room for all of it at once: a growing buffer would leave unwiped copies behind.
        let mut text = Zeroizing::new(String::with_capacity(16 + 80 * self.keys.len()));
        text.push_str(r#"{"keys":["#);
        for (place, (version, key)) in self.keys.iter().enumerate() {
            text.push_str(if place == 0 { "" } else { "," });
            text.push_str(r#"{"version":"#);
            text.push_str(&version.to_string());
            text.push_str(r#","key":""#);
            STANDARD.encode_string(key.expose(), &mut text);
            text.push_str(r#""}"#);
        }
        text.push_str("]}");
        text
    }

    /// How many versions it holds.
    pub fn versions(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn newest(&self) -> (u32, Option<&Key>) {
        (self.newest, self.keys.get(&self.newest))
    }

    pub(crate) fn get(&self, version: u32) -> Option<&Key> {
        self.keys.get(&version)
    }

    fn new(keys: BTreeMap<u32, Key>) -> Result<Self, KeyError> {
        if keys.contains_key(&0) {
            return Err(KeyError::Keyring("versions count from 1"));
        }
        let newest = keys.last_key_value().map(|(version, _)| *version);
        let newest = newest.ok_or(KeyError::Keyring("there is no key in it"))?;
        Ok(Self { keys, newest })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring")
            .field(&self.keys.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    #[test]
    fn a_ring_reads_what_it_writes() {
        let ring = Keyring::generate().unwrap().rotated().unwrap();
        assert_eq!((ring.versions(), ring.newest), (2, 2));
        let again = Keyring::from_json(ring.to_json().as_bytes()).unwrap();
        for version in [1, 2] {
            let (a, b) = (ring.get(version).unwrap(), again.get(version).unwrap());
            assert_eq!(a.expose(), b.expose());
        }
        assert_ne!(ring.get(1).unwrap().expose(), ring.get(2).unwrap().expose());
        let room = Keyring::generate().unwrap().to_json();
        assert!(room.len() <= 96);
    }

    #[test]
    fn wrong_rings_are_refused_without_repeating_them() {
        let cases = [
            "{}".to_owned(),
            r#"{"keys":[]}"#.to_owned(),
            format!(r#"{{"keys":[{{"version":0,"key":"{ONE}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":-1,"key":"{ONE}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":"{ONE}","key":"{ONE}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":1,"key":"{ONE}","x":1}}]}}"#),
            format!(r#"{{"keys":[{{"version":1,"key":"{}"}}]}}"#, &ONE[4..]),
            format!(r#"{{"keys":[{{"version":1,"key":"A{ONE}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":1,"key":"AAAA{ONE}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":1,"key":"{ONE}"}},{{"version":1,"key":"{TWO}"}}]}}"#),
            format!(r#"{{"keys":[{{"version":1,"key":"{ONE}"}},{{"version":2,"key":"{ONE}"}}]}}"#),
        ];
        for text in cases {
            let error = Keyring::from_json(text.as_bytes()).unwrap_err();
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(!shown.contains("AQEB"), "{shown}");
            }
        }
    }

    #[test]
    fn nothing_shows_a_key() {
        let ring =
            Keyring::from_json(format!(r#"{{"keys":[{{"version":7,"key":"{ONE}"}}]}}"#).as_bytes())
                .unwrap();
        assert_eq!(format!("{ring:?}"), "Keyring([7])");
        assert_eq!(format!("{:?}", ring.get(7).unwrap()), "Key(..)");
    }
}
