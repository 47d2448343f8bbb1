//! Whole tables, page by page.

use scylla::deserialize::row::DeserializeRow;
use scylla::response::PagingState;

use super::super::{StoreError, Table};
use super::hours::Hour;
use super::link::Connected;
use super::rows::{
    Access, AlarmFound, Claim, Completion, Device, Digest, Leaf, Observed, Read, Unreadable,
};
use super::sequences::Sequence;
use crate::views::RowWrite;

/// Gives all rows of a table.
pub(super) async fn each(
    connected: &Connected,
    table: Table,
    take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
) -> Result<(), StoreError> {
    let scan = Scan {
        connected,
        table,
        take,
    };
    match table {
        Table::Access => {
            let write = |row: Access| Ok(RowWrite::Access(Box::new(row.row()?)));
            scan.run(write).await
        }
        Table::Claims => scan.run(|row: Claim| row.row().map(RowWrite::Claim)).await,
        Table::Completions => {
            let write = |row: Completion| row.row().map(RowWrite::Completion);
            scan.run(write).await
        }
        Table::Digests => {
            scan.run(|row: Digest| row.row().map(RowWrite::Digest))
                .await
        }
        Table::Observations => {
            let write = |row: Observed| row.row().map(RowWrite::Observation);
            scan.run(write).await
        }
        Table::Alarms => {
            let write = |row: AlarmFound| Ok(RowWrite::Alarm(Box::new(row.row()?)));
            scan.run(write).await
        }
        Table::Hours => scan.run(|row: Hour| row.row().map(RowWrite::Hour)).await,
        Table::Reads => {
            let write = |row: Read| Ok(RowWrite::Read(Box::new(row.row()?)));
            scan.run(write).await
        }
        Table::Statuses => {
            scan.run(|row: Device| row.row().map(RowWrite::Status))
                .await
        }
        Table::Devices => {
            scan.run(|row: Device| row.row().map(RowWrite::Device))
                .await
        }
        Table::Leaves => scan.run(|row: Leaf| row.row().map(RowWrite::Leaf)).await,
        Table::Unreadable => {
            let write = |row: Unreadable| row.row().map(RowWrite::Unreadable);
            scan.run(write).await
        }
        Table::Sequences => {
            let write = |row: Sequence| row.row().map(RowWrite::Sequence);
            scan.run(write).await
        }
    }
}

struct Scan<'a> {
    connected: &'a Connected,
    table: Table,
    take: &'a mut (dyn FnMut(Vec<RowWrite>) + Send),
}

impl Scan<'_> {
    async fn run<R>(
        self,
        write: impl Fn(R) -> Result<RowWrite, StoreError> + Send + Sync,
    ) -> Result<(), StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata> + Send,
    {
        let (name, statement) = self.connected.reads.scans.of(self.table);
        let mut next = Some(PagingState::start());
        while let Some(from) = next {
            let (rows, after) = self.connected.page::<R>(name, statement, (), from).await?;
            let rows = rows.into_iter().map(&write);
            (self.take)(rows.collect::<Result<_, _>>()?);
            next = after;
        }
        Ok(())
    }
}
