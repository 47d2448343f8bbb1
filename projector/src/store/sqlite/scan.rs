//! Whole tables, some rows at a time.

use rusqlite::{Connection, Row};
use tokio::sync::mpsc;

use super::super::{StoreError, Table};
use super::decode;
use super::read::SqliteReader;
use crate::views::RowWrite;

/// Rows that are given together.
const TOGETHER: usize = 1024;
/// So many times as many are read ahead.
const AHEAD: usize = 2;

/// Gives all rows of a table.
pub(super) async fn each(
    reader: &SqliteReader,
    table: Table,
    take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
) -> Result<(), StoreError> {
    let (parts, mut taken) = mpsc::channel(AHEAD);
    let reading = reader.run(move |connection| read(connection, table, &parts));
    let taking = async {
        while let Some(part) = taken.recv().await {
            take(part);
        }
    };
    let (read, ()) = tokio::join!(reading, taking);
    read
}

fn read(
    connection: &Connection,
    table: Table,
    parts: &mpsc::Sender<Vec<RowWrite>>,
) -> Result<(), StoreError> {
    let (name, columns) = named(table);
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM {name}"))?;
    let mut rows = statement.query(())?;
    let mut part = Vec::new();
    while let Some(found) = rows.next()? {
        part.push(row(table, found)?);
        if part.len() == TOGETHER && parts.blocking_send(std::mem::take(&mut part)).is_err() {
            return Ok(());
        }
    }
    // Whoever doesn't wait for it has no use for it.
    let _ = parts.blocking_send(part);
    Ok(())
}

/// A table's name, and the columns that [`row`] reads.
fn named(table: Table) -> (&'static str, &'static str) {
    match table {
        Table::Access => ("access", decode::ACCESS),
        Table::Claims => ("claims", decode::CLAIM),
        Table::Completions => ("completions", decode::COMPLETION),
        Table::Digests => ("digests", decode::DIGEST),
        Table::Observations => ("observations", decode::OBSERVATION),
        Table::Alarms => ("alarms", decode::ALARM),
        Table::Devices => ("devices", decode::DEVICE),
        Table::Statuses => ("statuses", decode::DEVICE),
        Table::Leaves => ("leaves", decode::LEAF),
        Table::Unreadable => ("unreadable", decode::UNREADABLE),
        Table::Sequences => ("sequences", decode::SEQUENCE),
        Table::Reads => ("reads", decode::READ),
        Table::Hours => ("hours", decode::HOUR),
    }
}

fn row(table: Table, row: &Row<'_>) -> Result<RowWrite, StoreError> {
    Ok(match table {
        Table::Access => RowWrite::Access(Box::new(decode::access(row)?)),
        Table::Claims => RowWrite::Claim(decode::claim(row)?),
        Table::Completions => RowWrite::Completion(decode::completion(row)?),
        Table::Digests => RowWrite::Digest(decode::digest(row)?),
        Table::Observations => RowWrite::Observation(decode::observation(row)?),
        Table::Alarms => RowWrite::Alarm(Box::new(decode::alarm(row)?)),
        Table::Devices => RowWrite::Device(decode::device(row)?),
        Table::Statuses => RowWrite::Status(decode::device(row)?),
        Table::Leaves => RowWrite::Leaf(decode::leaf(row)?),
        Table::Unreadable => RowWrite::Unreadable(decode::unreadable(row)?),
        Table::Sequences => RowWrite::Sequence(decode::sequence(row)?),
        Table::Reads => RowWrite::Read(Box::new(decode::read(row)?)),
        Table::Hours => RowWrite::Hour(decode::hour(row)?),
    })
}
