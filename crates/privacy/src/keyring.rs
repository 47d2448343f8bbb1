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

/// The keys of one purpose, by version. One of them seals, the newest unless the ring says which;
/// the others open what they sealed.
///
/// Its text is JSON, `{"keys":[{"version":1,"key":"<base64 of 32 bytes>"}]}`, and `"primary":1`
/// beside `keys` where another than the newest seals: so every process can be given a new key
/// before the first of them uses it. Taking a version out destroys what was sealed under it.
#[derive(Clone)]
pub struct Keyring {
    keys: BTreeMap<u32, Key>,
    primary: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    keys: Vec<Entry>,
    #[serde(default)]
    primary: Option<u32>,
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
        Self::new(BTreeMap::from([(1, Key::generate()?)]), None)
    }

    /// This ring with a new random key of the next version, which seals from now on.
    ///
    /// # Errors
    /// [`KeyError::Random`], or [`KeyError::Keyring`] where no version is left.
    pub fn rotated(mut self) -> Result<Self, KeyError> {
        let newest = self
            .keys
            .last_key_value()
            .map_or(0, |(version, _)| *version);
        let next = newest.checked_add(1);
        let next = next.ok_or(KeyError::Keyring("there is no version after the newest"))?;
        self.keys.insert(next, Key::generate()?);
        Self::new(self.keys, None)
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
        Self::new(keys, text.primary)
    }

    /// This ring with the key of this version sealing.
    ///
    /// # Errors
    /// [`KeyError::Keyring`] where there is none.
    pub fn with_primary(self, version: u32) -> Result<Self, KeyError> {
        Self::new(self.keys, Some(version))
    }

    /// This ring without the keys of other versions than the one that seals.
    pub fn retired(mut self) -> Self {
        self.keys.retain(|version, _| *version == self.primary);
        self
    }

    /// The ring's text, for a file that only its owner may read (mode 0600).
    pub fn to_json(&self) -> Zeroizing<String> {
        // Room for all of it at once: a growing buffer would leave unwiped copies behind.
        let mut text = Zeroizing::new(String::with_capacity(40 + 80 * self.keys.len()));
        text.push_str(r#"{"keys":["#);
        for (place, (version, key)) in self.keys.iter().enumerate() {
            text.push_str(if place == 0 { "" } else { "," });
            text.push_str(r#"{"version":"#);
            text.push_str(&version.to_string());
            text.push_str(r#","key":""#);
            STANDARD.encode_string(key.expose(), &mut text);
            text.push_str(r#""}"#);
        }
        text.push(']');
        if self.versions().next() != Some(self.primary) {
            text.push_str(r#","primary":"#);
            text.push_str(&self.primary.to_string());
        }
        text.push('}');
        text
    }

    /// The versions that it holds, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().rev().copied()
    }

    /// The version that seals.
    pub fn primary(&self) -> u32 {
        self.primary
    }

    /// The key that seals, with its version.
    pub(crate) fn newest(&self) -> (u32, Option<&Key>) {
        (self.primary, self.keys.get(&self.primary))
    }

    pub(crate) fn get(&self, version: u32) -> Option<&Key> {
        self.keys.get(&version)
    }

    fn new(keys: BTreeMap<u32, Key>, primary: Option<u32>) -> Result<Self, KeyError> {
        if keys.contains_key(&0) {
            return Err(KeyError::Keyring("versions count from 1"));
        }
        let newest = keys.last_key_value().map(|(version, _)| *version);
        let newest = newest.ok_or(KeyError::Keyring("there is no key in it"))?;
        let primary = primary.unwrap_or(newest);
        if !keys.contains_key(&primary) {
            return Err(KeyError::Keyring("`primary` names no version in it"));
        }
        Ok(Self { keys, primary })
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
        assert_eq!(ring.versions().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(ring.primary(), 2);
        let again = Keyring::from_json(ring.to_json().as_bytes()).unwrap();
        assert_eq!(again.primary(), 2);
        for version in [1, 2] {
            let (a, b) = (ring.get(version).unwrap(), again.get(version).unwrap());
            assert_eq!(a.expose(), b.expose());
        }
        assert_ne!(ring.get(1).unwrap().expose(), ring.get(2).unwrap().expose());
        let room = Keyring::generate().unwrap().to_json();
        assert!(room.len() <= 120);
        let waiting = ring.clone().with_primary(1).unwrap();
        assert!(waiting.to_json().len() <= 200);
        let again = Keyring::from_json(waiting.to_json().as_bytes()).unwrap();
        assert_eq!((again.primary(), again.versions().count()), (1, 2));
        assert_eq!(again.newest().0, 1);
        let rotated = again.rotated().unwrap();
        assert_eq!(rotated.primary(), 3);
        assert_eq!(rotated.retired().versions().collect::<Vec<_>>(), [3]);
        assert!(ring.with_primary(3).is_err());
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
            format!(r#"{{"keys":[{{"version":1,"key":"{ONE}"}}],"primary":2}}"#),
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
