//! The same rows into another keyspace: the driver's prepared INSERTs, so many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset, Row};
use tokio::task::JoinSet;

use crate::bench::projector::records::mixed;

/// Requests at once; the default of `views.cassandra.requests`.
const REQUESTS: usize = 256;
/// Tasks that share them: one would be the limit itself.
const TASKS: usize = 4;
/// What is not rows of views: written by compare-and-set, or a line a partition.
const NOT_ROWS: [&str; 4] = ["heads", "halts", "progress", "schema_version"];

type Values = Vec<MaybeUnset<CqlValue>>;

/// The rows of a keyspace.
pub(crate) struct Rows {
    session: Arc<Session>,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Values>,
}

impl Rows {
    /// All that a projection has left in a keyspace.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) async fn read(session: Session, keyspace: &str) -> Result<Self> {
        let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
        let names = session.query_unpaged(tables, (keyspace,)).await?;
        let names = names.into_rows_result()?;
        let mut tables = Vec::new();
        for name in names.rows::<(String,)>()? {
            let (name,) = name?;
            if !NOT_ROWS.contains(&name.as_str()) {
                tables.push(Table::read(&session, keyspace, name).await?);
            }
        }
        Ok(Self {
            session: Arc::new(session),
            tables,
        })
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum()
    }

    /// Writes them into another keyspace, which has the same tables and no rows.
    ///
    /// # Errors
    /// A row is not acknowledged.
    pub(crate) async fn write(&self, keyspace: &str) -> Result<Duration> {
        let mut all = Vec::with_capacity(self.count());
        for table in &self.tables {
            let insert = Arc::new(self.session.prepare(table.insert(keyspace)).await?);
            let rows = table.rows.iter().map(|row| moved(row, keyspace));
            all.extend(rows.map(|row| (Arc::clone(&insert), row)));
        }
        // As they come about: those of one table or partition are not all at once.
        let mut order: Vec<(u64, (Arc<PreparedStatement>, Values))> =
            (0..).map(mixed).zip(all).collect();
        order.sort_by_key(|(place, _)| *place);
        let mut parts: Vec<Vec<_>> = (0..TASKS).map(|_| Vec::new()).collect();
        for (number, (_, row)) in order.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(number % TASKS) {
                part.push(row);
            }
        }
        let start = Instant::now();
        let mut writing = JoinSet::new();
        for part in parts {
            let session = Arc::clone(&self.session);
            writing.spawn(async move {
                let writes = part.into_iter().map(|(insert, row)| {
                    let session = Arc::clone(&session);
                    async move { session.execute_unpaged(&insert, row).await.map(drop) }
                });
                let writes = futures::stream::iter(writes).buffer_unordered(REQUESTS / TASKS);
                writes.try_collect::<()>().await
            });
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        Ok(start.elapsed())
    }
}

impl Table {
    async fn read(session: &Session, keyspace: &str, name: String) -> Result<Self> {
        let columns = "SELECT column_name FROM system_schema.columns
            WHERE keyspace_name = ? AND table_name = ?";
        let columns = session
            .query_unpaged(columns, (keyspace, name.as_str()))
            .await?;
        let columns = columns.into_rows_result()?;
        let columns: Vec<String> = columns
            .rows::<(String,)>()?
            .map(|column| Ok(column?.0))
            .collect::<Result<_>>()?;
        let select = format!("SELECT {} FROM {keyspace}.{name}", columns.join(", "));
        let found = session.query_iter(select, ()).await?;
        let found = found.rows_stream::<Row>()?;
        let rows: Vec<Row> = found.try_collect().await.context("read rows")?;
        let values = |row: Row| row.columns.into_iter().map(MaybeUnset::from_option);
        Ok(Self {
            name,
            columns,
            rows: rows.into_iter().map(|row| values(row).collect()).collect(),
        })
    }

    fn insert(&self, keyspace: &str) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        let (name, columns) = (&self.name, self.columns.join(", "));
        format!("INSERT INTO {keyspace}.{name} ({columns}) VALUES ({places}) USING TIMESTAMP 1")
    }
}

/// A type of its own belongs to a keyspace.
fn moved(row: &Values, keyspace: &str) -> Values {
    let cell = |cell: &MaybeUnset<CqlValue>| match cell {
        MaybeUnset::Set(CqlValue::UserDefinedType { name, fields, .. }) => {
            MaybeUnset::Set(CqlValue::UserDefinedType {
                keyspace: keyspace.to_owned(),
                name: name.clone(),
                fields: fields.clone(),
            })
        }
        other => other.clone(),
    };
    row.iter().map(cell).collect()
}
