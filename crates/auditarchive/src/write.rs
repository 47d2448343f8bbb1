//! Writing an archive: the same content gives the same bytes.

use std::fs::File;

use object_store::ObjectStoreExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::tar::{BLOCK, header, padding};
use crate::{
    CERTIFICATE, CONTENTS, CSV, Contents, Error, JSONL, LOGS, Part, README, ROOT, VKEYS, readme,
};

/// The keys that go with the records.
pub struct Keys {
    /// Verifier keys of checkpoints, one a line.
    pub checkpoints: String,
    /// The root of records' keys, and the certificates that it signed, as JSON; where they are named.
    pub records: Option<(String, Vec<String>)>,
}

/// Writes all of it; how many records of the period it has. What is written before an error is no archive, since
/// only its end makes it one.
///
/// # Errors
/// [`Error`].
pub async fn write<W: AsyncWrite + Send + Unpin>(
    contents: &Contents,
    keys: &Keys,
    parts: Vec<Part>,
    output: W,
) -> Result<u64, Error> {
    let mut tar = Tar(output);
    tar.add(README, readme(contents).as_bytes()).await?;
    tar.add(CONTENTS, contents.text().as_bytes()).await?;
    tar.add(VKEYS, keys.checkpoints.as_bytes()).await?;
    if let Some((root, certificates)) = &keys.records {
        tar.add(ROOT, format!("{root}\n").as_bytes()).await?;
        for (number, certificate) in certificates.iter().enumerate() {
            let name = format!("{CERTIFICATE}{number}.json");
            tar.add(&name, certificate.as_bytes()).await?;
        }
    }
    let mut records = 0;
    for part in parts {
        records += part.records;
        for object in &part.objects {
            let failed = |source| Error::Object {
                path: object.clone(),
                source,
            };
            let found = part.store.get(&object.as_str().into()).await;
            let bytes = found.map_err(failed)?.bytes().await.map_err(failed)?;
            tar.add(&format!("{LOGS}{object}"), &bytes).await?;
        }
        let Part {
            log, jsonl, csv, ..
        } = part;
        tar.add_file(&format!("{LOGS}{log}/{JSONL}"), jsonl).await?;
        tar.add_file(&format!("{LOGS}{log}/{CSV}"), csv).await?;
    }
    tar.finish().await?;
    Ok(records)
}

/// Writes files one after the other.
struct Tar<W>(W);

impl<W: AsyncWrite + Send + Unpin> Tar<W> {
    /// A file that is at hand.
    async fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add_from(name, bytes.len() as u64, bytes).await
    }

    async fn add_file(&mut self, name: &str, file: File) -> Result<(), Error> {
        let size = file.metadata().map_err(Error::Room)?.len();
        let file = tokio::fs::File::from_std(file);
        self.add_from(name, size, file).await
    }

    async fn add_from(
        &mut self,
        name: &str,
        size: u64,
        from: impl AsyncRead + Send + Unpin,
    ) -> Result<(), Error> {
        let header = header(name, size).ok_or_else(|| Error::TooLarge {
            name: name.to_owned(),
            size,
        })?;
        let copy = async {
            self.0.write_all(&header).await?;
            let copied = tokio::io::copy(&mut from.take(size), &mut self.0).await?;
            if copied < size {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let zeros = tokio::io::repeat(0).take(padding(size));
            tokio::io::copy(&mut { zeros }, &mut self.0).await
        };
        copy.await.map(drop).map_err(Error::Output)
    }

    /// Two empty blocks end it.
    async fn finish(mut self) -> Result<(), Error> {
        let end = self.0.write_all(&[0; 2 * BLOCK as usize]).await;
        let end = match end {
            Ok(()) => self.0.shutdown().await,
            failed => failed,
        };
        end.map_err(Error::Output)
    }
}
