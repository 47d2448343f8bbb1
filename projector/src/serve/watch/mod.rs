//! Watches: what comes is told until the access token ends. Whatever a watch waits for, its token ends it, a
//! watcher who takes nothing too. All watches of one place share one look at it ([`feed`]); each follows
//! it at its own pace, so that a slow watcher delays nobody, and goes on from a resume token.

mod accesses;
mod alarms;
mod devices;
mod feed;
mod leaves;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use authn::token::TokenError;
use domain::vocabulary::ReadMethod;
use futures::Stream;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Serving;
use super::auth::{Auditor, Readable};
use super::call::Answer;
use super::reads::Look;
use super::status::Refusal;

pub(super) use devices::Devices;
pub use devices::{DeviceCursor, Limits};
pub(super) use feed::Feeds;
pub(super) use leaves::Head;
pub use leaves::LeafCursor;

/// After how long without anything new the watcher hears that nothing is new.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Messages that wait for a slow watcher; then the watch waits too.
const WAITING: usize = 16;
/// How long a watcher who takes nothing is waited for with the reason why the watch ends.
const LAST_WORD: Duration = Duration::from_secs(2);

/// What a watcher is sent.
pub(super) type Watching<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What all watches have: a place among them, an end, a record of both.
struct Watch {
    serving: Arc<Serving>,
    readable: Arc<Readable>,
    expires_at: Timestamp,
    look: Look,
    place: OwnedSemaphorePermit,
}

/// Takes messages to the watcher.
struct Outlet<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Outlet<T> {
    async fn send(&self, message: T) -> Result<(), End> {
        self.0.send(Ok(message)).await.map_err(|_| End::Gone)
    }
}

/// Why a watch ends.
enum End {
    /// The watcher has gone.
    Gone,
    /// The watcher is told.
    Told(Status),
}

impl<E: Into<Refusal>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Told(error.into().into())
    }
}

/// What a watch asks for, as it is recorded when it begins and ends: `of` names what is watched.
fn look(of: &str, further: &[String]) -> Look {
    let words = [format!("watch={of}")].into_iter();
    let words: Vec<String> = words.chain(further.iter().cloned()).collect();
    Look {
        further: words.join(" "),
        ..Look::at_all(ReadMethod::Watch)
    }
}

impl Watch {
    /// Takes a place.
    fn of(
        serving: &Arc<Serving>,
        readable: &Arc<Readable>,
        auditor: &Auditor,
        look: Look,
    ) -> Result<Self, Refusal> {
        let watches = Arc::clone(&serving.watches);
        Ok(Self {
            place: watches.try_acquire_owned().map_err(|_| Refusal::Busy)?,
            serving: Arc::clone(serving),
            readable: Arc::clone(readable),
            expires_at: auditor.expires_at(),
            look,
        })
    }

    /// Begins, once that is recorded; `follow` tells what comes until it can't.
    async fn begin<T: Send + 'static, F>(
        self,
        follow: impl FnOnce(Outlet<T>) -> F,
    ) -> Result<Answer<Watching<T>>, Refusal>
    where
        F: Future<Output = Result<(), End>> + Send + 'static,
    {
        let reads = &self.serving.reads;
        let recorded = reads.record(&self.readable, self.moment("begins"), []);
        let recorded = recorded.await?;
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let follow = follow(Outlet(sender.clone()));
        tokio::spawn(self.run(sender, follow));
        let sent = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
        let sent: Watching<T> = Box::pin(sent);
        Ok(Answer::recorded(sent, recorded))
    }

    fn moment(&self, object: &str) -> Look {
        Look {
            object: object.to_owned(),
            ..self.look.clone()
        }
    }

    async fn run<T>(
        self,
        sender: mpsc::Sender<Result<T, Status>>,
        follow: impl Future<Output = Result<(), End>>,
    ) {
        metrics::gauge!("projector_watches").increment(1);
        let stopped = stopped(self.expires_at, &self.serving.shutdown, &sender);
        let end = tokio::select! {
            end = stopped => end,
            followed = follow => followed.err().unwrap_or(End::Gone),
        };
        if let End::Told(status) = end {
            let last = sender.send(Err(status));
            let _ = tokio::time::timeout(LAST_WORD, last).await;
        }
        // The log has it that the watch is over; the watcher needs nothing for that.
        let reads = &self.serving.reads;
        let ended = reads.record(&self.readable, self.moment("ends"), []);
        let _ = ended.await;
        metrics::gauge!("projector_watches").decrement(1);
        drop(self.place);
    }
}

/// Waits for what ends a watch from outside: its access token, the process, its watcher.
async fn stopped<T>(
    expires_at: Timestamp,
    shutdown: &CancellationToken,
    sender: &mpsc::Sender<Result<T, Status>>,
) -> End {
    let left = Duration::try_from(expires_at - Timestamp::now()).unwrap_or_default();
    tokio::select! {
        () = tokio::time::sleep(left) => TokenError::Expired.into(),
        () = shutdown.cancelled() => Refusal::Unavailable("SHUTTING_DOWN").into(),
        () = sender.closed() => End::Gone,
    }
}
