//! A bucket: its keys and certificates, read from their files.

mod tls;

use std::sync::Arc;

use anyhow::Context as _;
use auditlog::{Access, S3Options, open_s3};
use object_store::ObjectStore;
use service::config::SecretFile;
use zeroize::Zeroizing;

use crate::config::{Encryption, S3Config, TilesConfig};

pub(super) async fn open(
    tiles: &TilesConfig,
    access: Access,
) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let s3 = tiles
        .s3
        .as_ref()
        .context("section `[tiles.s3]` is missing")?;
    let options = options(s3).context("section `[tiles.s3]`")?;
    open_s3(&tiles.url, &options, access)
        .await
        .context("section `[tiles]`")
}

fn options(s3: &S3Config) -> anyhow::Result<S3Options> {
    Ok(S3Options {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key_id: word(&s3.access_key_id_file).context("`access_key_id_file`")?,
        secret_access_key: word(&s3.secret_access_key_file).context("`secret_access_key_file`")?,
        tls: tls::load(s3)?,
        encryption: s3.encryption.clone().map(|encryption| match encryption {
            Encryption::AES256 => auditlog::Encryption::Aes256,
            Encryption::Kms(key) => auditlog::Encryption::Kms(key),
        }),
        insecure: s3.insecure,
        connect_timeout: s3.connect_timeout,
        request_timeout: s3.request_timeout,
    })
}

/// What a secret file says, without the newline at its end.
fn word(file: &SecretFile) -> anyhow::Result<Zeroizing<String>> {
    let bytes = file.read()?;
    // The cause would repeat the bytes.
    let text = std::str::from_utf8(&bytes).map_err(|_| anyhow::anyhow!("it isn't text"))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}
