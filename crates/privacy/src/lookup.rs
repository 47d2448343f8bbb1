//! Finding a user's records without naming the user.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use domain::PassId;

use crate::error::{KeyError, Malformed};
use crate::keyring::{Key, Keyring};
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

    /// Whether it was computed from a user.
    pub fn is_computed(&self) -> bool {
        self.0.len() == 64
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

/// The keys of lookup indexes: usually one, two while one takes the place of the other.
#[derive(Debug)]
pub struct LookupKey(Keyring);

/// Every index under which a user's records may stand, one a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserIndexes {
    /// By version of the key.
    by_version: BTreeMap<u32, LookupIndex>,
    primary: LookupIndex,
    oldest: LookupIndex,
}

impl UserIndexes {
    /// Where the records belong.
    pub fn primary(&self) -> &LookupIndex {
        &self.primary
    }

    /// Where it is settled who a user is that nobody has met: whichever key is primary at an
    /// instance, this is the same partition to all that hold these keys.
    pub fn oldest(&self) -> &LookupIndex {
        &self.oldest
    }

    /// All of them, that of the newest key first. This is the order to look in.
    pub fn newest_first(&self) -> impl Iterator<Item = &LookupIndex> {
        self.by_version.values().rev()
    }

    /// The version of the key that gives `index`.
    pub fn version_of(&self, index: &LookupIndex) -> Option<u32> {
        let mut all = self.by_version.iter();
        all.find_map(|(version, own)| (own == index).then_some(*version))
    }
}

impl LookupKey {
    /// Takes the keys.
    ///
    /// # Errors
    /// [`KeyError`], also where the ring holds more than two versions: nobody should look under
    /// more of them at every request.
    pub fn load(keys: &dyn KeyProvider) -> Result<Self, KeyError> {
        let ring = keys.keyring(Purpose::Lookup)?;
        if ring.versions().count() > 2 {
            return Err(KeyError::Keyring(
                "a lookup ring holds two keys at most; end one rotation before the next",
            ));
        }
        Ok(Self(ring))
    }

    /// The versions of the keys, newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.versions()
    }

    /// The version of the key under whose index records belong.
    pub fn primary(&self) -> u32 {
        self.0.primary()
    }

    /// The indexes of a user.
    pub fn indexes(&self, issuer: &str, user_id: &str) -> UserIndexes {
        let versions = self.versions().filter_map(|version| {
            let key = self.0.get(version)?;
            Some((version, index(key, issuer, user_id)))
        });
        let by_version: BTreeMap<_, _> = versions.collect();
        // A ring always has its primary key.
        let primary = by_version.get(&self.primary()).cloned();
        let oldest = by_version.values().next().cloned();
        UserIndexes {
            primary: primary.unwrap_or_else(|| LookupIndex(String::new())),
            oldest: oldest.unwrap_or_else(|| LookupIndex(String::new())),
            by_version,
        }
    }
}

/// The index of a user: HMAC-SHA-256 (RFC 2104) over a label, the issuer with its length
/// before it, and the user id.
fn index(key: &Key, issuer: &str, user_id: &str) -> LookupIndex {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    let mut mac = hmac::Context::with_key(&key);
    mac.update(b"smarthome lookup v1\0");
    mac.update(&(issuer.len() as u64).to_be_bytes());
    mac.update(issuer.as_bytes());
    mac.update(user_id.as_bytes());
    LookupIndex(hex(mac.sign().as_ref()))
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

    struct Ring(Keyring);
    impl KeyProvider for Ring {
        fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
            Ok(self.0.clone())
        }
    }

    fn key(byte: u8) -> Key {
        Key::from_slice(&[byte; 32]).unwrap()
    }

    #[test]
    fn the_index_is_the_documented_one() {
        assert_eq!(
            index(&key(7), "https://id.example", "anna").as_str(),
            "7095b585ea957afd39b89a7dee0f87f2abf6c93ab825cd73e372fa696543ea9f"
        );
    }

    #[test]
    fn issuer_and_user_cannot_be_shifted_into_each_other() {
        let one = index(&key(7), "https://id.example", "anna");
        assert_ne!(one, index(&key(7), "https://id.exampl", "eanna"));
        assert_ne!(one, index(&key(7), "https://id.examplea", "nna"));
        assert_ne!(one, index(&key(8), "https://id.example", "anna"));
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
    fn two_keys_are_looked_under_the_newer_first() {
        let one = Keyring::generate().unwrap();
        let two = one.clone().rotated().unwrap();
        let of = |ring: &Keyring| LookupKey::load(&Ring(ring.clone())).unwrap();
        let single = of(&one).indexes("https://id.example", "anna");
        assert_eq!(single.primary(), single.oldest());
        let waiting = of(&two.clone().with_primary(1).unwrap());
        let waiting = waiting.indexes("https://id.example", "anna");
        let moving = of(&two).indexes("https://id.example", "anna");
        assert_eq!(waiting.primary(), single.primary());
        assert_eq!(waiting.oldest(), moving.oldest());
        assert_eq!(moving.oldest(), single.primary());
        let order: Vec<_> = waiting.newest_first().collect();
        assert_eq!(order, [moving.primary(), moving.oldest()]);
        assert_eq!(moving.version_of(moving.primary()), Some(2));
        assert_eq!(moving.version_of(single.primary()), Some(1));
        let retired = of(&two.clone().retired()).indexes("https://id.example", "anna");
        assert_eq!(retired.primary(), moving.primary());
        assert_eq!(retired.version_of(single.primary()), None);
        assert!(LookupKey::load(&Ring(two.rotated().unwrap())).is_err());
    }
}
