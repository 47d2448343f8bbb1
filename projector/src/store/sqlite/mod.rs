//! The view store as a SQLite file: for one small site, shared by the processes of one machine.
//!
//! Write-ahead log, `synchronous=FULL`: what is acknowledged survives a crash of the machine.
//! All work runs on the runtime's blocking threads.

mod commands;
mod connections;
mod decode;
mod heads;
mod hours;
mod read;
mod schema;
mod select;
mod sequences;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::StoreError;
use connections::Connections;
use read::SqliteReader;

/// Queries at once; more wait.
const READERS: usize = 4;

/// A store that is written here.
pub(super) struct SqliteStore {
    writer: Arc<Connections>,
    reader: Arc<SqliteReader>,
}

/// Opens a file to write to it, and makes it where it is missing.
pub(super) async fn open(url: &Url) -> Result<SqliteStore, StoreError> {
    let path = file(url)?;
    let writing = path.clone();
    let writer = Arc::new(Connections::new(1, move || schema::open_to_write(&writing)));
    // Makes the file now, so that readers find it.
    writer.run(|_| Ok(())).await?;
    Ok(SqliteStore {
        writer,
        reader: Arc::new(reader(path)),
    })
}

/// A reader of a file, which needn't be there yet.
pub(super) fn open_reader(url: &Url) -> Result<SqliteReader, StoreError> {
    file(url).map(reader)
}

/// A store in memory: one connection, which is all that there is of it.
pub(super) async fn scratch() -> Result<SqliteStore, StoreError> {
    let only = schema::open_in_memory()?;
    let writer = Arc::new(Connections::of_one(only));
    let reader = Arc::new(SqliteReader::new(Arc::clone(&writer)));
    Ok(SqliteStore { writer, reader })
}

fn reader(path: PathBuf) -> SqliteReader {
    let open = move || schema::open_to_read(&path);
    SqliteReader::new(Arc::new(Connections::new(READERS, open)))
}

/// `sqlite:///absolute/path` and nothing else.
fn file(url: &Url) -> Result<PathBuf, StoreError> {
    let plain = !url.has_host() && url.query().is_none() && url.fragment().is_none();
    let path = PathBuf::from(url.path());
    match plain && path.is_absolute() && path.file_name().is_some() {
        true => Ok(path),
        false => Err(StoreError::Url),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
