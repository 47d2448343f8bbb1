//! The root: the file that the URL names. It says which generation of the views serves, and keeps the
//! first; each other one is a file beside it.
//!
//! Who writes a generation reads the root while it holds that generation's write lock, and who swaps
//! holds the lock of the old one: so none can write to it afterwards.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::super::generations::{Building, FIRST, Fence, Followed, Generations, Pointer, Swap};
use super::super::{StoreError, ViewReader};
use super::connections::Connections;
use super::{SqliteStore, reader, readers, schema, write};

/// Generations that a reader has open, at most: of one that serves no more, calls may still be read.
const OPEN: usize = 2;

/// A root that is changed here.
pub(crate) struct SqliteRoot {
    pub(super) place: PathBuf,
    pub(super) root: Arc<Connections>,
}

/// Connections to a root; it is made where it is missing.
pub(super) fn connections(place: &Path) -> Arc<Connections> {
    let place = place.to_owned();
    Arc::new(Connections::new(1, move || schema::open_root(&place)))
}

/// Where a generation is.
pub(super) fn file_of(place: &Path, generation: u64) -> PathBuf {
    match generation {
        FIRST => place.to_owned(),
        later => beside(place, &format!(".g{later}")),
    }
}

fn beside(place: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(place);
    name.push(suffix);
    name.into()
}

/// Opens a generation to write to it, with its root beside.
pub(super) fn open_generation(views: &Path, place: &Path) -> Result<Connection, StoreError> {
    let connection = schema::open_to_write(views)?;
    attach(&connection, views, place)?;
    Ok(connection)
}

fn attach(connection: &Connection, views: &Path, place: &Path) -> Result<(), StoreError> {
    if views != place {
        let root = place.to_string_lossy();
        connection.execute("ATTACH ?1 AS root", params![root])?;
    }
    Ok(())
}

/// The schema in which a generation's connection finds the root.
fn root_in(connection: &Connection) -> Result<&'static str, StoreError> {
    let sql = "SELECT count(*) FROM pragma_database_list WHERE name = 'root'";
    let attached: u64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(if attached > 0 { "root" } else { "main" })
}

/// What a root says.
pub(super) fn pointer(connection: &Connection, schema: &str) -> Result<Pointer, StoreError> {
    if !schema::has_pointer(connection, schema)? {
        return Ok(Pointer::NEW);
    }
    let sql = format!("SELECT serving, building FROM {schema}.generations");
    let (serving, building): (u64, Option<String>) =
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let building = building.map(|by| by.parse()).transpose();
    let building = building.map_err(|_| StoreError::Corrupt {
        table: "generations",
    })?;
    Ok(Pointer { serving, building })
}

/// A transaction that may write this generation and, where there are others, no other file.
///
/// # Errors
/// [`StoreError::Superseded`]: the fence doesn't hold any more.
pub(super) fn begin(
    connection: &mut Connection,
    fence: Option<Fence>,
) -> Result<Transaction<'_>, StoreError> {
    let Some(fence) = fence else {
        return write::begin(connection);
    };
    let schema = root_in(connection)?;
    let transaction = begin_alone(connection)?;
    fence.check(pointer(&transaction, schema)?)?;
    Ok(transaction)
}

/// BEGIN IMMEDIATE would take the root's lock too, for which everybody would wait.
fn begin_alone(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    transaction.execute("DELETE FROM main.progress WHERE part < 0", [])?;
    Ok(transaction)
}

#[async_trait]
impl Generations for SqliteRoot {
    async fn pointer(&self) -> Result<Pointer, StoreError> {
        self.root.run(|root| pointer(root, "main")).await
    }

    async fn begin(&self) -> Result<Building, StoreError> {
        let by = Uuid::now_v7();
        let serving = self.claim(Some(by)).await?;
        self.remove_idle(serving).await?;
        let (place, root) = (self.place.clone(), Arc::clone(&self.root));
        let store = SqliteStore::open(place, root, serving + 1, Fence::Building(by)).await?;
        Ok(Building {
            serving,
            by,
            store: Arc::new(store),
        })
    }

    async fn serving(&self, building: &Building) -> Result<Arc<dyn ViewReader>, StoreError> {
        Ok(Arc::new(reader(file_of(&self.place, building.serving))))
    }

    async fn progress(&self, generation: u64) -> Result<HashMap<(String, u32), u64>, StoreError> {
        let views = file_of(&self.place, generation);
        let only = Arc::new(Connections::new(1, move || open_to_look(&views)));
        only.run(|views| {
            // What nothing was ever written to has no tables.
            let Ok(mut statement) = views.prepare("SELECT topic, part, next FROM progress") else {
                return Ok(HashMap::new());
            };
            let rows =
                statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn swap(&self, building: &Building) -> Result<Swap, StoreError> {
        let (place, serving, by) = (self.place.clone(), building.serving, building.by);
        let old = file_of(&place, serving);
        let new = file_of(&place, serving + 1);
        let connections = Arc::new(Connections::new(1, move || {
            let connection = schema::open_as_it_is(&old)?;
            attach(&connection, &old, &place)?;
            connection.execute("ATTACH ?1 AS new", params![new.to_string_lossy()])?;
            Ok(connection)
        }));
        let swap = move |connection: &mut Connection| swap(connection, serving, by);
        connections.run(swap).await
    }

    async fn drop_idle(&self) -> Result<(), StoreError> {
        let serving = self.claim(None).await?;
        self.remove_idle(serving).await
    }
}

impl SqliteRoot {
    /// Makes `by` the one that builds. The generation that serves.
    async fn claim(&self, by: Option<Uuid>) -> Result<u64, StoreError> {
        let by = by.map(|by| by.to_string());
        let claim = move |root: &mut Connection| {
            root.execute("UPDATE generations SET building = ?1", params![by])?;
            Ok(pointer(root, "main")?.serving)
        };
        self.root.run(claim).await
    }

    async fn remove_idle(&self, serving: u64) -> Result<(), StoreError> {
        let place = self.place.clone();
        let remove = move |root: &mut Connection| {
            if serving != FIRST {
                schema::drop_views(root)?;
            }
            remove_files(&place, &file_of(&place, serving))
                .map_err(|error| StoreError::Unavailable(Box::new(error)))
        };
        self.root.run(remove).await
    }
}

fn open_to_look(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(file, flags)?)
}

fn swap(connection: &mut Connection, serving: u64, by: Uuid) -> Result<Swap, StoreError> {
    let schema = root_in(connection)?;
    // What nothing was ever written to has no tables.
    let began = connection.prepare("SELECT 1 FROM main.progress").is_ok();
    // All files, and waited for: whoever has read the root can't wait for its lock any more.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    Fence::Building(by).check(pointer(&transaction, schema)?)?;
    if began {
        let sql = "SELECT count(*) FROM main.progress AS old
                   LEFT JOIN new.progress AS new ON new.topic = old.topic AND new.part = old.part
                   WHERE new.next IS NULL OR new.next < old.next";
        let behind: u64 = transaction.query_row(sql, [], |row| row.get(0))?;
        if behind > 0 {
            return Ok(Swap::Behind);
        }
    }
    let sql = format!(
        "UPDATE {schema}.generations SET serving = ?1, building = NULL
         WHERE serving = ?2 AND building = ?3"
    );
    let moved = transaction.execute(&sql, params![serving + 1, serving, by.to_string()])?;
    if moved == 0 {
        return Err(StoreError::Superseded);
    }
    transaction.commit()?;
    Ok(Swap::Done)
}

/// Removes the files of generations beside a root, all but those of `kept`.
fn remove_files(place: &Path, kept: &Path) -> std::io::Result<()> {
    let (Some(folder), Some(name)) = (place.parent(), place.file_name()) else {
        return Ok(());
    };
    let prefix = format!("{}.g", name.to_string_lossy());
    let kept = kept.file_name().unwrap_or_default().to_string_lossy();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let Some(rest) = found.strip_prefix(&prefix) else {
            continue;
        };
        let number = rest.trim_end_matches("-wal").trim_end_matches("-shm");
        let of_kept = *found.trim_end_matches("-wal").trim_end_matches("-shm") == *kept;
        if number.parse::<u64>().is_ok() && !of_kept {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads whichever generation serves.
pub(super) struct Following {
    place: PathBuf,
    root: Arc<Connections>,
    followed: Followed,
    open: Mutex<BTreeMap<u64, Arc<Connections>>>,
}

impl Following {
    pub(super) fn new(place: PathBuf) -> Self {
        let root = place.clone();
        let open = move || open_to_look(&root);
        Self {
            place,
            root: Arc::new(Connections::new(1, open)),
            followed: Followed::default(),
            open: Mutex::default(),
        }
    }

    /// Connections to it.
    pub(super) async fn connections(&self) -> Result<Arc<Connections>, StoreError> {
        let look = self.root.run(|root| pointer(root, "main"));
        let generation = self.followed.now(look).await?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let views = || Arc::new(readers(file_of(&self.place, generation)));
        let connections = Arc::clone(open.entry(generation).or_insert_with(views));
        while open.len() > OPEN {
            open.pop_first();
        }
        Ok(connections)
    }
}
