//! Believes records, or doesn't.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use jiff::Timestamp;
use serde::Deserialize;
use service::config::ConfigPath;

use super::certificate::{KeyCertificate, Speaker};
use super::found_good::FoundGood;
use super::keys::{KeyError, KeyId, PublicKey};
use super::sign::RecordSigner;
use super::wire;

/// Whose records are believed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordTrust {
    /// The offline root's public key, in base64.
    pub root: PublicKey,
    /// Certificates (JSON) of all keys that ever signed a record that the log still holds.
    pub certificates: Vec<ConfigPath>,
    /// Keys that are believed no longer, whenever they signed. A change needs a rebuild of
    /// whatever was folded.
    #[serde(default)]
    pub distrusted: Vec<KeyId>,
}

/// Why a record isn't believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It doesn't end in a signature.
    #[error("the record isn't signed")]
    Unsigned,
    /// There is no certificate for the key.
    #[error("the record is signed with key {0}, of which there is no certificate")]
    UnknownKey(KeyId),
    /// The key is on the list of those no longer believed.
    #[error("the record is signed with the distrusted key {0}")]
    Distrusted(KeyId),
    /// The signature isn't the key's over this value at this place.
    #[error("the record's signature with key {0} is wrong")]
    BadSignature(KeyId),
    /// The log took it in outside the validity of the key's certificate.
    #[error("key {0} wasn't valid when the record was appended")]
    Expired(KeyId),
    /// The key is another process'.
    #[error("key {0} is of another process than the one that may say this")]
    WrongRole(KeyId),
}

/// Believes the records of one speaker.
#[derive(Debug)]
pub struct RecordVerifier {
    keys: HashMap<KeyId, Known>,
    distrusted: HashSet<KeyId>,
    speaker: Speaker,
    found_good: FoundGood,
    trust: [u8; 32],
}

#[derive(Debug)]
struct Known {
    certificate: KeyCertificate,
    key: ParsedPublicKey,
}

/// A record that is believed.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    key_id: KeyId,
    role: &'a Speaker,
    unsigned: &'a [u8],
}

impl<'a> Signed<'a> {
    /// The key that signed it.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Who said it.
    pub fn role(&self) -> &'a Speaker {
        self.role
    }

    /// The encoded message without its signature.
    pub fn unsigned(&self) -> &'a [u8] {
        self.unsigned
    }
}

/// The same for the same certificates and keys, in whatever order they are named.
fn trust_digest(
    certificates: &[KeyCertificate],
    distrusted: &[KeyId],
    speaker: &Speaker,
) -> Result<[u8; 32], KeyError> {
    let mut parts = vec![speaker.as_str().to_owned()];
    for certificate in certificates {
        parts.push(certificate.to_json()?);
    }
    parts.extend(distrusted.iter().map(ToString::to_string));
    parts.sort_unstable();
    let hash = digest(&SHA256, parts.join("\0").as_bytes());
    let mut trust = [0; 32];
    trust.copy_from_slice(hash.as_ref());
    Ok(trust)
}

impl RecordVerifier {
    /// Loads the certificates; `speaker` is the only one whose records are believed.
    ///
    /// # Errors
    /// [`KeyError`], also for a certificate that the root didn't sign.
    pub fn load(trust: &RecordTrust, speaker: Speaker) -> Result<Self, KeyError> {
        let certificates = trust
            .certificates
            .iter()
            .map(|file| KeyCertificate::load(file))
            .collect::<Result<_, _>>()?;
        Self::new(trust.root, certificates, trust.distrusted.clone(), speaker)
    }

    /// Of certificates that were read already.
    ///
    /// # Errors
    /// [`KeyError`], also for a certificate that the root didn't sign.
    pub fn new(
        root: PublicKey,
        certificates: Vec<KeyCertificate>,
        distrusted: Vec<KeyId>,
        speaker: Speaker,
    ) -> Result<Self, KeyError> {
        let trust = trust_digest(&certificates, &distrusted, &speaker)?;
        let mut keys = HashMap::new();
        for certificate in certificates {
            certificate.verify(&root)?;
            let id = certificate.key_id();
            let key = ParsedPublicKey::new(&ED25519, certificate.public_key.as_bytes())
                .map_err(|_| KeyError::PublicKey)?;
            if keys.insert(id, Known { certificate, key }).is_some() {
                return Err(KeyError::Twice(id));
            }
        }
        Ok(Self {
            keys,
            distrusted: distrusted.into_iter().collect(),
            speaker,
            found_good: FoundGood::default(),
            trust,
        })
    }

    /// SHA-256 of all that decides who is believed: what was folded under another one may have
    /// to be folded again.
    pub fn trust_digest(&self) -> [u8; 32] {
        self.trust
    }

    /// Whether records that this signer seals now would be believed; a process that signs asks
    /// before it says that it is ready.
    ///
    /// # Errors
    /// [`SignatureError`], as [`Self::open`] would have it.
    pub fn vouch_for(&self, signer: &RecordSigner, now: Timestamp) -> Result<(), SignatureError> {
        let id = signer.key_id();
        let known = self.known(id)?;
        self.judge(id, known, now)
    }

    /// Believes a record's value, or doesn't. `append_time` is when the log took it in.
    ///
    /// Only for event types that have to be signed: the end of an unsigned value may look like a
    /// signature by chance or malice.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn open<'a>(
        &'a self,
        topic: &str,
        key: &str,
        value: &'a [u8],
        append_time: Timestamp,
    ) -> Result<Signed<'a>, SignatureError> {
        let parts = wire::split(value).ok_or(SignatureError::Unsigned)?;
        let id = KeyId(parts.key_id);
        let known = self.known(id)?;
        let signed = wire::message(topic, key, parts.unsigned).is_some_and(|message| {
            let check = || known.key.verify_sig(&message, parts.signature).is_ok();
            self.found_good
                .or_else(id, parts.signature, &message, check)
        });
        if !signed {
            return Err(SignatureError::BadSignature(id));
        }
        self.judge(id, known, append_time)?;
        Ok(Signed {
            key_id: id,
            role: &known.certificate.speaker,
            unsigned: parts.unsigned,
        })
    }

    fn known(&self, id: KeyId) -> Result<&Known, SignatureError> {
        if self.distrusted.contains(&id) {
            return Err(SignatureError::Distrusted(id));
        }
        self.keys.get(&id).ok_or(SignatureError::UnknownKey(id))
    }

    fn judge(&self, id: KeyId, known: &Known, time: Timestamp) -> Result<(), SignatureError> {
        if !known.certificate.covers(time) {
            return Err(SignatureError::Expired(id));
        }
        if known.certificate.speaker != self.speaker {
            return Err(SignatureError::WrongRole(id));
        }
        Ok(())
    }
}
