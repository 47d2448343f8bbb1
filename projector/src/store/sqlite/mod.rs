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
mod remove;
mod root;
mod rows;
mod scan;
mod schema;
mod select;
mod sequences;
mod together;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use url::Url;

use super::StoreError;
use super::generations::Fence;
use connections::Connections;
use read::SqliteReader;
use together::Queue;

/// Queries at once; more wait.
const READERS: usize = 4;

/// A store that is written here.
pub(super) struct SqliteStore {
    /// Heads, halts, and which generation serves.
    root: Arc<Connections>,
    /// One generation of the views.
    writer: Arc<Connections>,
    /// What waits to be written to it.
    queue: Arc<Queue>,
    reader: Arc<SqliteReader>,
    fence: Option<Fence>,
    /// The root's file; none of a store in memory.
    place: Option<PathBuf>,
}

/// Opens a file to write to the generation that serves, and makes it where it is missing.
pub(super) async fn open(url: &Url) -> Result<SqliteStore, StoreError> {
    open_at(file(url)?).await
}

async fn open_at(place: PathBuf) -> Result<SqliteStore, StoreError> {
    let root = root::connections(&place);
    let serving = root.run(|root| root::pointer(root, "main")).await?.serving;
    SqliteStore::open(place, root, serving, Fence::Serving(serving)).await
}

impl SqliteStore {
    async fn open(
        place: PathBuf,
        root: Arc<Connections>,
        generation: u64,
        fence: Fence,
    ) -> Result<Self, StoreError> {
        let views = root::file_of(&place, generation);
        let (reading, beside) = (views.clone(), place.clone());
        let writer = move || root::open_generation(&views, &beside);
        let writer = Arc::new(Connections::new(1, writer));
        // Makes the file now, so that readers find it.
        writer.run(|_| Ok(())).await?;
        Ok(Self {
            root,
            writer,
            queue: Arc::default(),
            reader: Arc::new(reader(reading)),
            fence: Some(fence),
            place: Some(place),
        })
    }
}

/// The root of a store.
pub(super) async fn open_root(url: &Url) -> Result<root::SqliteRoot, StoreError> {
    let place = file(url)?;
    let root = root::connections(&place);
    root.run(|_| Ok(())).await?;
    Ok(root::SqliteRoot { place, root })
}

/// A reader of a file, which needn't be there yet.
pub(super) fn open_reader(url: &Url) -> Result<SqliteReader, StoreError> {
    Ok(SqliteReader::following(root::Following::new(file(url)?)))
}

/// Makes a store that nobody has open one file, which can be read where nothing can be written.
pub(super) async fn seal(url: &Url) -> Result<(), StoreError> {
    let place = file(url)?;
    let only = Arc::new(Connections::new(1, move || schema::open_as_it_is(&place)));
    let seal = |only: &mut Connection| {
        only.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        Ok(())
    };
    only.run(seal).await
}

/// A store in memory: one connection, which is all that there is of it.
pub(super) async fn scratch() -> Result<SqliteStore, StoreError> {
    let only = schema::open_in_memory()?;
    let writer = Arc::new(Connections::of_one(only));
    let reader = Arc::new(SqliteReader::new(Arc::clone(&writer)));
    Ok(SqliteStore {
        root: Arc::clone(&writer),
        writer,
        queue: Arc::default(),
        reader,
        fence: None,
        place: None,
    })
}

/// A reader of one generation.
fn reader(views: PathBuf) -> SqliteReader {
    SqliteReader::new(Arc::new(readers(views)))
}

fn readers(views: PathBuf) -> Connections {
    Connections::new(READERS, move || schema::open_to_read(&views))
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
