use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};

use crate::id::check_base;
use crate::{Error, MAX_LEAVES, Origin, Result, TreeHash};

const ED25519: u8 = 1;

/// A checkpoint whose signature was verified: this log had this root at this size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    size: u64,
    root: TreeHash,
    note: String,
}

impl Checkpoint {
    /// The log that it is of.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many leaves the log had.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree of that many leaves.
    pub fn root(&self) -> TreeHash {
        self.root
    }

    /// The signed note, as published: for auditors, who verify it with any tool that reads C2SP
    /// tlog-checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// The most keys that one verifier holds.
const MAX_KEYS: usize = 16;

/// Checks checkpoints with public keys, `<name>+<id>+<base64>` (C2SP signed-note, "Verifier
/// keys"): one, or several while keys are changed, of which any will do.
///
/// `<name>` is either the origin of one log or the base that the origins of an installation's
/// logs begin with; a checkpoint of any other origin is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointVerifier {
    name: String,
    /// The one that signs now is the first.
    current: [u8; 32],
    /// The next one, or those that signed before.
    others: Vec<[u8; 32]>,
}

impl CheckpointVerifier {
    /// Reads a verifier key; spaces and newlines around it don't matter.
    ///
    /// # Errors
    /// [`Error::Key`] when it isn't an Ed25519 verifier key.
    pub fn from_vkey(vkey: &str) -> Result<Self> {
        let vkey = vkey.trim();
        StandardVerifier::new(vkey)
            .map_err(|_| Error::Key("it isn't an Ed25519 verifier key, <name>+<id>+<base64>"))?;
        // Well-formed now: three parts, the last of them a type byte and 32 bytes.
        let parts: Vec<&str> = vkey.splitn(3, '+').collect();
        let [name, _, encoded] = parts[..] else {
            return Err(Error::Key("it isn't of the form <name>+<id>+<base64>"));
        };
        check_base(name)?;
        let key = BASE64_STANDARD.decode(encoded).unwrap_or_default();
        let public = key
            .get(1..)
            .and_then(|key| key.try_into().ok())
            .ok_or(Error::Key("it doesn't hold 32 bytes"))?;
        Ok(Self::from_parts(name.to_owned(), public))
    }

    /// Reads verifier keys of one name, one a line; the first is the one that signs now.
    ///
    /// # Errors
    /// [`Error::Key`] when one of them isn't an Ed25519 verifier key, there is none, or they have
    /// several names.
    pub fn from_vkeys(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut keys = lines.map(Self::from_vkey);
        let first = keys.next().ok_or(Error::Key("there is none"))??;
        keys.try_fold(first, |all, key| all.or(&key?))
    }

    pub(crate) fn from_parts(name: String, public: [u8; 32]) -> Self {
        Self {
            name,
            current: public,
            others: Vec::new(),
        }
    }

    /// Takes what either has signed.
    pub(crate) fn or(mut self, other: &Self) -> Result<Self> {
        if self.name != other.name {
            return Err(Error::Key("it has another name than the key before it"));
        }
        for key in other.keys() {
            if !self.keys().any(|known| known == key) {
                self.others.push(*key);
            }
        }
        if self.others.len() >= MAX_KEYS {
            return Err(Error::Key("there are too many; name those that still sign"));
        }
        Ok(self)
    }

    /// Whether it takes all that `other` takes.
    pub fn trusts(&self, other: &Self) -> bool {
        self.name == other.name
            && other
                .keys()
                .all(|key| self.keys().any(|known| known == key))
    }

    fn keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.current).chain(&self.others)
    }

    /// The key that signs now as text, to be given to whoever verifies.
    pub fn vkey(&self) -> String {
        vkey(&self.name, &self.current)
    }

    /// All that it takes as text, one a line, as [`from_vkeys`](Self::from_vkeys) reads them.
    pub fn vkeys(&self) -> String {
        let lines = self.keys().map(|key| vkey(&self.name, key) + "\n");
        lines.collect()
    }

    /// The one that signs now under the name that signs this log's checkpoints, for tools that look a note's
    /// signature up by name and id.
    ///
    /// # Errors
    /// [`Error::Key`] when the key isn't for logs of this base.
    pub fn vkey_for(&self, origin: &Origin) -> Result<String> {
        self.check_origin(origin)?;
        Ok(vkey(origin.as_str(), &self.current))
    }

    /// Reads a log's checkpoint from its signed note.
    ///
    /// # Errors
    /// [`Error::Untrusted`] when it is malformed, of another log, or not signed by such a key;
    /// [`Error::Key`] when the key isn't for this origin.
    pub fn verify(&self, origin: &Origin, note: &[u8]) -> Result<Checkpoint> {
        let untrusted = |detail| Error::Untrusted {
            origin: origin.to_string(),
            detail,
        };
        let tree = tlog_tiles::Checkpoint::from_bytes(&self.text(origin, note)?)
            .map_err(|_| untrusted("its text isn't a checkpoint"))?;
        if tree.origin() != origin.as_str() {
            return Err(untrusted("it is of another log"));
        }
        if tree.size() > MAX_LEAVES {
            return Err(untrusted("its size is beyond what a log may hold"));
        }
        Ok(Checkpoint {
            origin: origin.clone(),
            size: tree.size(),
            root: tree.hash().0,
            note: String::from_utf8_lossy(note).into_owned(),
        })
    }

    /// What one of these keys has signed for a log.
    pub(crate) fn text(&self, origin: &Origin, note: &[u8]) -> Result<Vec<u8>> {
        let untrusted = |detail| Error::Untrusted {
            origin: origin.to_string(),
            detail,
        };
        self.check_origin(origin)?;
        let mut verifiers: Vec<Box<dyn Verifier>> = Vec::new();
        for key in self.keys() {
            let verifier = StandardVerifier::new(&vkey(origin.as_str(), key))
                .map_err(|_| Error::Key("it isn't a point of the curve"))?;
            verifiers.push(Box::new(verifier));
        }
        let parsed = Note::from_bytes(note).map_err(|_| untrusted("it isn't a signed note"))?;
        parsed
            .verify(&VerifierList::new(verifiers))
            .map_err(|_| untrusted("it has no valid signature of a key that is trusted"))?;
        Ok(parsed.text().to_vec())
    }

    pub(crate) fn check_origin(&self, origin: &Origin) -> Result<()> {
        match origin.as_str().strip_prefix(self.name.as_str()) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(()),
            _ => Err(Error::Key(
                "its name isn't what the log's origin begins with",
            )),
        }
    }

    /// The short id of the key that signs now, under this name (C2SP signed-note, "Signatures").
    pub(crate) fn key_id(&self, name: &str) -> u32 {
        signed_note::key_id(name, &typed(&self.current))
    }
}

fn vkey(name: &str, public: &[u8; 32]) -> String {
    let encoded = BASE64_STANDARD.encode(typed(public));
    let id = signed_note::key_id(name, &typed(public));
    format!("{name}+{id:08x}+{encoded}")
}

fn typed(public: &[u8; 32]) -> [u8; 33] {
    let mut key = [ED25519; 33];
    key[1..].copy_from_slice(public);
    key
}

/// The text that a checkpoint signs (C2SP tlog-checkpoint, "Note text").
pub(crate) fn note_text(origin: &Origin, size: u64, root: TreeHash) -> Result<Vec<u8>> {
    tlog_tiles::Checkpoint::new(origin.as_str(), size, tlog_tiles::Hash(root), "")
        .map(|checkpoint| checkpoint.to_bytes())
        .map_err(|_| Error::Untrusted {
            origin: origin.to_string(),
            detail: "it can't be written",
        })
}
