//! Secrets that follow their files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use domain::PartnerId;
use service::config::SecretFile;

use super::secrets::{Secret, Secrets};

/// The secrets of every partner, read again from their files. One bad file of a partner keeps all of
/// that partner's as they were, and nobody else's.
pub struct LiveSecrets {
    files: Vec<(PartnerId, Vec<SecretFile>)>,
    current: ArcSwap<Secrets>,
    /// What was read, to tell whether anything changed.
    digests: Mutex<HashMap<PartnerId, [u8; 32]>>,
}

impl LiveSecrets {
    /// Reads the files.
    ///
    /// # Errors
    /// One can't be used; the text names it and the partner, and nothing of what is in it.
    pub fn load(files: Vec<(PartnerId, Vec<SecretFile>)>) -> anyhow::Result<Self> {
        let (mut secrets, mut digests) = (Secrets::default(), HashMap::new());
        for (partner, files) in &files {
            let (read, digest) = read(files).with_context(|| format!("`partners`: {partner}"))?;
            secrets.set(partner, read);
            digests.insert(partner.clone(), digest);
        }
        Ok(Self {
            files,
            current: ArcSwap::from_pointee(secrets),
            digests: Mutex::new(digests),
        })
    }

    /// For a request that is verified now.
    pub fn current(&self) -> Arc<Secrets> {
        self.current.load_full()
    }

    /// Reads the files again; it blocks on file access. What can't be used changes nothing, and is
    /// logged and counted in `webhook_secret_reload_failures_total`.
    pub fn reload_now(&self) {
        // Held throughout, so that two reloads can't put an older file over a newer one.
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Secrets::clone(&self.current());
        for (partner, files) in &self.files {
            match read(files) {
                Ok((_, digest)) if digests.get(partner) == Some(&digest) => {}
                Ok((secrets, digest)) => {
                    next.set(partner, secrets);
                    digests.insert(partner.clone(), digest);
                    tracing::info!(%partner, "webhook secrets reloaded");
                }
                Err(error) => {
                    metrics::counter!("webhook_secret_reload_failures_total").increment(1);
                    tracing::warn!(
                        %partner,
                        error = format!("{error:#}"),
                        "webhook secrets can't be used; the ones loaded before stay in use"
                    );
                }
            }
        }
        self.current.store(Arc::new(next));
    }

    /// Reloads at every `interval`; never returns.
    pub async fn reload_every(self: Arc<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let this = Arc::clone(&self);
            // Fails only while the runtime shuts down.
            let _ = tokio::task::spawn_blocking(move || this.reload_now()).await;
        }
    }
}

fn read(files: &[SecretFile]) -> anyhow::Result<(Vec<Secret>, [u8; 32])> {
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut secrets = Vec::with_capacity(files.len());
    for file in files {
        let bytes = file.read()?;
        // The length first, so that bytes can't move from one file to the next unseen.
        digest.update(&(bytes.len() as u64).to_be_bytes());
        digest.update(&bytes);
        let secret = Secret::parse(&bytes);
        secrets.push(secret.with_context(|| format!("secret {}", file.path().display()))?);
    }
    let mut read = [0; 32];
    read.copy_from_slice(digest.finish().as_ref());
    Ok((secrets, read))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use jiff::Timestamp;

    use super::*;

    fn write(path: &Path, byte: &str) {
        fs::write(path, format!("whsec_{}", byte.repeat(32))).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_bad_file_keeps_its_partners_secrets_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["one", "other"].map(|name| folder.path().join(name));
        let partners: [PartnerId; 2] = ["one", "other"].map(|id| id.parse().unwrap());
        for path in &paths {
            write(path, "A");
        }
        let files = partners.iter().zip(&paths);
        let files = files.map(|(partner, path)| (partner.clone(), vec![SecretFile::new(path)]));
        let live = LiveSecrets::load(files.collect()).unwrap();
        let signed = || {
            let (secrets, at) = (live.current(), Timestamp::UNIX_EPOCH);
            [0, 1].map(|of| secrets.of(&partners[of]).unwrap()[0].sign("m", at, b"x"))
        };
        let before = signed();
        assert_eq!(before[0], before[1]);

        fs::write(&paths[0], "nonsense").unwrap();
        write(&paths[1], "B");
        live.reload_now();
        let after = signed();
        assert_eq!(after[0], before[0], "kept");
        assert_ne!(after[1], before[1], "changed all the same");

        write(&paths[0], "B");
        live.reload_now();
        assert_eq!(signed(), [after[1].clone(), after[1].clone()]);
        fs::remove_file(&paths[0]).unwrap();
        live.reload_now();
        assert_eq!(signed()[0], after[1]);
    }
}
