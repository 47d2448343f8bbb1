//! Writing an archive: the same content gives the same bytes.

use std::fs::File;

use object_store::ObjectStoreExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::tar::{BLOCK, header, padding};
use crate::{
    CERTIFICATE, CONTENTS, CSV, Contents, Error, JSONL, LOGS, Part, README, ROOT, VKEYS, readme,
};

/// Two empty blocks.
const END: u64 = 2 * BLOCK;

/// The keys that go with the records.
pub struct Keys {
    /// Verifier keys of checkpoints, one a line.
    pub checkpoints: String,
    /// The root of records' keys, and the certificates that it signed, as JSON; where they are named.
    pub records: Option<(String, Vec<String>)>,
}

impl Keys {
    /// The files that stand before the logs.
    fn front(&self, contents: &Contents) -> Vec<(String, String)> {
        let mut files = vec![
            (README.to_owned(), readme(contents)),
            (CONTENTS.to_owned(), contents.text()),
            (VKEYS.to_owned(), self.checkpoints.clone()),
        ];
        if let Some((root, certificates)) = &self.records {
            files.push((ROOT.to_owned(), format!("{root}\n")));
            for (number, certificate) in certificates.iter().enumerate() {
                files.push((format!("{CERTIFICATE}{number}.json"), certificate.clone()));
            }
        }
        files
    }
}

/// How many bytes [`write()`] will write.
///
/// # Errors
/// [`Error::Room`]: what was gathered can't be looked at.
pub fn size(contents: &Contents, keys: &Keys, parts: &[Part]) -> Result<u64, Error> {
    let front = keys.front(contents).into_iter();
    let mut sizes: Vec<u64> = front.map(|(_, text)| text.len() as u64).collect();
    for part in parts {
        sizes.extend(part.objects.values());
        for file in [&part.jsonl, &part.csv] {
            sizes.push(file.metadata().map_err(Error::Room)?.len());
        }
    }
    let files = sizes.iter().map(|size| BLOCK + size + padding(*size));
    Ok(files.sum::<u64>() + END)
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
    for (name, text) in keys.front(contents) {
        tar.add(&name, text.as_bytes()).await?;
    }
    let mut records = 0;
    for part in parts {
        records += part.records;
        for object in part.objects.keys() {
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
        let end = self.0.write_all(&[0; END as usize]).await;
        let end = match end {
            Ok(()) => self.0.shutdown().await,
            failed => failed,
        };
        end.map_err(Error::Output)
    }
}
