//! `AuditService.WatchAccess`: accesses as they come, in the order of the log. The published log says
//! what comes next and in which order; a leaf is told once its rows are there, which is when the views'
//! progress is beyond its record. So nothing is passed over and nothing told twice, whatever is restarted
//! between two calls: a resume token is the index of the next leaf.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogReader, Position};
use authn::token::TokenError;
use domain::id::ComplexId;
use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use futures::Stream;
use jiff::Timestamp;
use prost::Message as _;
use proto::access::{AccessRecord, WatchAccessRequest, WatchAccessResponse};
use proto::events::Envelope;
use proto::events::envelope::Event;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::auth::{Auditor, Readable};
use super::call::Answer;
use super::logs::newest;
use super::reads::Look;
use super::status::Refusal;
use super::{Serving, parse, search};
use crate::views::{AccessRow, unreadable};

/// How often the log is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// After how long without anything new the watcher hears that nothing is new.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages that wait for a slow watcher; then the watch waits too.
const WAITING: usize = 16;

/// How long a watcher who takes nothing is waited for with the reason why the watch ends.
const LAST_WORD: Duration = Duration::from_secs(2);

/// What a watcher is sent.
pub(super) type Watching = Pin<Box<dyn Stream<Item = Result<WatchAccessResponse, Status>> + Send>>;

/// Begins to watch: where the token says, or with what comes next.
pub(super) async fn begin(
    serving: Arc<Serving>,
    auditor: Auditor,
    request: WatchAccessRequest,
) -> Result<Answer<Watching>, Refusal> {
    let complex: ComplexId = parse::id("complex_id", &request.complex_id)?;
    let readable = auditor.may_read(complex)?;
    let from = search::start(&serving, &request, &request.resume_token)?;
    let watches = Arc::clone(&serving.watches);
    let place = watches.try_acquire_owned().map_err(|_| Refusal::Busy)?;
    let log = parse::log_id(Topic::AccessEvents, readable.complex())?;
    let log = serving.logs.reader(log)?;
    let next = match from {
        Some(LeafCursor(next)) => next,
        None => size(newest(&log).await?.as_ref()),
    };
    let recorded = serving.reads.record(&readable, look("begins"), []).await?;
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let watch = Watch {
        expires_at: auditor.expires_at(),
        serving,
        readable,
        log,
        request,
        next,
        sender,
        _place: place,
    };
    tokio::spawn(watch.run());
    let sent = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let sent: Watching = Box::pin(sent);
    Ok(Answer::recorded(sent, recorded))
}

/// A place in a watch: the leaf that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafCursor(pub u64);

struct Watch {
    serving: Arc<Serving>,
    readable: Readable,
    expires_at: Timestamp,
    log: Arc<LogReader>,
    request: WatchAccessRequest,
    next: u64,
    sender: mpsc::Sender<Result<WatchAccessResponse, Status>>,
    _place: OwnedSemaphorePermit,
}

/// Waits for what ends a watch from outside: its access token, the process, its watcher.
async fn stopped(
    expires_at: Timestamp,
    shutdown: CancellationToken,
    sender: mpsc::Sender<Result<WatchAccessResponse, Status>>,
) -> End {
    let left = Duration::try_from(expires_at - Timestamp::now()).unwrap_or_default();
    tokio::select! {
        () = tokio::time::sleep(left) => End::Refused(TokenError::Expired.into()),
        () = shutdown.cancelled() => End::Refused(Refusal::Unavailable("SHUTTING_DOWN")),
        () = sender.closed() => End::Gone,
    }
}

/// Why a watch ends.
enum End {
    /// The watcher has gone.
    Gone,
    /// The watcher is told.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Watch {
    async fn run(mut self) {
        metrics::gauge!("projector_watches").increment(1);
        let stopped = stopped(
            self.expires_at,
            self.serving.shutdown.clone(),
            self.sender.clone(),
        );
        // Whatever it waits for, and be it a watcher that takes nothing.
        let end = tokio::select! {
            end = stopped => end,
            end = self.follow() => end,
        };
        if let End::Refused(refusal) = end {
            let last = self.sender.send(Err(refusal.into()));
            let _ = tokio::time::timeout(LAST_WORD, last).await;
        }
        // The log has it that the watch is over; the watcher needs nothing for that.
        let ended = self.serving.reads.record(&self.readable, look("ends"), []);
        let _ = ended.await;
        metrics::gauge!("projector_watches").decrement(1);
    }

    async fn follow(&mut self) -> End {
        let mut heard = Instant::now();
        loop {
            match self.catch_up().await {
                Ok(true) => heard = Instant::now(),
                Ok(false) if heard.elapsed() >= HEARTBEAT => {
                    heard = Instant::now();
                    if self.send(None, false).await.is_err() {
                        return End::Gone;
                    }
                }
                Ok(false) => {}
                Err(end) => return end,
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Tells all that is there; whether that was anything.
    async fn catch_up(&mut self) -> Result<bool, End> {
        let Some(checkpoint) = newest(&self.log).await? else {
            return Ok(false);
        };
        let mut told = false;
        while self.next < checkpoint.size() {
            let number = self.next / ENTRIES_PER_BUNDLE;
            let leaves = self.log.bundle(number).await?;
            let positions = self.log.positions(&checkpoint, number).await?;
            let positions = positions.ok_or(Refusal::Unavailable("POSITIONS_MISSING"))?;
            let ready = self.projected().await?;
            let first = number * ENTRIES_PER_BUNDLE;
            let skipped = usize::try_from(self.next - first).unwrap_or(usize::MAX);
            for (leaf, position) in leaves.iter().zip(&positions).skip(skipped) {
                if position.offset >= ready {
                    return Ok(told);
                }
                let found = self.about(leaf, *position).await?;
                self.next += 1;
                if let Some((row, update)) = found {
                    self.tell(row, update).await?;
                    told = true;
                }
            }
        }
        Ok(told)
    }

    /// The first offset of the complex's partition whose rows may not be there yet.
    async fn projected(&self) -> Result<u64, Refusal> {
        let key = self.readable.complex().as_str().as_bytes();
        let partition = partition_of(Topic::AccessEvents, key, self.serving.partitions);
        let next = self
            .serving
            .views
            .progress(Topic::AccessEvents, partition)
            .await?;
        Ok(next.unwrap_or(0))
    }

    /// The access that a leaf is, or whose outcome it may be; none of what is no access of its own, such
    /// as an event that was sent again.
    async fn about(
        &self,
        leaf: &[u8],
        position: Position,
    ) -> Result<Option<(AccessRow, bool)>, Refusal> {
        let (views, complex) = (&self.serving.views, self.readable.complex());
        let envelope = Envelope::decode(leaf).unwrap_or_default();
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
            offset: position.offset,
        };
        let unreadable = unreadable::event_id_at(Topic::AccessEvents, place);
        for event in envelope.event_id.parse().into_iter().chain([unreadable]) {
            let row = views.access(complex, event).await?;
            let row = row.filter(|row| row.record.leaf_index == self.next);
            if let Some(row) = row {
                return Ok(Some((row, false)));
            }
        }
        Ok(None)
    }

    async fn tell(&self, row: AccessRow, update: bool) -> Result<(), End> {
        let told = search::tell(&self.serving, &self.readable, vec![row]).await?;
        let record = told.into_iter().next().ok_or(Refusal::Internal)?;
        let shown = search::subject(&record);
        let recorded = self.serving.reads.record(&self.readable, look(""), shown);
        recorded.await?;
        self.send(Some(record), update).await
    }

    async fn send(&self, record: Option<AccessRecord>, update: bool) -> Result<(), End> {
        let cursor = LeafCursor(self.next);
        let message = WatchAccessResponse {
            record,
            update,
            resume_token: self.serving.paging.seal(&self.request, cursor),
        };
        self.sender.send(Ok(message)).await.map_err(|_| End::Gone)
    }
}

fn look(object: &str) -> Look {
    Look {
        object: object.to_owned(),
        ..Look::at_all(ReadMethod::Watch)
    }
}

fn size(checkpoint: Option<&Checkpoint>) -> u64 {
    checkpoint.map_or(0, Checkpoint::size)
}
