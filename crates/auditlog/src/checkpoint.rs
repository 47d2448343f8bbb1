use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use signed_note::{Note, StandardVerifier, VerifierList};

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

/// Checks checkpoints with a public key, `<name>+<id>+<base64>` (C2SP signed-note, "Verifier
/// keys").
///
/// `<name>` is either the origin of one log or the base that the origins of an installation's
/// logs begin with; a checkpoint of any other origin is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointVerifier {
    name: String,
    public: [u8; 32],
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

    pub(crate) fn from_parts(name: String, public: [u8; 32]) -> Self {
        Self { name, public }
    }

    /// The key as text, to be given to whoever verifies.
    pub fn vkey(&self) -> String {
        self.vkey_named(&self.name)
    }

    /// The key under the name that signs this log's checkpoints, for tools that look a note's
    /// signature up by name and id.
    ///
    /// # Errors
    /// [`Error::Key`] when the key isn't for logs of this base.
    pub fn vkey_for(&self, origin: &Origin) -> Result<String> {
        self.check_origin(origin)?;
        Ok(self.vkey_named(origin.as_str()))
    }

    /// Reads a log's checkpoint from its signed note.
    ///
    /// # Errors
    /// [`Error::Untrusted`] when it is malformed, of another log, or not signed by this key;
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

    /// What this key has signed for a log.
    pub(crate) fn text(&self, origin: &Origin, note: &[u8]) -> Result<Vec<u8>> {
        let untrusted = |detail| Error::Untrusted {
            origin: origin.to_string(),
            detail,
        };
        let verifier = StandardVerifier::new(&self.vkey_for(origin)?)
            .map_err(|_| Error::Key("it isn't a point of the curve"))?;
        let parsed = Note::from_bytes(note).map_err(|_| untrusted("it isn't a signed note"))?;
        parsed
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|_| untrusted("it has no valid signature of this key"))?;
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

    pub(crate) fn key_id(&self, name: &str) -> u32 {
        signed_note::key_id(name, &self.typed())
    }

    fn vkey_named(&self, name: &str) -> String {
        let encoded = BASE64_STANDARD.encode(self.typed());
        format!("{name}+{:08x}+{encoded}", self.key_id(name))
    }

    fn typed(&self) -> [u8; 33] {
        let mut key = [ED25519; 33];
        key[1..].copy_from_slice(&self.public);
        key
    }
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
