//! Writing an archive: the same content gives the same bytes.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::tar::{BLOCK, header, padding};
use crate::stop::Stop;

/// Writes files one after the other. What isn't finished leaves nothing behind.
pub(crate) struct Writer {
    file: NamedTempFile,
    path: std::path::PathBuf,
}

impl Writer {
    /// Begins an archive, which must not be there yet.
    pub(crate) fn create(path: &Path) -> Result<Self, Stop> {
        if path.exists() {
            let text = format!("{} is there already; name another file", path.display());
            return Err(Stop::Usage(text));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        Ok(Self {
            file: file.map_err(|error| Stop::unwritten(path, &error))?,
            path: path.to_owned(),
        })
    }

    /// A file that is at hand.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Stop> {
        self.add_from(name, bytes)
    }

    /// A file that is read to its end.
    pub(crate) fn add_from(&mut self, name: &str, from: impl std::io::Read) -> Result<(), Stop> {
        let written = self.write(name, from);
        written.map_err(|error| Stop::unwritten(&self.path, &error))
    }

    fn write(&mut self, name: &str, mut from: impl std::io::Read) -> std::io::Result<()> {
        let file = self.file.as_file_mut();
        let at = file.stream_position()?;
        file.write_all(&[0; 512])?;
        let size = std::io::copy(&mut from, file)?;
        let header = header(name, size).ok_or_else(|| {
            std::io::Error::other(format!(
                "{name} has {size} bytes, more than the archive can hold; export a shorter period"
            ))
        })?;
        let zeros = [0; BLOCK as usize];
        file.write_all(&zeros[..padding(size) as usize])?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&header)?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Ends the archive and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        let end = self.file.write_all(&[0; 2 * BLOCK as usize]);
        end.and_then(|()| self.file.as_file().sync_all())
            .map_err(|error| Stop::unwritten(&self.path, &error))?;
        self.file
            .persist_noclobber(&self.path)
            .map_err(|error| Stop::unwritten(&self.path, &error.error))?;
        Ok(())
    }
}
