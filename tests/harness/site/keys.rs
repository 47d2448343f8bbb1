//! Secrets and keys of a site.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use auditlog::CheckpointSigner;
use authn::record::{PublicKey, RootKey, generate_key, generate_root, issue};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use privacy::{HpkePrivateKey, Keyring};

/// Origin of the site's audit logs.
pub const ORIGIN: &str = "audit.smarthome.example";

/// Where each is kept, and the public halves.
#[derive(Debug)]
pub struct Keys {
    /// Root of record keys, public.
    pub record_root: PublicKey,
    /// Its private half, which no process is given.
    pub record_root_key: PathBuf,
    /// Key of command-svc's records.
    pub record_key: PathBuf,
    /// Its certificate, and those of the keys before it.
    pub record_certificates: Vec<PathBuf>,
    /// Keyrings: lookup, identity, plate, token key, page tokens.
    pub lookup: PathBuf,
    /// Key-encryption keys of user ids.
    pub identity: PathBuf,
    /// Key-encryption keys of plates.
    pub plate: PathBuf,
    /// Roots of token keys.
    pub token_key: PathBuf,
    /// Key-encryption keys of references of faces.
    pub face: PathBuf,
    /// Authenticates page tokens.
    pub paging: PathBuf,
    /// Operators' HPKE key, private.
    pub operators: PathBuf,
    /// Operators' HPKE key, public.
    pub operators_public: PathBuf,
    /// Signs checkpoints.
    pub checkpoint: PathBuf,
    /// Verifies checkpoints.
    pub checkpoint_verifier: PathBuf,
    /// Its text.
    pub vkey: String,
    /// The partner's attestation key.
    pub attestation: PathBuf,
    /// Its public half, 32 bytes.
    pub attestation_public: Vec<u8>,
    /// Webhook secret, shared with the partner.
    pub webhook: PathBuf,
}

impl Keys {
    pub(super) fn generate(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let file = |name: &str, text: &str| private_file(&dir.join(name), text);
        let ring = |name: &str| file(name, &Keyring::generate()?.to_json());

        let root = generate_root()?;
        let attestation = generate_key()?;
        let attestation_public = STANDARD.decode(attestation.public_key().to_string())?;
        let operators = HpkePrivateKey::generate()?;
        let (checkpoint, checkpoint_text) = CheckpointSigner::generate(ORIGIN)?;
        let vkey = checkpoint.verifier().vkey();
        let mut secret = [0; 32];
        rand::fill(&mut secret).context("no randomness")?;
        let webhook = format!("whsec_{}", STANDARD.encode(secret));
        let mut keys = Self {
            record_root: root.public_key(),
            record_root_key: file("record-root.pem", &root.to_pem()?)?,
            record_key: PathBuf::new(),
            record_certificates: Vec::new(),
            lookup: ring("lookup.json")?,
            identity: ring("identity.json")?,
            plate: ring("plate.json")?,
            token_key: ring("token-key.json")?,
            face: ring("face.json")?,
            paging: ring("paging.json")?,
            operators: file("operators.key", &operators.to_text())?,
            operators_public: file("operators.pub", &operators.public_key()?.to_string())?,
            checkpoint: file("checkpoint.key", &checkpoint_text)?,
            checkpoint_verifier: file("checkpoint.vkey", &vkey)?,
            vkey,
            attestation: file("attestation.pem", &attestation.to_pem()?)?,
            attestation_public,
            webhook: file("webhook.secret", &webhook)?,
        };
        keys.next_record_key()?;
        Ok(keys)
    }
}

impl Keys {
    /// Another key for command-svc's records: it signs from now on, and those before it stay trusted.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub fn next_record_key(&mut self) -> Result<()> {
        let root = RootKey::from_pem(&std::fs::read(&self.record_root_key)?)?;
        let key = generate_key()?;
        // Certificates count in whole seconds.
        let now = Timestamp::from_second(Timestamp::now().as_second())?;
        let (from, until) = (
            now - SignedDuration::from_hours(1),
            now + SignedDuration::from_hours(24 * 365),
        );
        let certificate = issue(&root, "command-svc".parse()?, key.public_key(), from, until)?;
        let number = self.record_certificates.len();
        let file = |name: String| self.record_root_key.with_file_name(name);
        self.record_key = private_file(&file(format!("record-{number}.pem")), &key.to_pem()?)?;
        let certificate_file = file(format!("record-certificate-{number}.json"));
        self.record_certificates
            .push(private_file(&certificate_file, &certificate.to_json()?)?);
        Ok(())
    }

    /// Another key in a keyring's file, beside those in it. `primary` says which seals; the newest
    /// where none is said.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn rotate(&self, ring: &Path, primary: Option<u32>) -> Result<()> {
        let rotated = Keyring::from_json(&std::fs::read(ring)?)?.rotated()?;
        let rotated = match primary {
            Some(version) => rotated.with_primary(version)?,
            None => rotated,
        };
        private_file(ring, &rotated.to_json()).map(|_| ())
    }

    /// Makes the newest key of a keyring's file the one that seals; with `alone`, the only one.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn promote(&self, ring: &Path, alone: bool) -> Result<()> {
        let keys = Keyring::from_json(&std::fs::read(ring)?)?;
        let newest = keys.versions().next().context("a key")?;
        let keys = keys.with_primary(newest)?;
        let keys = if alone { keys.retired() } else { keys };
        private_file(ring, &keys.to_json()).map(|_| ())
    }

    /// The certificate of the key that signs now.
    ///
    /// # Errors
    /// Never in practice: there is one.
    pub fn record_certificate(&self) -> Result<&Path> {
        let last = self.record_certificates.last();
        last.map(PathBuf::as_path).context("no key signs")
    }
}

/// Writes a file that only its owner can read.
fn private_file(path: &Path, text: &str) -> Result<PathBuf> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(path.to_owned())
}
