//! Removing the rows of pruned records.
//!
//! Tables are gone through whole, partition after partition: what is gone is found wherever it stands,
//! also what an earlier run has left. A deletion has the timestamp of what it deletes, and of two of the
//! same the deletion wins: so it wins over the same row written late, and over nothing that is newer.

use auditlog::LogId;
use domain::id::DeviceId;
use eventlog::Topic;
use futures::{StreamExt as _, TryStreamExt as _};
use scylla::response::PagingState;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, Row};

use super::super::{Gone, Removed, StoreError, names};
use super::link::Connected;
use super::position::{first_wins, last_wins};
use super::removable::{Kept, Table};
use super::rows::{self, parse};
use super::statements::prepare;

/// Rows of one partition that are deleted together, at most.
const TOGETHER: usize = 64;

/// A table, and what is done with it.
struct Removing<'a> {
    connected: &'a Connected,
    table: &'a Table,
    row: PreparedStatement,
    partition: PreparedStatement,
    bucket: Option<PreparedStatement>,
    gone: &'a Gone,
    apply: bool,
    removed: u64,
}

/// A partition, as far as it was read.
#[derive(Default)]
struct Partition {
    key: Vec<CqlValue>,
    /// The rows that are gone: what stands behind the partition's key in theirs, and their offsets.
    gone: Vec<(Vec<CqlValue>, u64)>,
    /// Whether it has others.
    kept: bool,
    /// Of some of its rows, the complex.
    complex: Option<CqlValue>,
}

/// Removes, or only counts, in one table.
pub(super) async fn remove(
    connected: &Connected,
    table: &Table,
    gone: &Gone,
    apply: bool,
) -> Result<Removed, StoreError> {
    let session = connected.session();
    let bucket = match table.bucket_deletion() {
        Some(cql) => Some(prepare(session, &cql).await?),
        None => None,
    };
    let mut removing = Removing {
        connected,
        table,
        row: prepare(session, &table.row_deletion()).await?,
        partition: prepare(session, &table.partition_deletion()).await?,
        bucket,
        gone,
        apply,
        removed: 0,
    };
    let scan = prepare(session, &table.scan()).await?;
    let (mut next, mut partition) = (Some(PagingState::start()), Partition::default());
    while let Some(from) = next {
        let (rows, after) = connected.page::<Row>(table.name, &scan, (), from).await?;
        next = after;
        let mut whole = Vec::new();
        for row in rows {
            let read = removing.read(row)?;
            if read.key != partition.key {
                whole.push(std::mem::replace(
                    &mut partition,
                    Partition {
                        key: read.key,
                        ..Partition::default()
                    },
                ));
            }
            match read.offset {
                Some(offset) => partition.gone.push((read.rest, offset)),
                None => partition.kept = true,
            }
            partition.complex = read.complex;
        }
        removing.all(whole).await?;
    }
    removing.all(vec![partition]).await?;
    let counted = (removing.removed > 0).then_some((table.name, removing.removed));
    Ok(counted.into_iter().collect())
}

/// A row that was read.
struct Read {
    key: Vec<CqlValue>,
    rest: Vec<CqlValue>,
    /// Its offset, where it is gone.
    offset: Option<u64>,
    complex: Option<CqlValue>,
}

impl Removing<'_> {
    /// A row: partition key, clustering columns, offset, and what says the log.
    fn read(&self, row: Row) -> Result<Read, StoreError> {
        let table = self.table.name;
        let corrupt = || StoreError::Corrupt { table };
        let mut columns = row.columns.into_iter();
        let mut taken = |count: usize| {
            let taken: Option<Vec<CqlValue>> = columns.by_ref().take(count).collect();
            taken.ok_or_else(corrupt)
        };
        let (key, rest) = (
            taken(self.table.partition.len())?,
            taken(self.table.clustering.len())?,
        );
        let offset = columns.next().flatten().and_then(|off| off.as_bigint());
        let offset = offset.map(|off| rows::offset(table, off)).transpose()?;
        let says: Vec<Option<CqlValue>> = columns.collect();
        let text = |at: usize| {
            let said: Option<&CqlValue> = says.get(at)?.as_ref();
            said?.as_text().map(String::as_str)
        };
        let log = match self.table.topic {
            Some(topic) => self.complex(text(0).ok_or_else(corrupt)?, topic)?,
            None => {
                let topic = text(0).ok_or_else(corrupt)?;
                let part = says.get(2).and_then(|part| part.as_ref()?.as_int());
                match (text(1), part) {
                    (Some(complex), _) => names::log(table, topic, complex)?,
                    (None, Some(part)) => {
                        let part = u32::try_from(part).map_err(|_| corrupt())?;
                        LogId::unkeyed(topic, part).map_err(|_| corrupt())?
                    }
                    (None, None) => return Err(corrupt()),
                }
            }
        };
        let offset = offset.filter(|offset| self.gone.has(&log, *offset));
        Ok(Read {
            key,
            rest,
            offset,
            complex: Some(CqlValue::Text(log.complex().to_owned())),
        })
    }

    /// The log of a complex, or of a device's.
    fn complex(&self, named: &str, topic: Topic) -> Result<LogId, StoreError> {
        let table = self.table.name;
        if self.table.kept != Kept::Number {
            return names::log(table, topic.name(), named);
        }
        let device: DeviceId = parse(table, named)?;
        names::log(table, topic.name(), device.complex().as_str())
    }

    async fn all(&mut self, partitions: Vec<Partition>) -> Result<(), StoreError> {
        let partitions: Vec<Partition> = partitions
            .into_iter()
            .filter(|partition| !partition.gone.is_empty())
            .collect();
        self.removed += partitions.iter().map(|p| p.gone.len() as u64).sum::<u64>();
        if !self.apply {
            return Ok(());
        }
        let this = &*self;
        let requests = partitions
            .into_iter()
            .map(|partition| async move { this.delete(&partition).await });
        futures::stream::iter(requests)
            .buffer_unordered(this.connected.requests)
            .try_collect()
            .await
    }

    /// The row that says that there is the partition goes first: cut short, the next run finds the rows.
    async fn delete(&self, partition: &Partition) -> Result<(), StoreError> {
        let newest = partition.gone.iter().map(|(_, offset)| *offset).max();
        let Some(newest) = newest else { return Ok(()) };
        let at = CqlValue::BigInt(last_wins(newest)?);
        if !partition.kept
            && let Some(bucket) = &self.bucket
        {
            let mut values = vec![at.clone()];
            if self.table.kept == Kept::Number {
                values.extend(partition.complex.clone());
            }
            values.extend(partition.key.iter().cloned());
            self.connected.run(bucket, values).await?;
        }
        // A row that may come yet stands at a later offset, and so is newer than this.
        if !partition.kept && self.table.kept == Kept::Last {
            let values: Vec<CqlValue> = [at].into_iter().chain(partition.key.clone()).collect();
            return self.connected.run(&self.partition, values).await;
        }
        for rows in partition.gone.chunks(TOGETHER) {
            let values = rows.iter().map(|(rest, offset)| {
                let at = match self.table.kept {
                    Kept::Last => last_wins(*offset)?,
                    Kept::First | Kept::Number => first_wins(*offset)?,
                };
                let key = partition.key.iter().chain(rest).cloned();
                Ok([CqlValue::BigInt(at)].into_iter().chain(key).collect())
            });
            let values: Vec<Vec<CqlValue>> = values.collect::<Result<_, StoreError>>()?;
            let statements = vec![self.row.clone().into(); values.len()];
            let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
            batch.set_is_idempotent(true);
            self.connected.run_batch(&batch, values).await?;
        }
        Ok(())
    }
}
