//! Reading an archive that anybody may have made: with bounded memory, and nothing unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use auditlog::LogId;
use bytes::Bytes;
use object_store::Error;

use super::{CERTIFICATE, CONTENTS, Contents, FORMAT, LOGS, README, ROOT, VKEYS};
use crate::stop::Stop;
use auditarchive::tar::{BLOCK, padding, read_header};
use auditarchive::{MAX_OBJECT, Objects};

/// Files in an archive, at most: each takes a little memory.
const MAX_FILES: usize = 2_000_000;
/// The largest of the small files.
const MAX_SMALL: u64 = 1 << 20;

/// An archive that was looked through once.
pub(crate) struct Archive {
    file: File,
    files: BTreeMap<String, Place>,
    logs: BTreeSet<LogId>,
}

/// Where a file lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    size: u64,
}

impl Archive {
    /// Looks through the headers.
    pub(crate) fn open(path: &Path) -> Result<Self, Stop> {
        Self::of(File::open(path).map_err(|error| Stop::file(path, &error))?)
    }

    /// As [`open`](Self::open), of a file that is open.
    pub(super) fn of(file: File) -> Result<Self, Stop> {
        let length = file
            .metadata()
            .map_err(|error| Stop::Unknown(format!("the archive can't be read: {error}")))?
            .len();
        let mut archive = Self {
            file,
            files: BTreeMap::new(),
            logs: BTreeSet::new(),
        };
        let mut at = 0;
        loop {
            let block = archive.block(at, length)?;
            if block == [0; 512] {
                break;
            }
            let (name, size) = read_header(&block).ok_or_else(|| {
                let text = format!(
                    "what stands at byte {at} is no plain file as auditctl writes it; links, folders \
                     and extensions are refused"
                );
                malformed(&text)
            })?;
            let place = Place {
                at: at + BLOCK,
                size,
            };
            archive.take(name, place)?;
            let filled = padding(size);
            let end = place.at.saturating_add(size).saturating_add(filled);
            if end > length {
                return Err(ends_early());
            }
            archive.zeros(place.at + size, filled)?;
            at = end;
        }
        // Two empty blocks end it, and nothing comes after them.
        if length < at + 2 * BLOCK {
            return Err(ends_early());
        }
        if length != at + 2 * BLOCK {
            return Err(malformed("something stands behind its end"));
        }
        archive.zeros(at, 2 * BLOCK)?;
        Ok(archive)
    }

    fn take(&mut self, name: String, place: Place) -> Result<(), Stop> {
        if self.files.len() == MAX_FILES {
            return Err(malformed("it has more files than any export"));
        }
        let small = [README, CONTENTS, VKEYS, ROOT].contains(&name.as_str())
            || name.strip_prefix(CERTIFICATE).is_some_and(|rest| {
                let number = rest
                    .strip_suffix(".json")
                    .and_then(|rest| rest.parse::<u16>().ok());
                number.is_some_and(|number| rest == format!("{number}.json"))
            });
        match name.strip_prefix(LOGS).and_then(log_of) {
            Some(log) => {
                self.logs.insert(log);
            }
            None if small && place.size <= MAX_SMALL => {}
            None => {
                return Err(malformed(
                    "a file in it has a name or size that no export has",
                ));
            }
        }
        if self.files.insert(name, place).is_some() {
            return Err(malformed("it has two files of one name"));
        }
        Ok(())
    }

    fn block(&self, at: u64, length: u64) -> Result<[u8; 512], Stop> {
        let mut block = [0; 512];
        if at.saturating_add(BLOCK) > length {
            return Err(ends_early());
        }
        self.exact(&mut block, at)?;
        Ok(block)
    }

    fn zeros(&self, at: u64, count: u64) -> Result<(), Stop> {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or_default()];
        self.exact(&mut bytes, at)?;
        if bytes.iter().all(|byte| *byte == 0) {
            Ok(())
        } else {
            Err(malformed("something stands where nothing may"))
        }
    }

    fn exact(&self, bytes: &mut [u8], at: u64) -> Result<(), Stop> {
        self.file
            .read_exact_at(bytes, at)
            .map_err(|error| Stop::Unknown(format!("the archive can't be read: {error}")))
    }

    /// The logs of which it has anything.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &LogId> {
        self.logs.iter()
    }

    /// The names of its files.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The same, in the order in which they lie.
    pub(super) fn names_in_order(&self) -> Vec<String> {
        let mut names: Vec<_> = self.files.iter().collect();
        names.sort_by_key(|(_, place)| place.at);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// A small file.
    pub(crate) fn small(&self, name: &str) -> Result<Option<Vec<u8>>, Stop> {
        let Some(place) = self.files.get(name) else {
            return Ok(None);
        };
        let mut bytes = vec![0; usize::try_from(place.size.min(MAX_SMALL)).unwrap_or_default()];
        self.exact(&mut bytes, place.at)?;
        Ok(Some(bytes))
    }

    /// What it says of itself.
    pub(crate) fn contents(&self) -> Result<Contents, Stop> {
        let text = self.small(CONTENTS)?;
        let text = text.ok_or_else(|| Stop::Unknown(format!("the archive has no {CONTENTS}")))?;
        let contents: Contents =
            serde_json::from_slice(&text).map_err(|_| malformed("export.json can't be read"))?;
        if contents.format != FORMAT {
            let text = format!("the archive is of another form than {FORMAT}");
            return Err(Stop::Unknown(text));
        }
        if contents.text().as_bytes() != text {
            return Err(malformed("export.json is not as an export writes it"));
        }
        Ok(contents)
    }

    /// The certificates of records' keys.
    pub(crate) fn certificates(&self) -> Result<Vec<Vec<u8>>, Stop> {
        let names = self
            .files
            .keys()
            .filter(|name| name.starts_with(CERTIFICATE));
        let mut found = Vec::new();
        for name in names {
            found.extend(self.small(name)?);
        }
        Ok(found)
    }

    /// Reads a file of any size piece by piece.
    pub(crate) fn reader(self: &Arc<Self>, name: &str) -> Option<Reader> {
        let place = *self.files.get(name)?;
        Some(Reader {
            archive: Arc::clone(self),
            at: place.at,
            left: place.size,
        })
    }
}

/// The objects of its logs.
pub(crate) struct Files(pub(crate) Arc<Archive>);

/// Reads one file.
pub(crate) struct Reader {
    archive: Arc<Archive>,
    at: u64,
    left: u64,
}

impl std::io::Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(into.len());
        let read = self.archive.file.read_at(&mut into[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[async_trait]
impl Objects for Files {
    async fn get(&self, path: &str) -> object_store::Result<Bytes> {
        let generic = |text: String| Error::Generic {
            store: "archive",
            source: text.into(),
        };
        let place = self.0.files.get(&format!("{LOGS}{path}")).copied();
        let place = place.ok_or_else(|| Error::NotFound {
            path: path.to_owned(),
            source: "the archive has no such file".into(),
        })?;
        if place.size > MAX_OBJECT {
            return Err(generic(format!(
                "{path} is larger than any object of a log"
            )));
        }
        let mut bytes = vec![0; place.size as usize];
        self.0
            .exact(&mut bytes, place.at)
            .map_err(|error| generic(error.to_string()))?;
        Ok(bytes.into())
    }
}

/// The log that a file below `logs/` is of, if an export has such files.
fn log_of(name: &str) -> Option<LogId> {
    let (topic, rest) = name.split_once('/')?;
    let (complex, object) = rest.split_once('/')?;
    let plain = object.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.'))
    });
    plain.then(|| LogId::named(topic, complex).ok()).flatten()
}

fn malformed(what: &str) -> Stop {
    Stop::Refuted(format!("the archive is not as an export writes it: {what}"))
}

fn ends_early() -> Stop {
    Stop::Unknown("the archive ends early; get all of it".to_owned())
}
