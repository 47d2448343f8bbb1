//! Finding a user's records without naming the user.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use domain::PassId;

use crate::error::{KeyError, Malformed};
use crate::keyring::Key;
use crate::keys::{KeyProvider, Purpose};

/// The first part of a record key in `subjects.v1`: 64 hexadecimal digits computed from a user,
/// or a guest pass's id. All of one index stands in one partition, so that the log's order
/// decides where two instances meet a user for the first time at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupIndex(String);

impl LookupIndex {
    /// The index of what belongs to a guest pass.
    pub fn of_pass(pass: PassId) -> Self {
        Self(pass.to_string())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LookupIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LookupIndex {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let computed = text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if computed || text.parse::<PassId>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed {
                kind: "lookup index",
                expected: "64 lower-case hexadecimal digits, or a UUID",
            })
        }
    }
}

/// The key of lookup indexes. There is only ever one: every record is kept under what it gives.
#[derive(Debug)]
pub struct LookupKey(Key);

impl LookupKey {
    /// Takes the key.
    ///
    /// # Errors
    /// [`KeyError`], also where the ring holds more than one version.
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        let ring = keys.keyring(Purpose::Lookup)?;
        match ring.newest() {
            (_, Some(key)) if ring.versions() == 1 => Ok(Self(key.clone())),
            _ => Err(KeyError::Keyring(
                "a lookup ring holds one key: another one would find no user",
            )),
        }
    }

    /// The index of a user: HMAC-SHA-256 (RFC 2104) over a label, the issuer with its length
    /// before it, and the user id.
    pub fn index(&self, issuer: &str, user_id: &str) -> LookupIndex {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let mut mac = hmac::Context::with_key(&key);
        mac.update(b"smarthome lookup v1\0");
        mac.update(&(issuer.len() as u64).to_be_bytes());
        mac.update(issuer.as_bytes());
        mac.update(user_id.as_bytes());
        LookupIndex(hex(mac.sign().as_ref()))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keyring::Keyring;

    struct Ring(Keyring);
    impl KeyProvider for Ring {
        fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
            Ok(self.0.clone())
        }
    }

    fn key() -> LookupKey {
        LookupKey(Key::from_slice(&[7; 32]).unwrap())
    }

    #[test]
    fn the_index_is_the_documented_one() {
        assert_eq!(
            key().index("https://id.example", "anna").as_str(),
            "7095b585ea957afd39b89a7dee0f87f2abf6c93ab825cd73e372fa696543ea9f"
        );
    }

    #[test]
    fn issuer_and_user_cannot_be_shifted_into_each_other() {
        let one = key().index("https://id.example", "anna");
        assert_ne!(one, key().index("https://id.exampl", "eanna"));
        assert_ne!(one, key().index("https://id.examplea", "nna"));
        let other = LookupKey(Key::from_slice(&[8; 32]).unwrap());
        assert_ne!(one, other.index("https://id.example", "anna"));
        assert_eq!(one.as_str().parse::<LookupIndex>().unwrap(), one);
    }

    #[test]
    fn only_indexes_are_read_as_such() {
        let pass = PassId(uuid::Uuid::from_u128(5));
        let index = LookupIndex::of_pass(pass);
        assert_eq!(index.as_str().parse::<LookupIndex>().unwrap(), index);
        for wrong in [
            "",
            "anna",
            &"A".repeat(64),
            &"a".repeat(63),
            &"g".repeat(64),
        ] {
            assert!(wrong.parse::<LookupIndex>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_second_lookup_key_is_refused() {
        let ring = Keyring::generate().unwrap();
        assert!(LookupKey::load(&Ring(ring.clone())).is_ok());
        assert!(LookupKey::load(&Ring(ring.rotated().unwrap())).is_err());
    }
}
