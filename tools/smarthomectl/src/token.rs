//! The operator's access token.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use service::config::SecretFile;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The file of a token, which is read for every call: whoever keeps it fresh may replace it meanwhile.
#[derive(Clone)]
pub(crate) struct Token(Arc<SecretFile>);

impl Token {
    /// Of the token in `file`.
    ///
    /// # Errors
    /// The file can't be read, is open to others, or holds no token.
    pub(crate) fn new(file: SecretFile) -> Result<Self> {
        let token = Self(Arc::new(file));
        token
            .header()
            .context("token_file; `smarthomectl login` writes it")?;
        Ok(token)
    }

    fn header(&self) -> Result<AsciiMetadataValue> {
        let bytes = self.0.read()?;
        let token = str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
        let graphic = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = graphic.then(|| format!("Bearer {token}").parse().ok());
        let mut header: AsciiMetadataValue = header.flatten().with_context(|| {
            let file = self.0.path().display();
            format!("{file} holds no access token; write one there as the issuer gave it")
        })?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let header = self.header();
        let header = header.map_err(|error| Status::unauthenticated(format!("{error:#}")))?;
        request.metadata_mut().insert("authorization", header);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_sent_as_it_stands_in_its_file_now() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        };
        let told = || match Token::new(SecretFile::new(&file)) {
            Ok(_) => String::new(),
            Err(error) => format!("{error:#}"),
        };
        assert!(told().contains("can't read"), "{}", told());
        for wrong in ["", "\n", "two words", "café"] {
            write(wrong, 0o600);
            assert!(told().contains("holds no access token"), "{wrong:?}");
            assert!(wrong.trim().is_empty() || !told().contains(wrong));
        }
        write("a.b.c\n", 0o640);
        assert!(told().contains("chmod 600"), "{}", told());
        write("a.b.c\n", 0o600);
        let mut token = Token::new(SecretFile::new(&file)).unwrap();
        for text in ["a.b.c", "d.e.f"] {
            write(text, 0o600);
            let sent = token.call(Request::new(())).unwrap();
            let header = sent.metadata().get("authorization").unwrap();
            assert_eq!(header.to_str().unwrap(), format!("Bearer {text}"));
        }
    }
}
