//! More accesses in a SQLite file.

use std::path::Path;

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::More;

/// Rows of a transaction.
const TOGETHER: u64 = 50_000;

/// Adds so many accesses, made of those that are there.
pub(super) fn fill(file: &Path, rows: u64, told: impl Fn(u64)) -> Result<()> {
    let mut file = Connection::open(file)?;
    // Only for this connection: what is lost in a crash is a benchmark.
    file.pragma_update(None, "synchronous", "off")?;
    let columns = "complex, identity, off, event, time, occurred_at, subject, device, automation,
        command, record";
    let select = format!("SELECT {columns} FROM access LIMIT 4096");
    let models: Vec<Vec<Value>> = file
        .prepare(&select)?
        .query_map((), |row| (0..11).map(|at| row.get(at)).collect())?
        .collect::<Result<_, _>>()?;
    // An index that is made in one go is made in a fraction of the time.
    let indexes = "SELECT name, sql FROM sqlite_master
        WHERE type = 'index' AND tbl_name = 'access' AND sql IS NOT NULL";
    let indexes: Vec<(String, String)> = file
        .prepare(indexes)?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (name, _) in &indexes {
        file.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    let insert = format!("INSERT INTO access ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let mut from = 0;
    while from < rows {
        let until = rows.min(from + TOGETHER);
        let transaction = file.transaction()?;
        let mut statement = transaction.prepare_cached(&insert)?;
        for (number, model) in
            (from..until).zip(models.iter().cycle().skip(from as usize % models.len()))
        {
            let more = More::number(number);
            let mut row = model.clone();
            row[1] = format!("event/{}", more.event).into();
            row[2] = i64::try_from(more.offset)?.into();
            row[3] = more.event.to_string().into();
            row[4] = i64::try_from(more.occurred_at.as_nanosecond())?.into();
            row[5] = more.occurred_at.to_string().into();
            statement.execute(params_from_iter(row))?;
        }
        drop(statement);
        transaction.commit()?;
        from = until;
        told(from);
    }
    for (_, sql) in &indexes {
        file.execute_batch(sql)?;
    }
    // Else whoever writes next, and waits for the disk, waits for all of this.
    file.pragma_update(None, "synchronous", "full")?;
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
