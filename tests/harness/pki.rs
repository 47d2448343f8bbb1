//! A certificate authority for tests and the demo (X.509 as profiled by RFC 5280, EC P-256).
//!
//! Files are laid out the same way every time: `ca.crt`, `ca.key`, and for each certificate
//! `<name>.crt`, `<name>.key` (PKCS#8) and `<name>.pem` (key, certificate, CA: what a broker calls
//! a PEM key store). All are PEM; whatever holds a private key has mode 0600.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

mod profile;

pub use profile::{Profile, San, Validity};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where an issued certificate lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// `<name>.crt`: the certificate alone.
    pub certificate: PathBuf,
    /// `<name>.key`: its key, PKCS#8, mode 0600.
    pub private_key: PathBuf,
    /// `<name>.pem`: key, certificate and CA in one file, mode 0600.
    pub combined: PathBuf,
}

/// A certificate authority that keeps its files in one folder.
#[derive(Debug)]
pub struct Pki {
    dir: PathBuf,
    bundle: PathBuf,
    authority: Issuer<'static, KeyPair>,
}

impl Pki {
    /// Makes a new authority in `dir`, which is created where absent.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let (mut params, key) = (authority(), KeyPair::generate()?);
        let now = SystemTime::now();
        set_validity(&mut params, now - 60 * DAY, now + 365 * DAY)?;
        write(&dir.join("ca.crt"), &params.self_signed(&key)?.pem(), 0o644)?;
        write(&dir.join("ca.key"), &key.serialize_pem(), 0o600)?;
        Self::of(dir, dir)
    }

    /// An authority that was made before, in `home`; what it issues is written to `dir`, which is
    /// created where absent. So many may issue at once without writing each other's files.
    ///
    /// # Errors
    /// Its files can't be read, or `dir` can't be written.
    pub fn of(home: &Path, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let read = |name: &str| {
            let file = home.join(name);
            fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
        };
        let (certificate, key) = (read("ca.crt")?, read("ca.key")?);
        let bundle = dir.join("ca.crt");
        if home != dir {
            write(&bundle, &certificate, 0o644)?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            bundle,
            authority: Issuer::new(authority(), KeyPair::from_pem(&key)?),
        })
    }

    /// An authority that nobody trusts: the same subject name as [`Pki::create`] gives, another key.
    /// Give it a folder of its own.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn rogue(dir: &Path) -> Result<Self> {
        Self::create(dir)
    }

    /// `ca.crt`, what those who trust this authority are given.
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }

    /// The folder with all files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Issues a server's certificate for localhost, 127.0.0.1, ::1 and the extra names.
    ///
    /// # Errors
    /// The name or a SAN is malformed, or a file can't be written.
    pub fn issue_server(&self, name: &str, extra: &[San]) -> Result<Issued> {
        self.issue(
            &extra
                .iter()
                .cloned()
                .fold(Profile::server(name), Profile::san),
        )
    }

    /// Issues a client's certificate with these names.
    ///
    /// # Errors
    /// As [`Pki::issue_server`].
    pub fn issue_client(&self, name: &str, sans: &[San]) -> Result<Issued> {
        self.issue(
            &sans
                .iter()
                .cloned()
                .fold(Profile::client(name), Profile::san),
        )
    }

    /// Issues what the profile says, with subject `O=smarthome, OU=<unit>, CN=<name>`.
    ///
    /// # Errors
    /// As [`Pki::issue_server`].
    pub fn issue(&self, profile: &Profile) -> Result<Issued> {
        let Profile { stem, .. } = profile;
        ensure!(
            is_file_stem(stem),
            "certificate file name {stem:?} must be letters, digits, '-', '_' or '.', and not 'ca'"
        );
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&profile.name, &profile.unit);
        params.subject_alt_names = profile
            .sans
            .iter()
            .map(|san| san.encode().with_context(|| format!("SAN {san:?}")))
            .collect::<Result<_>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = profile.usages.clone();
        params.use_authority_key_identifier_extension = true;
        let (from, until) = profile.validity.window();
        set_validity(&mut params, from, until)?;

        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.authority)?.pem();
        let key = key.serialize_pem();
        let file = |extension: &str| self.dir.join(format!("{stem}.{extension}"));
        let issued = Issued {
            certificate: file("crt"),
            private_key: file("key"),
            combined: file("pem"),
        };
        write(&issued.certificate, &certificate, 0o644)?;
        write(&issued.private_key, &key, 0o600)?;
        let authority = fs::read_to_string(&self.bundle)?;
        let combined = format!("{key}{certificate}{authority}");
        write(&issued.combined, &combined, 0o600)?;
        Ok(issued)
    }
}

/// What every authority's certificate says.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject("Test CA", "services");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn is_file_stem(stem: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !stem.is_empty() && stem != "ca" && !stem.starts_with('.') && stem.chars().all(allowed)
}

fn subject(common_name: &str, unit: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "smarthome");
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::CommonName, common_name);
    name
}

fn set_validity(params: &mut CertificateParams, from: SystemTime, until: SystemTime) -> Result<()> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    // Certificates know whole seconds only.
    let whole = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .map(|since| Duration::from_secs(since.as_secs()))
    };
    params.not_before = epoch + whole(from)?;
    params.not_after = epoch + whole(until)?;
    Ok(())
}

/// Replaces the file in one step, so that a reader that reloads sees the old or the new one.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let fresh = path.with_added_extension("new");
    let save = || -> std::io::Result<()> {
        let _ = fs::remove_file(&fresh);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&fresh, path)
    };
    save().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests;
