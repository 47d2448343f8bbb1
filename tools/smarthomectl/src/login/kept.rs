//! What is kept of a login: the access token in the file that every command reads, and beside it what
//! renews it. Both are written as a whole, for their owner alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use service::config::{SecretError, SecretFile};
use weblogin::{ProviderConfig, Tokens};

/// What renews a token. Not to be printed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    issuer: String,
    client_id: String,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) refresh_token: Option<String>,
}

impl Kept {
    /// Of the last login, if it was at this issuer.
    ///
    /// # Errors
    /// The file is open to others, or no longer what was written.
    pub(super) fn read(token_file: &Path, wanted: &ProviderConfig) -> Result<Option<Self>> {
        let path = beside(token_file);
        let bytes = match SecretFile::new(&path).read() {
            Err(SecretError::Unreadable { reason, .. })
                if reason.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            read => read?,
        };
        let kept: Self = serde_json::from_slice(&bytes).ok().with_context(|| {
            let path = path.display();
            format!("{path} is damaged; delete it and run `smarthomectl login`")
        })?;
        let same = kept.issuer == wanted.issuer.0 && kept.client_id == wanted.client_id;
        Ok(same.then_some(kept))
    }

    /// Writes a token and what renews it. An issuer that gives no new refresh token means the old one
    /// to go on (RFC 6749, section 6).
    ///
    /// # Errors
    /// The files can't be written.
    pub(super) fn write(
        token_file: &Path,
        wanted: &ProviderConfig,
        tokens: &Tokens,
    ) -> Result<Self> {
        let lives = tokens.expires_in;
        let lives = lives.and_then(|lives| SignedDuration::try_from(lives).ok());
        let old = Self::read(token_file, wanted).ok().flatten();
        let refresh_token = tokens.refresh_token.clone();
        let kept = Self {
            issuer: wanted.issuer.0.clone(),
            client_id: wanted.client_id.clone(),
            expires_at: lives.and_then(|lives| Timestamp::now().checked_add(lives).ok()),
            refresh_token: refresh_token.or(old.and_then(|old| old.refresh_token)),
        };
        // What renews it first: it works once, and its loss would be the login's.
        put(&beside(token_file), &serde_json::to_vec(&kept)?)?;
        let token = format!("{}\n", tokens.access_token);
        put(token_file, token.as_bytes())?;
        Ok(kept)
    }

    /// Whether the token ends before `at`. One of which nothing is known is taken to go on.
    pub(super) fn ends_before(&self, at: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end < at)
    }
}

fn beside(token_file: &Path) -> PathBuf {
    let mut name = token_file.as_os_str().to_owned();
    name.push(".login");
    name.into()
}

/// Puts a file for its owner alone in the place of whatever was there, all of it or nothing.
fn put(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let write = || -> Result<()> {
        std::fs::create_dir_all(folder)?;
        // Its mode is 0600 from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{Permissions, read_to_string, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use weblogin::Https;

    fn wanted(issuer: &str) -> ProviderConfig {
        ProviderConfig {
            issuer: Https(issuer.to_owned()),
            client_id: "tool".to_owned(),
            scope: "openid".to_owned(),
            resource: None,
            audience: None,
            ca_file: None,
            client_key: None,
            client_key_id: None,
        }
    }

    fn tokens(access: &str, refresh: Option<&str>) -> Tokens {
        Tokens {
            access_token: access.to_owned(),
            refresh_token: refresh.map(str::to_owned),
            id_token: None,
            expires_in: Some(std::time::Duration::from_secs(300)),
        }
    }

    #[test]
    fn both_files_are_their_owners_alone_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/token");
        let here = wanted("https://login.example");
        assert!(Kept::read(&file, &here).unwrap().is_none());
        Kept::write(&file, &here, &tokens("a1", Some("r1"))).unwrap();
        Kept::write(&file, &here, &tokens("a2", None)).unwrap();
        assert_eq!(read_to_string(&file).unwrap(), "a2\n");
        let kept = Kept::read(&file, &here).unwrap().unwrap();
        assert_eq!(kept.refresh_token.as_deref(), Some("r1"), "it goes on");
        let in_a_minute = Timestamp::now() + SignedDuration::from_mins(1);
        assert!(!kept.ends_before(in_a_minute));
        assert!(kept.ends_before(in_a_minute + SignedDuration::from_mins(5)));
        let mut left = 0;
        for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            left += 1;
        }
        assert_eq!(left, 2, "nothing is left behind");
        // Another issuer's is not sent there.
        assert!(
            Kept::read(&file, &wanted("https://other.example"))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_file_that_is_open_or_damaged_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let here = wanted("https://login.example");
        std::fs::write(beside(&file), "secret-canary").unwrap();
        set_permissions(beside(&file), Permissions::from_mode(0o644)).unwrap();
        let told = || format!("{:#}", Kept::read(&file, &here).err().unwrap());
        assert!(told().contains("chmod 600"), "{}", told());
        set_permissions(beside(&file), Permissions::from_mode(0o600)).unwrap();
        assert!(
            told().contains("delete it and run `smarthomectl login`"),
            "{}",
            told()
        );
        assert!(!told().contains("canary"), "{}", told());
    }
}
