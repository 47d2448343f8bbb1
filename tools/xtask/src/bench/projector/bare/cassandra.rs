//! The same rows into another keyspace: the driver's prepared INSERTs, so many at once; row by row, or
//! with those of a partition together in unlogged batches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use scylla::client::session::Session;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset, Row};
use tokio::task::JoinSet;

use crate::bench::projector::records::mixed;

/// Rows of a partition that are sent together, at most.
const TOGETHER: usize = 64;
/// Requests at once; the default of `views.cassandra.requests`.
const REQUESTS: usize = 256;
/// Tasks that share them: one would be the limit itself.
const TASKS: usize = 4;
/// What is not rows of views: written by compare-and-set, or a line a partition.
const NOT_ROWS: [&str; 4] = ["heads", "halts", "progress", "schema_version"];

type Values = Vec<MaybeUnset<CqlValue>>;
/// The rows of one request, with their statement.
type Sent = (Arc<PreparedStatement>, Vec<Values>);

/// The rows of a keyspace.
pub(crate) struct Rows {
    session: Arc<Session>,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    columns: Vec<String>,
    /// Which of these tell the partition.
    partition: Vec<usize>,
    /// In the order in which they came about, where they say so.
    rows: Vec<Values>,
}

/// How rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// A request for each.
    Singly,
    /// A request for those of a partition, out of as many rows as so many parts of the log leave.
    Together(usize),
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
    pub(crate) async fn write(&self, keyspace: &str, sending: Sending) -> Result<Duration> {
        let mut all = Vec::with_capacity(self.count());
        for table in &self.tables {
            let insert = Arc::new(self.session.prepare(table.insert(keyspace)).await?);
            let groups = table.groups(sending).into_iter();
            let moved = |rows: Vec<&Values>| rows.iter().map(|row| moved(row, keyspace)).collect();
            all.extend(groups.map(|rows| (Arc::clone(&insert), moved(rows))));
        }
        // As they come about: those of one table are not all at once.
        let mut order: Vec<(u64, Sent)> = (0..).map(mixed).zip(all).collect();
        order.sort_by_key(|(place, _)| *place);
        let mut parts: Vec<Vec<_>> = (0..TASKS).map(|_| Vec::new()).collect();
        for (number, (_, rows)) in order.into_iter().enumerate() {
            if let Some(part) = parts.get_mut(number % TASKS) {
                part.push(rows);
            }
        }
        let start = Instant::now();
        let mut writing = JoinSet::new();
        for part in parts {
            let session = Arc::clone(&self.session);
            writing.spawn(async move {
                let writes = part.into_iter().map(|(insert, rows)| {
                    let session = Arc::clone(&session);
                    async move { send(&session, &insert, rows).await }
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

async fn send(session: &Session, insert: &PreparedStatement, mut rows: Vec<Values>) -> Result<()> {
    match rows.pop() {
        Some(row) if rows.is_empty() => _ = session.execute_unpaged(insert, row).await?,
        Some(row) => {
            rows.push(row);
            let statements = vec![insert.clone().into(); rows.len()];
            let batch = Batch::new_with_statements(BatchType::Unlogged, statements);
            session.batch(&batch, rows).await?;
        }
        None => {}
    }
    Ok(())
}

impl Table {
    async fn read(session: &Session, keyspace: &str, name: String) -> Result<Self> {
        let columns = "SELECT column_name, kind FROM system_schema.columns
            WHERE keyspace_name = ? AND table_name = ?";
        let key = (keyspace, name.as_str());
        let columns = session
            .query_unpaged(columns, key)
            .await?
            .into_rows_result()?;
        let columns = columns.rows::<(String, String)>()?;
        let (columns, kinds): (Vec<String>, Vec<String>) =
            columns.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let partition = (0..)
            .zip(&kinds)
            .filter(|(_, kind)| *kind == "partition_key");
        let partition = partition.map(|(at, _)| at).collect();
        let select = format!("SELECT {} FROM {keyspace}.{name}", columns.join(", "));
        let found = session.query_iter(select, ()).await?;
        let found = found.rows_stream::<Row>()?;
        let mut rows: Vec<Row> = found.try_collect().await.context("read rows")?;
        if let Some(at) = columns.iter().position(|column| column == "off") {
            rows.sort_by_key(|row| row.columns.get(at)?.as_ref()?.as_bigint());
        }
        let values = |row: Row| row.columns.into_iter().map(MaybeUnset::from_option);
        Ok(Self {
            name,
            columns,
            partition,
            rows: rows.into_iter().map(|row| values(row).collect()).collect(),
        })
    }

    /// What is sent in one request each.
    fn groups(&self, sending: Sending) -> Vec<Vec<&Values>> {
        let parts = match sending {
            Sending::Singly => return self.rows.iter().map(|row| vec![row]).collect(),
            Sending::Together(parts) => parts,
        };
        let mut groups = Vec::new();
        for part in self.rows.chunks(self.rows.len().div_ceil(parts).max(1)) {
            let mut partitions = BTreeMap::<String, Vec<&Values>>::new();
            for row in part {
                let key: Vec<_> = self.partition.iter().map(|at| row.get(*at)).collect();
                partitions.entry(format!("{key:?}")).or_default().push(row);
            }
            let partitions = partitions.into_values();
            groups.extend(partitions.flat_map(|rows| {
                let rows = rows.chunks(TOGETHER).map(<[_]>::to_vec);
                rows.collect::<Vec<_>>()
            }));
        }
        groups
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
