use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::codec::{decode_headers, from_sql, to_sql};
use super::connection::{self, unavailable};
use super::schema::table;
use crate::store::{Bounds, Cursor, READ_BYTES};
use crate::{LogError, Position, Record, Topic};

/// A few connections that read, away from the async threads.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

const CONNECTIONS: usize = 4;

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Runs a read in one snapshot of the file.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, LogError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, LogError> + Send + 'static,
    {
        let stopped = || LogError::Unavailable("the log is closing".to_owned());
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let work = move || {
            // Held until the read is over, even if nobody waits for it any more.
            let _permit = permit;
            let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match free {
                Some(connection) => connection,
                None => connection::open_reader(&path).map_err(unavailable)?,
            };
            let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
            let result = read(&snapshot);
            let ended = snapshot.finish();
            // A connection that has failed is not used again.
            if ended.is_ok() && !matches!(result, Err(LogError::Unavailable(_))) {
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(connection);
            }
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| stopped())?
    }
}

/// The bounds of a topic's partitions; index = partition.
pub(super) fn bounds(connection: &Connection, topic: Topic) -> rusqlite::Result<Vec<Bounds>> {
    connection
        .prepare_cached(
            "SELECT start_offset, end_offset FROM partitions WHERE topic = ?1 ORDER BY partition",
        )?
        .query_map([topic.name()], bounds_row)?
        .collect()
}

fn bounds_row(row: &Row<'_>) -> rusqlite::Result<Bounds> {
    Ok(Bounds {
        start: from_sql(row.get(0)?)?,
        end: from_sql(row.get(1)?)?,
    })
}

/// The bounds of one partition.
pub(super) fn partition_bounds(
    connection: &Connection,
    topic: Topic,
    partition: u32,
) -> rusqlite::Result<Bounds> {
    connection
        .prepare_cached(
            "SELECT start_offset, end_offset FROM partitions WHERE topic = ?1 AND partition = ?2",
        )?
        .query_row(params![topic.name(), partition], bounds_row)
}

/// The first offset inside `bounds` whose append time is not before `time`, or
/// the end. A binary search: append times never go backwards.
pub(super) fn offset_at(
    connection: &Connection,
    (topic, partition): (Topic, u32),
    bounds: Bounds,
    time: Timestamp,
) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT append_time FROM {} WHERE record_offset >= ?1 ORDER BY record_offset LIMIT 1",
        table(topic, partition)
    ))?;
    let (mut low, mut high) = (bounds.start, bounds.end);
    while low < high {
        let middle = low + (high - low) / 2;
        let append_time: Option<i64> = statement
            .query_row([to_sql(middle)], |row| row.get(0))
            .optional()?;
        if append_time.is_some_and(|at| at < time.as_millisecond()) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Reads cursor by cursor until there is enough. Every cursor is checked.
pub(super) fn read(
    connection: &Connection,
    cursors: &[Cursor],
    max: usize,
) -> Result<Vec<Record>, LogError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for cursor in cursors {
        let bounds =
            partition_bounds(connection, cursor.topic, cursor.partition).map_err(unavailable)?;
        cursor.check(bounds)?;
        if cursor.offset < bounds.end && batch.len() < max && bytes < READ_BYTES {
            read_partition(connection, *cursor, max, &mut batch, &mut bytes)
                .map_err(unavailable)?;
        }
    }
    Ok(batch)
}

fn read_partition(
    connection: &Connection,
    cursor: Cursor,
    max: usize,
    batch: &mut Vec<Record>,
    bytes: &mut usize,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT record_offset, append_time, key, headers, value FROM {}
         WHERE record_offset >= ?1 ORDER BY record_offset",
        table(cursor.topic, cursor.partition)
    ))?;
    let mut rows = statement.query([to_sql(cursor.offset)])?;
    while batch.len() < max && *bytes < READ_BYTES {
        let Some(row) = rows.next()? else { break };
        let record = record(cursor, row)?;
        *bytes += record.key.len() + record.value.as_ref().map_or(0, Bytes::len);
        batch.push(record);
    }
    Ok(())
}

fn record(cursor: Cursor, row: &Row<'_>) -> rusqlite::Result<Record> {
    let position = Position {
        partition: cursor.partition,
        offset: from_sql(row.get(0)?)?,
    };
    let milliseconds: i64 = row.get(1)?;
    let append_time = Timestamp::from_millisecond(milliseconds)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(1, milliseconds))?;
    let headers = decode_headers(row.get(3)?).unwrap_or_else(|| {
        // The reader sees a record without headers, reports it and goes on.
        tracing::error!(topic = %cursor.topic, ?position, "a record's headers are broken");
        Vec::new()
    });
    Ok(Record {
        topic: cursor.topic,
        position,
        key: row.get::<_, Vec<u8>>(2)?.into(),
        append_time,
        headers,
        value: row.get::<_, Option<Vec<u8>>>(4)?.map(Bytes::from),
    })
}
