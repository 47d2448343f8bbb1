use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::watch;

use super::codec::{encode_headers, from_sql, to_sql};
use super::connection::{self, is_busy, unavailable};
use super::queue::{Append, Batch, Change, Queue};
use super::{schema, total};
use crate::store::append_clock;
use crate::{AppendError, LogError, Position, Topic};

/// The one writer of this process: everything that waits goes into one
/// transaction, with one flush. It takes the appends over only once it holds the
/// file's write lock; until then their callers can take them back.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) queue: Arc<Queue>,
    pub(super) appended: watch::Sender<u64>,
    pub(super) connection: Option<Connection>,
}

/// How long the writer rests while more waits, so that other processes get the
/// write lock in between.
const BREATH: Duration = Duration::from_micros(100);

impl Writer {
    /// Runs until the queue is closed.
    pub(super) fn run(mut self) {
        while self.queue.wait() {
            if let Err(error) = self.turn() {
                if is_busy(&error) {
                    thread::sleep(BREATH);
                    continue;
                }
                tracing::error!(%error, "the event log can't be written");
                self.connection = None;
                // Nothing of these was begun.
                let reason = error.to_string();
                self.queue.take().refuse(&reason);
            }
            if self.queue.depth() > 0 {
                thread::sleep(BREATH);
            }
        }
    }

    /// One transaction. An error means that no batch was taken.
    fn turn(&mut self) -> rusqlite::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(connection::open_writer(&self.path)?),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let batch = self.queue.take();
        if batch.is_empty() {
            return Ok(());
        }
        if !write(transaction, batch, &self.appended) {
            // Whatever state it is in: the next turn starts afresh.
            self.connection = None;
        }
        Ok(())
    }
}

/// Writes, commits, and answers everyone. `false` if the connection is not to be
/// used again.
fn write(mut transaction: Transaction<'_>, batch: Batch, appended: &watch::Sender<u64>) -> bool {
    let Batch { appends, changes } = batch;
    let changed = apply(&mut transaction, changes);
    let written = insert(&transaction, &appends).and_then(|at| Ok((at, total(&transaction)?)));
    let (positions, total) = match (changed, written) {
        (Ok(changes), Ok((positions, total))) => match transaction.commit() {
            Ok(()) => {
                finish(changes, Ok(()));
                (positions, total)
            }
            Err(error) => {
                // The commit may have reached the file: only reading it tells.
                tracing::error!(%error, "a commit to the event log failed");
                finish(changes, Err(unavailable(error)));
                refuse(appends, || {
                    AppendError::maybe_written("the commit failed; read the log to find out")
                });
                return false;
            }
        },
        (changed, written) => {
            // Never committed, so never readable, even if the rollback fails.
            let reason = [changed.as_ref().err(), written.as_ref().err()]
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ");
            drop(transaction);
            tracing::error!(reason, "a transaction of the event log failed");
            finish(
                changed.unwrap_or_default(),
                Err(LogError::Unavailable(reason.clone())),
            );
            refuse(appends, || AppendError::not_written(reason.clone()));
            return false;
        }
    };
    raise(appended, total);
    let mut positions = positions.into_iter();
    for append in appends {
        let its = positions.by_ref().take(append.records.len()).collect();
        // A caller that has gone learns it from the log.
        let _ = append.answer.send(Ok(its));
    }
    true
}

/// Tells readers of appends that they have not seen yet.
pub(super) fn raise(appended: &watch::Sender<u64>, total: u64) {
    appended.send_if_modified(|known| {
        let grown = total > *known;
        *known = total.max(*known);
        grown
    });
}

/// Makes the changes, each for itself: one that fails is undone and told so, and
/// the others go on.
fn apply(
    transaction: &mut Transaction<'_>,
    changes: Vec<Box<dyn Change>>,
) -> rusqlite::Result<Vec<Box<dyn Change>>> {
    let mut applied = Vec::with_capacity(changes.len());
    for mut change in changes {
        let savepoint = transaction.savepoint()?;
        match change.apply(&savepoint) {
            Ok(()) => {
                savepoint.commit()?;
                applied.push(change);
            }
            Err(error) => {
                drop(savepoint);
                change.finish(Err(unavailable(error)));
            }
        }
    }
    Ok(applied)
}

#[derive(Clone, Copy)]
struct End {
    next: u64,
    last_append: i64,
}

/// Inserts the records at the ends of their partitions; one position for each.
fn insert(connection: &Connection, appends: &[Append]) -> rusqlite::Result<Vec<Position>> {
    let now = append_clock().as_millisecond();
    let mut ends: BTreeMap<(Topic, u32), End> = BTreeMap::new();
    let records = appends.iter().flat_map(|append| &append.records);
    let mut positions = Vec::new();
    for record in records {
        let at = (record.topic, record.partition);
        let mut end = match ends.get(&at) {
            Some(end) => *end,
            None => read_end(connection, at)?,
        };
        end.last_append = end.last_append.max(now);
        connection
            .prepare_cached(&format!(
                "INSERT INTO {} (record_offset, append_time, key, headers, value)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                schema::table(record.topic, record.partition)
            ))?
            .execute(params![
                to_sql(end.next),
                end.last_append,
                record.key.as_ref(),
                encode_headers(&record.headers),
                record.value.as_deref(),
            ])?;
        positions.push(Position {
            partition: record.partition,
            offset: end.next,
        });
        end.next += 1;
        ends.insert(at, end);
    }
    for ((topic, partition), end) in ends {
        connection
            .prepare_cached(
                "UPDATE partitions SET end_offset = ?3, last_append_time = ?4
                 WHERE topic = ?1 AND partition = ?2",
            )?
            .execute(params![
                topic.name(),
                partition,
                to_sql(end.next),
                end.last_append
            ])?;
    }
    Ok(positions)
}

fn read_end(connection: &Connection, (topic, partition): (Topic, u32)) -> rusqlite::Result<End> {
    connection
        .prepare_cached(
            "SELECT end_offset, last_append_time FROM partitions
             WHERE topic = ?1 AND partition = ?2",
        )?
        .query_row(params![topic.name(), partition], |row| {
            Ok(End {
                next: from_sql(row.get(0)?)?,
                last_append: row.get(1)?,
            })
        })
}

fn finish(changes: Vec<Box<dyn Change>>, committed: Result<(), LogError>) {
    for change in changes {
        change.finish(committed.clone());
    }
}

fn refuse(appends: Vec<Append>, error: impl Fn() -> AppendError) {
    for append in appends {
        let _ = append.answer.send(Err(error()));
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.changes.is_empty()
    }

    /// Answers everyone that nothing was written.
    fn refuse(self, reason: &str) {
        finish(self.changes, Err(LogError::Unavailable(reason.to_owned())));
        refuse(self.appends, || AppendError::not_written(reason));
    }
}
