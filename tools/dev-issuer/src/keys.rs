//! The signing keys: one signs, those before it stay published until nothing signed by them lives.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rcgen::KeyPair;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Rotations within the time that retired keys stay published: a bound, far above any need.
const MOST_RETIRED: usize = 8;

/// The `typ` of a token, which keeps one kind from being taken for another (RFC 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenType {
    Access,
    Id,
}

impl TokenType {
    fn header(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
        }
    }
}

struct SigningKey {
    private: EncodingKey,
    public: Jwk,
    kid: String,
}

impl SigningKey {
    fn parse(pem: &[u8]) -> Result<Self, Error> {
        let private =
            EncodingKey::from_ec_pem(pem).map_err(|_| Error::SigningKey("it can't be read"))?;
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256)
            .map_err(|_| Error::SigningKey("it is of another kind"))?;
        let kid = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| Error::SigningKey("it has no thumbprint (RFC 7638)"))?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            private,
            public,
            kid,
        })
    }

    fn generate() -> Result<(Self, String), Error> {
        let pem = KeyPair::generate()
            .map_err(|_| Error::SigningKey("it can't be made"))?
            .serialize_pem();
        Ok((Self::parse(pem.as_bytes())?, pem))
    }
}

/// Why a key wasn't rotated.
#[derive(Debug)]
pub(crate) enum RotationRefused {
    /// As many keys are published as may be.
    TooMany,
    /// The new key can't be made or kept.
    Failed(Error),
}

/// All keys that are published.
pub(crate) struct KeyRing {
    file: PathBuf,
    retired_for: Duration,
    current: SigningKey,
    retired: Vec<(Jwk, Timestamp)>,
}

impl KeyRing {
    /// Reads the signing key, or makes it where the file is absent.
    pub(crate) fn open(file: &Path, retired_for: Duration) -> Result<Self, Error> {
        let current = match fs::read(file) {
            Ok(pem) => SigningKey::parse(&pem)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (key, pem) = SigningKey::generate()?;
                save(file, &pem)?;
                key
            }
            Err(source) => {
                let path = file.to_owned();
                return Err(Error::File { path, source });
            }
        };
        Ok(Self {
            file: file.to_owned(),
            retired_for,
            current,
            retired: Vec::new(),
        })
    }

    /// The key set (RFC 7517, section 5).
    pub(crate) fn published(&self, now: Timestamp) -> JwkSet {
        let retired = self.retired.iter().filter(|(_, until)| now < *until);
        let keys = std::iter::once(&self.current.public).chain(retired.map(|(key, _)| key));
        JwkSet {
            keys: keys.cloned().collect(),
        }
    }

    /// Signs with a new key from now on and returns its id.
    pub(crate) fn rotate(&mut self, now: Timestamp) -> Result<String, RotationRefused> {
        self.retired.retain(|(_, until)| now < *until);
        if self.retired.len() >= MOST_RETIRED {
            return Err(RotationRefused::TooMany);
        }
        let (key, pem) = SigningKey::generate().map_err(RotationRefused::Failed)?;
        save(&self.file, &pem).map_err(RotationRefused::Failed)?;
        let before = std::mem::replace(&mut self.current, key);
        self.retired.push((before.public, now + self.retired_for));
        Ok(self.current.kid.clone())
    }

    /// Signs claims as a compact JWS.
    pub(crate) fn sign(&self, kind: TokenType, claims: &impl Serialize) -> Result<String, Error> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(kind.header().to_owned());
        header.kid = Some(self.current.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.current.private)
            .map_err(|_| Error::SigningKey("it doesn't sign"))
    }

    /// The claims of an id token that this issuer made, expired or not: only a hint at a login.
    pub(crate) fn id_token_hint<T: DeserializeOwned>(
        &self,
        token: &str,
        issuer: &str,
        now: Timestamp,
    ) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.as_deref() != Some(TokenType::Id.header()) {
            return None;
        }
        let published = self.published(now);
        let key = DecodingKey::from_jwk(published.find(header.kid.as_deref()?)?).ok()?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
        validation.set_issuer(&[issuer]);
        validation.validate_exp = false;
        validation.validate_aud = false;
        let token = jsonwebtoken::decode(token, &key, &validation).ok()?;
        Some(token.claims)
    }
}

fn save(path: &Path, pem: &str) -> Result<(), Error> {
    let fresh = path.with_added_extension("new");
    let write = || {
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const RETIRED_FOR: Duration = Duration::from_secs(60);

    fn kids(ring: &KeyRing, now: Timestamp) -> Vec<String> {
        let keys = ring.published(now).keys;
        keys.into_iter()
            .map(|key| key.common.key_id.unwrap())
            .collect()
    }

    #[test]
    fn a_key_is_made_once_kept_private_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        let now = Timestamp::UNIX_EPOCH;
        let made = kids(&KeyRing::open(&file, RETIRED_FOR).unwrap(), now);
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(kids(&KeyRing::open(&file, RETIRED_FOR).unwrap(), now), made);
    }

    #[test]
    fn a_rotated_key_stays_published_for_its_time_and_the_new_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        let now = Timestamp::UNIX_EPOCH;
        let mut ring = KeyRing::open(&file, RETIRED_FOR).unwrap();
        let old = kids(&ring, now).remove(0);
        let new = ring.rotate(now).unwrap();

        assert_eq!(kids(&ring, now), [new.clone(), old]);
        assert_eq!(kids(&ring, now + RETIRED_FOR), std::slice::from_ref(&new));
        assert_eq!(
            kids(&KeyRing::open(&file, RETIRED_FOR).unwrap(), now),
            [new]
        );
    }

    #[test]
    fn the_number_of_published_keys_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let mut ring = KeyRing::open(&dir.path().join("key.pem"), RETIRED_FOR).unwrap();
        for _ in 0..MOST_RETIRED {
            ring.rotate(now).unwrap();
        }
        assert!(matches!(ring.rotate(now), Err(RotationRefused::TooMany)));
        ring.rotate(now + RETIRED_FOR).unwrap();
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        for pem in [other.serialize_pem(), "nonsense".to_owned()] {
            fs::write(&file, pem).unwrap();
            let ring = KeyRing::open(&file, RETIRED_FOR);
            assert!(matches!(ring.err(), Some(Error::SigningKey(_))));
        }
    }
}
