//! Watches: what comes is told until the access token ends. Whatever a watch waits for, its token ends it, a
//! watcher who takes nothing too. All watches of one place share one look at it (`feed.rs`); each follows
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
    until: Until,
    look: Look,
    place: OwnedSemaphorePermit,
}

/// Takes messages to whoever listens.
pub(super) struct Outlet<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Outlet<T> {
    pub(super) async fn send(&self, message: T) -> Result<(), End> {
        self.0.send(Ok(message)).await.map_err(|_| End::Gone)
    }
}

/// Both ends of a stream, in which so many messages wait for whoever is slow.
pub(super) fn stream<T: Send + 'static>(waiting: usize) -> (Outlet<T>, Watching<T>) {
    let (sender, mut receiver) = mpsc::channel(waiting);
    let sent = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    (Outlet(sender), Box::pin(sent))
}

/// Why a stream ends.
pub(super) enum End {
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
            until: Until {
                expires_at: auditor.expires_at(),
                time: None,
                shutdown: serving.shutdown.clone(),
            },
            look,
        })
    }

    /// Begins, once that is recorded; `follow` tells what comes until it can't.
    async fn begin<T: Send + 'static, F>(
        self,
        follow: impl FnOnce(Arc<Outlet<T>>) -> F,
    ) -> Result<Answer<Watching<T>>, Refusal>
    where
        F: Future<Output = Result<(), End>> + Send + 'static,
    {
        let reads = &self.serving.reads;
        let recorded = reads.record(&self.readable, self.moment("begins"), []);
        let recorded = recorded.await?;
        let (outlet, sent) = stream(WAITING);
        let outlet = Arc::new(outlet);
        let follow = follow(Arc::clone(&outlet));
        tokio::spawn(self.run(outlet, follow));
        Ok(Answer::recorded(sent, recorded))
    }

    fn moment(&self, object: &str) -> Look {
        Look {
            object: object.to_owned(),
            ..self.look.clone()
        }
    }

    async fn run<T>(self, outlet: Arc<Outlet<T>>, follow: impl Future<Output = Result<(), End>>) {
        metrics::gauge!("projector_watches").increment(1);
        self.until.work(&outlet, follow).await;
        // The log has it that the watch is over; the watcher needs nothing for that.
        let reads = &self.serving.reads;
        let ended = reads.record(&self.readable, self.moment("ends"), []);
        let _ = ended.await;
        metrics::gauge!("projector_watches").decrement(1);
        drop(self.place);
    }
}

/// What ends a stream from outside, besides that nobody listens any more.
pub(super) struct Until {
    /// When the access token ends.
    pub(super) expires_at: Timestamp,
    /// How long it may take.
    pub(super) time: Option<Duration>,
    pub(super) shutdown: CancellationToken,
}

impl Until {
    /// Works until that is done or has failed, or it is ended from outside, whatever the work waits for. Whoever
    /// listens is told why.
    pub(super) async fn work<T>(
        &self,
        outlet: &Outlet<T>,
        work: impl Future<Output = Result<(), End>>,
    ) {
        let end = tokio::select! {
            biased; // What is over is over, however far the work is.
            end = self.reached(outlet) => end,
            done = work => done.err().unwrap_or(End::Gone),
        };
        if let End::Told(status) = end {
            let last = outlet.0.send(Err(status));
            let _ = tokio::time::timeout(LAST_WORD, last).await;
        }
    }

    async fn reached<T>(&self, outlet: &Outlet<T>) -> End {
        let left = Duration::try_from(self.expires_at - Timestamp::now()).unwrap_or_default();
        let time = async {
            match self.time {
                // A timer's tick is long enough for some work.
                Some(Duration::ZERO) => {}
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(left) => TokenError::Expired.into(),
            () = self.shutdown.cancelled() => Refusal::Unavailable("SHUTTING_DOWN").into(),
            () = time => Refusal::Deadline.into(),
            () = outlet.0.closed() => End::Gone,
        }
    }
}
