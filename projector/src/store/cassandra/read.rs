//! Reading.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use domain::id::{CommandId, ComplexId, DeviceId, EventId};
use eventlog::Topic;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::super::generations::Followed;
use super::super::{
    AccessCursor, AccessQuery, AlarmQuery, HourQuery, ReadQuery, StatusCursor, StatusQuery,
    StoreError, Table, ViewReader,
};
use super::link::Connected;
use super::root::{Generation, Root};
use super::rows::{AccessValue, Device, offset, partition};
use super::{commands, hours, scan, search, sequences, spans};
use crate::views::alarms::Sent;
use crate::views::{
    AccessIdentity, AccessRow, AlarmRow, CommandRows, DeviceRow, DigestRow, EpochCount, HourCount,
    ObservationRow, ReadRow, RowWrite,
};

/// A store that is read here.
pub(crate) struct CassandraReader {
    from: From,
}

enum From {
    /// One generation.
    One(Arc<Generation>),
    /// The one that serves.
    Serving(Root, Followed),
}

impl CassandraReader {
    /// Of one generation.
    pub(super) fn new(views: Arc<Generation>) -> Self {
        Self {
            from: From::One(views),
        }
    }

    /// Of whichever generation serves.
    pub(super) fn following(root: Root) -> Self {
        Self {
            from: From::Serving(root, Followed::default()),
        }
    }

    async fn connected(&self) -> Result<&Connected, StoreError> {
        match &self.from {
            From::One(views) => views.link().await?.connected().await,
            From::Serving(root, followed) => {
                let generation = followed.now(root.says()).await?;
                root.link(generation).connected().await
            }
        }
    }
}

#[async_trait]
impl ViewReader for CassandraReader {
    async fn search(
        &self,
        query: &AccessQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AccessRow>, StoreError> {
        search::search(self.connected().await?, query, after, limit).await
    }

    async fn access(
        &self,
        complex: &ComplexId,
        event: EventId,
    ) -> Result<Option<AccessRow>, StoreError> {
        let connected = self.connected().await?;
        let statement = &connected.reads.access_by_event;
        let key = (complex.as_str(), event.0);
        let entries: Vec<(i64, String)> = connected.all("access_by_event", statement, key).await?;
        for (off, identity) in entries {
            let current = access(connected, complex.as_str(), &identity).await?;
            if let Some(current) = current.filter(|current| current.off == off) {
                return current.row(complex.as_str(), identity).map(Some);
            }
        }
        Ok(None)
    }

    async fn sent(&self, digests: &[DigestRow]) -> Result<Vec<Option<Sent>>, StoreError> {
        let connected = self.connected().await?;
        let looks = digests.iter().cloned();
        let looks = looks.map(|row| async move { commands::sent(connected, &row).await });
        futures::stream::iter(looks)
            .buffered(connected.requests)
            .try_collect()
            .await
    }

    async fn contested(
        &self,
        complex: &ComplexId,
        accesses: &[AccessIdentity],
    ) -> Result<HashSet<AccessIdentity>, StoreError> {
        let connected = self.connected().await?;
        let complex = complex.as_str();
        let looks = accesses.iter().cloned().map(|access| async move {
            let Some((partner, event)) = access.partner_event() else {
                return Ok(None);
            };
            let key = (complex, partner, event);
            let statement = &connected.reads.digests;
            let digests: Vec<(Vec<u8>, i64)> = connected.all("digests", statement, key).await?;
            Ok::<_, StoreError>((digests.len() > 1).then_some(access))
        });
        futures::stream::iter(looks)
            .buffer_unordered(connected.requests)
            .try_filter_map(|access| futures::future::ready(Ok(access)))
            .try_collect()
            .await
    }

    async fn alarms(
        &self,
        query: &AlarmQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        spans::alarms(self.connected().await?, query, after, limit).await
    }

    async fn reads(
        &self,
        query: &ReadQuery,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> Result<Vec<ReadRow>, StoreError> {
        spans::reads(self.connected().await?, query, after, limit).await
    }

    async fn observed(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, Vec<ObservationRow>>, StoreError> {
        commands::observed(self.connected().await?, complex, commands).await
    }

    async fn rulings(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        commands::rulings(self.connected().await?, complex, commands).await
    }

    async fn commands(
        &self,
        complex: &ComplexId,
        commands: &[CommandId],
    ) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
        commands::all(self.connected().await?, complex, commands).await
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        state(self.connected().await?, device.as_str()).await
    }

    async fn devices(&self, complex: &ComplexId) -> Result<Vec<DeviceRow>, StoreError> {
        let connected = self.connected().await?;
        let table = "devices_by_complex";
        let statement = &connected.reads.devices;
        let devices: Vec<(String,)> = connected.all(table, statement, (complex.as_str(),)).await?;
        let states = devices
            .into_iter()
            .map(|(device,)| async move { state(connected, &device).await });
        futures::stream::iter(states)
            .buffered(connected.requests)
            .try_filter_map(|state| futures::future::ready(Ok(state)))
            .try_collect()
            .await
    }

    async fn counts(
        &self,
        complex: &ComplexId,
        device: Option<&DeviceId>,
        from: Timestamp,
    ) -> Result<Vec<EpochCount>, StoreError> {
        sequences::counts(self.connected().await?, complex, device, from).await
    }

    async fn history(
        &self,
        query: &StatusQuery,
        after: Option<StatusCursor>,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, StoreError> {
        spans::history(self.connected().await?, query, after, limit).await
    }

    async fn hours(&self, query: &HourQuery, limit: usize) -> Result<Vec<HourCount>, StoreError> {
        hours::counts(self.connected().await?, query, limit).await
    }

    async fn progress(&self, topic: Topic, number: u32) -> Result<Option<u64>, StoreError> {
        let connected = self.connected().await?;
        let key = (topic.name(), partition(number)?);
        let next = connected
            .row::<(i64,)>("progress", &connected.reads.progress, key)
            .await?;
        next.map(|(next,)| offset("progress", next)).transpose()
    }

    async fn each(
        &self,
        table: Table,
        take: &mut (dyn FnMut(Vec<RowWrite>) + Send),
    ) -> Result<(), StoreError> {
        scan::each(self.connected().await?, table, take).await
    }
}

/// The access that an identity stands for.
pub(super) async fn access(
    connected: &Connected,
    complex: &str,
    identity: &str,
) -> Result<Option<AccessValue>, StoreError> {
    let statement = &connected.reads.access;
    let found = connected
        .row::<(AccessValue,)>("access", statement, (complex, identity))
        .await?;
    Ok(found.map(|(access,)| access))
}

async fn state(connected: &Connected, device: &str) -> Result<Option<DeviceRow>, StoreError> {
    let statement = &connected.reads.device;
    let found = connected
        .row::<Device>("device_states", statement, (device,))
        .await?;
    found.map(Device::row).transpose()
}
