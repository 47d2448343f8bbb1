//! `AuditService.WatchAccess`: accesses as they come, and what becomes of their commands.

use std::sync::Arc;

use domain::id::ComplexId;
use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use prost::Message as _;
use proto::access::{AccessRecord, WatchAccessRequest, WatchAccessResponse};
use proto::events::Envelope;
use proto::events::envelope::Event;
use tokio::time::Instant;

use super::leaves::{Leaf, Leaves};
use super::{End, HEARTBEAT, Outlet, Watch, Watching, look};
use crate::serve::auth::{Auditor, Readable};
use crate::serve::call::Answer;
use crate::serve::reads::Look;
use crate::serve::status::Refusal;
use crate::serve::{Serving, parse, search};
use crate::views::{AccessRow, unreadable};

impl Serving {
    /// Begins to watch: where the token says, or with what comes next.
    pub(in crate::serve) async fn watch_access(
        self: &Arc<Self>,
        auditor: &Auditor,
        request: WatchAccessRequest,
    ) -> Result<Answer<Watching<WatchAccessResponse>>, Refusal> {
        let complex: ComplexId = parse::id("complex_id", &request.complex_id)?;
        let readable = Arc::new(auditor.may_read(complex)?);
        let from = search::start(self, &request, &request.resume_token)?;
        let watch = Watch::of(self, &readable, auditor, look("ACCESS", &[]))?;
        let follow = Follow {
            leaves: Leaves::from(self, readable.complex(), from).await?,
            serving: Arc::clone(self),
            readable,
            request,
        };
        watch.begin(|outlet| follow.run(outlet)).await
    }
}

struct Follow {
    serving: Arc<Serving>,
    readable: Arc<Readable>,
    request: WatchAccessRequest,
    leaves: Leaves,
}

impl Follow {
    async fn run(mut self, outlet: Arc<Outlet<WatchAccessResponse>>) -> Result<(), End> {
        let mut heard = Instant::now();
        loop {
            let (record, update) = match self.leaves.next(heard + HEARTBEAT).await? {
                Some(leaf) => match self.about(&leaf).await? {
                    Some((row, update)) => (Some(self.told(row).await?), update),
                    None => continue,
                },
                None => (None, false),
            };
            let place = self.leaves.place();
            let message = WatchAccessResponse {
                record,
                update,
                resume_token: self.serving.paging.seal(&self.request, place),
            };
            outlet.send(message).await?;
            heard = Instant::now();
        }
    }

    /// The access that a leaf is, or whose outcome it may be; none of what is no access of its own, such
    /// as an event that was sent again.
    async fn about(&self, leaf: &Leaf) -> Result<Option<(AccessRow, bool)>, Refusal> {
        let (views, complex) = (&self.serving.views, self.readable.complex());
        let envelope = Envelope::decode(leaf.bytes.clone()).unwrap_or_default();
        if let Some(Event::CommandCompleted(completed)) = envelope.event {
            let Ok(command) = completed.command_id.parse() else {
                return Ok(None);
            };
            let rows = views.commands(complex, &[command]).await?;
            let winner = rows.get(&command).and_then(|rows| rows.effective());
            let Some(winner) = winner else {
                return Ok(None);
            };
            let row = views.access(complex, winner.event).await?;
            return Ok(row.map(|row| (row, true)));
        }
        let key = complex.as_str().as_bytes();
        let place = eventlog::Position {
            partition: partition_of(Topic::AccessEvents, key, self.serving.partitions),
            offset: leaf.offset,
        };
        let unreadable = unreadable::event_id_at(Topic::AccessEvents, place);
        for event in envelope.event_id.parse().into_iter().chain([unreadable]) {
            let row = views.access(complex, event).await?;
            let row = row.filter(|row| row.record.leaf_index == leaf.index);
            if let Some(row) = row {
                return Ok(Some((row, false)));
            }
        }
        Ok(None)
    }

    /// An access as it is told, once it is recorded that it is.
    async fn told(&self, row: AccessRow) -> Result<AccessRecord, Refusal> {
        let told = search::tell(&self.serving, &self.readable, vec![row]).await?;
        let record = told.into_iter().next().ok_or(Refusal::Internal)?;
        let shown = search::subject(&record);
        let look = Look::at_all(ReadMethod::Watch);
        let recorded = self.serving.reads.record(&self.readable, look, shown);
        recorded.await?;
        Ok(record)
    }
}
