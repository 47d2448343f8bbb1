use std::fmt;
use std::io::Read;
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use signed_note::{Note, Signature};
use zeroize::Zeroizing;

use crate::checkpoint::{Checkpoint, CheckpointVerifier, note_text};
use crate::id::check_base;
use crate::{Error, Origin, Result, TreeHash};

const PREFIX: &str = "PRIVATE+KEY+";
/// The signature type of Ed25519 (C2SP signed-note, "Signature types").
const ED25519: u8 = 1;
const SEED: usize = 32;
/// Name, prefix and base64 come to less than half of this.
const MAX_FILE: usize = 1024;

/// The key that signs the checkpoints of all logs of one installation.
///
/// Its text is `PRIVATE+KEY+<name>+<id>+<base64>`, as `note` of the Go checksum database writes
/// it; `<name>` is the base that the origins begin with. A checkpoint is signed under its own
/// origin as key name, as C2SP tlog-checkpoint asks, so one secret gives each log a key of its
/// own name: [`CheckpointVerifier::vkey_for`].
///
/// While it is changed for another one, both sign: [`and`](Self::and).
///
/// Parsing and signing are done here over `aws-lc-rs`, which wipes its copy of the key;
/// `signed_note::StandardSigner` would leave the decoded secret in freed memory.
pub struct CheckpointSigner {
    keys: Vec<Key>,
    verifier: CheckpointVerifier,
}

struct Key {
    pair: Ed25519KeyPair,
    /// What checks its signatures and no other key's.
    alone: CheckpointVerifier,
}

impl CheckpointSigner {
    /// Reads a key from its text; spaces and newlines around it don't matter.
    ///
    /// # Errors
    /// [`Error::Key`] when it isn't an Ed25519 signed-note private key; nothing of it is
    /// repeated.
    pub fn from_text(text: &str) -> Result<Self> {
        let malformed = || Error::Key("it isn't of the form PRIVATE+KEY+<name>+<id>+<base64>");
        let rest = text.trim().strip_prefix(PREFIX).ok_or_else(malformed)?;
        let (name, rest) = rest.split_once('+').ok_or_else(malformed)?;
        let (id, encoded) = rest.split_once('+').ok_or_else(malformed)?;
        let mut key = Zeroizing::new([0; 64]);
        let length = BASE64_STANDARD
            .decode_slice(encoded, key.as_mut_slice())
            .map_err(|_| malformed())?;
        if length != 1 + SEED || key[0] != ED25519 {
            return Err(Error::Key("it isn't an Ed25519 key (type 1)"));
        }
        let signer = Self::from_seed(name, &key[1..=SEED])?;
        if id != format!("{:08x}", signer.verifier.key_id(name)) {
            return Err(Error::Key("its id doesn't belong to its name and key"));
        }
        Ok(signer)
    }

    /// Reads a key from a file that holds its text and nothing else.
    ///
    /// # Errors
    /// [`Error::KeyFile`] when it can't be read, [`Error::Key`] as
    /// [`from_text`](Self::from_text).
    pub fn from_file(path: &Path) -> Result<Self> {
        let mut file = std::fs::File::open(path).map_err(Error::KeyFile)?;
        let mut buffer = Zeroizing::new([0; MAX_FILE]);
        let mut length = 0;
        loop {
            match file.read(&mut buffer[length..]).map_err(Error::KeyFile)? {
                0 => break,
                n => length += n,
            }
        }
        if length == MAX_FILE {
            return Err(Error::Key("its file is too large to be a key"));
        }
        let text = std::str::from_utf8(&buffer[..length])
            .map_err(|_| Error::Key("its file isn't text"))?;
        Self::from_text(text)
    }

    /// Makes a new key, and gives it with the text to be kept (secret) in its file.
    ///
    /// # Errors
    /// [`Error::Name`] when `base` can't begin an origin, [`Error::Key`] when the system gives
    /// no randomness.
    pub fn generate(base: &str) -> Result<(Self, Zeroizing<String>)> {
        let mut key = Zeroizing::new([0; 1 + SEED]);
        key[0] = ED25519;
        SystemRandom::new()
            .fill(&mut key[1..])
            .map_err(|_| Error::Key("the system gives no randomness"))?;
        let signer = Self::from_seed(base, &key[1..])?;
        let id = signer.verifier.key_id(base);
        // With room for all of it, so that growing leaves no copies behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE));
        text.push_str(&format!("{PREFIX}{base}+{id:08x}+"));
        let mut encoded = Zeroizing::new([0; 64]);
        let length = BASE64_STANDARD
            .encode_slice(key.as_slice(), encoded.as_mut_slice())
            .map_err(|_| Error::Key("it can't be written as text"))?;
        text.push_str(std::str::from_utf8(&encoded[..length]).unwrap_or_default());
        text.push('\n');
        Ok((signer, text))
    }

    fn from_seed(name: &str, seed: &[u8]) -> Result<Self> {
        check_base(name)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| Error::Key("it isn't an Ed25519 key"))?;
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let verifier = CheckpointVerifier::from_parts(name.to_owned(), public);
        Ok(Self {
            keys: vec![Key {
                pair,
                alone: verifier.clone(),
            }],
            verifier,
        })
    }

    /// Both sign from now on, so that whoever trusts either can verify.
    ///
    /// # Errors
    /// [`Error::Key`] when they are one, or of different names.
    pub fn and(mut self, next: Self) -> Result<Self> {
        if self.verifier.trusts(&next.verifier) {
            return Err(Error::Key("it is the key that signs already"));
        }
        self.verifier = self.verifier.or(&next.verifier)?;
        self.keys.extend(next.keys);
        Ok(self)
    }

    /// Goes on with logs that any key of `told` has signed, as well as with its own.
    ///
    /// # Errors
    /// [`Error::Key`] when one that signs isn't among them: what it signs could not be verified.
    pub fn trusting(mut self, told: CheckpointVerifier) -> Result<Self> {
        if !told.trusts(&self.verifier) {
            return Err(Error::Key(
                "it isn't among those that checkpoints are verified with",
            ));
        }
        self.verifier = told;
        Ok(self)
    }

    /// Whether more than one signs.
    pub fn is_changing(&self) -> bool {
        self.keys.len() > 1
    }

    /// Whether each of its keys has signed this checkpoint.
    pub(crate) fn has_signed(&self, checkpoint: &Checkpoint) -> bool {
        let note = checkpoint.note().as_bytes();
        let good = |key: &Key| key.alone.verify(checkpoint.origin(), note).is_ok();
        self.keys.iter().all(good)
    }

    /// What checks its signatures, and those that it goes on from.
    pub fn verifier(&self) -> &CheckpointVerifier {
        &self.verifier
    }

    /// Signs a checkpoint.
    pub(crate) fn sign(&self, origin: &Origin, size: u64, root: TreeHash) -> Result<Checkpoint> {
        let text = note_text(origin, size, root)?;
        // Read as anybody else would, so that nothing is published that others would refuse.
        self.verifier.verify(origin, &self.note(origin, &text)?)
    }

    /// A text about a log as a signed note. Its second line says what it is.
    pub(crate) fn note(&self, origin: &Origin, text: &[u8]) -> Result<Vec<u8>> {
        self.verifier.check_origin(origin)?;
        let name = origin.as_str();
        let mut signatures = Vec::new();
        for key in &self.keys {
            let signed = key.pair.try_sign(text);
            let signed = signed.map_err(|_| Error::Key("it can't sign"))?;
            let id = key.alone.key_id(name);
            let signature = Signature::new(name.to_owned(), id, signed.as_ref().to_vec());
            let signature = signature.map_err(|_| Error::Key("its name can't sign a note"))?;
            signatures.push(signature);
        }
        let note = Note::new(text, &signatures);
        let note = note.map_err(|_| Error::Key("its name can't sign a note"))?;
        Ok(note.to_bytes())
    }
}

/// Without the secret.
impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckpointSigner")
            .field(&self.verifier.vkey())
            .finish()
    }
}
