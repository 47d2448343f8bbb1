//! The same rows into another file: bare INSERTs, with the same durability.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};

/// What is not rows of views.
const NOT_ROWS: [&str; 3] = ["heads", "halts", "progress"];

/// The rows of a file, in the order in which they came about.
pub(crate) struct Rows {
    /// Statements that make the tables.
    schema: Vec<String>,
    tables: Vec<Table>,
}

struct Table {
    insert: String,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// All that a projection has left.
    ///
    /// # Errors
    /// The file can't be read.
    pub(crate) fn read(from: &Path) -> Result<Self> {
        let file = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let schema = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid";
        let schema = file
            .prepare(schema)?
            .query_map((), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let names = "SELECT name FROM sqlite_master WHERE type = 'table'";
        let names: Vec<String> = file
            .prepare(names)?
            .query_map((), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let tables = names
            .iter()
            .filter(|name| !NOT_ROWS.contains(&name.as_str()));
        Ok(Self {
            schema,
            tables: tables
                .map(|name| Table::read(&file, name))
                .collect::<Result<_>>()?,
        })
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Writes them into a new file, in so many transactions.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn write(&self, into: &Path, transactions: usize) -> Result<Duration> {
        let mut file = Connection::open(into)?;
        file.pragma_update(None, "journal_mode", "wal")?;
        file.pragma_update(None, "synchronous", "full")?;
        for sql in &self.schema {
            file.execute_batch(sql)?;
        }
        let start = Instant::now();
        for number in 0..transactions {
            let transaction = file.transaction()?;
            for table in &self.tables {
                let count = table.rows.len();
                let part = number * count / transactions..(number + 1) * count / transactions;
                let mut insert = transaction.prepare_cached(&table.insert)?;
                for row in &table.rows[part] {
                    insert.execute(params_from_iter(row))?;
                }
            }
            transaction.commit()?;
        }
        Ok(start.elapsed())
    }
}

impl Table {
    fn read(file: &Connection, name: &str) -> Result<Self> {
        // Most tables say where the record of a row stands.
        let ordered = file.prepare(&format!("SELECT * FROM {name} ORDER BY off"));
        let mut select = match ordered {
            Ok(select) => select,
            Err(_) => file.prepare(&format!("SELECT * FROM {name}"))?,
        };
        let columns = select.column_count();
        let rows = select.query_map((), |row| (0..columns).map(|at| row.get(at)).collect())?;
        let places = vec!["?"; columns].join(", ");
        Ok(Self {
            insert: format!("INSERT INTO {name} VALUES ({places})"),
            rows: rows.collect::<Result<_, _>>()?,
        })
    }
}
