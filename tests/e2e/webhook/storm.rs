//! A partner that sends from all its devices at once, whatever becomes of the gateway and the log:
//! each message again and again until it is taken, some of them once more afterwards. What it sent and
//! was told is what the log and the views are held against.

mod book;
mod evidence;
mod foreign;
mod shown;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Result;
use harness::fixtures::DEVICES;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) use self::book::Book;
pub(crate) use self::evidence::Evidence;
pub(crate) use self::shown::everything_once;
use self::stream::Stream;
use crate::support::Scene;
use crate::support::sender::Sender;

/// What happens to messages, counted while they are sent.
#[derive(Default)]
pub(super) struct Tally {
    stop: AtomicBool,
    /// Taken: answered 200.
    pub(super) taken: AtomicUsize,
    /// Answered 503 or 429.
    pub(super) refused: AtomicUsize,
    /// No answer came to what was sent.
    pub(super) cut: AtomicUsize,
    /// Nobody listened.
    pub(super) unheard: AtomicUsize,
    /// Forgeries that were refused as such.
    pub(super) forgeries: AtomicUsize,
}

impl Tally {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, what: &AtomicUsize) {
        what.fetch_add(1, Ordering::Relaxed);
    }
}

/// The partner at work, until it is stopped.
pub(crate) struct Storm {
    tally: Arc<Tally>,
    streams: JoinSet<Result<Book>>,
    forger: JoinHandle<Result<Vec<String>>>,
}

impl Storm {
    /// Every device of the fixtures begins to send.
    pub(crate) fn start(scene: &Scene) -> Result<Self> {
        let (site, tally) = (scene.site(), Arc::new(Tally::default()));
        let sender = || Sender::new(site, &site.certificates.partner);
        let mut streams = JoinSet::new();
        for device in DEVICES {
            let stream = Stream::new(device.id, sender()?, Arc::clone(&tally));
            streams.spawn(stream.run());
        }
        let forger = tokio::spawn(foreign::forge(sender()?, Arc::clone(&tally)));
        Ok(Self {
            tally,
            streams,
            forger,
        })
    }

    /// Holds once so many more messages have been taken.
    pub(crate) fn more_taken(&self, more: usize) -> impl FnMut() -> std::future::Ready<bool> {
        self.more(more, |tally| &tally.taken)
    }

    /// Holds once so many more attempts have been refused with 503.
    pub(crate) fn more_refused(&self, more: usize) -> impl FnMut() -> std::future::Ready<bool> {
        self.more(more, |tally| &tally.refused)
    }

    /// Messages that have been taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.tally.taken.load(Ordering::Relaxed)
    }

    /// Attempts that came to a process which then died, so far.
    pub(crate) fn cut(&self) -> usize {
        self.tally.cut.load(Ordering::Relaxed)
    }

    fn more(
        &self,
        more: usize,
        of: fn(&Tally) -> &AtomicUsize,
    ) -> impl FnMut() -> std::future::Ready<bool> {
        let tally = Arc::clone(&self.tally);
        let enough = of(&tally).load(Ordering::Relaxed) + more;
        move || std::future::ready(of(&tally).load(Ordering::Relaxed) >= enough)
    }

    /// Each device brings its last message to an end. What was sent, and what was told.
    pub(crate) async fn stop(mut self) -> Result<Book> {
        self.tally.stop.store(true, Ordering::Relaxed);
        let mut book = Book::default();
        while let Some(ended) = self.streams.join_next().await {
            book.join(ended??);
        }
        book.forged = self.forger.await??;
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        eprintln!(
            "{} events; messages: {} taken, {} refused, {} cut off, {} unheard, {} forged",
            book.sent.len(),
            count(&self.tally.taken),
            count(&self.tally.refused),
            count(&self.tally.cut),
            count(&self.tally.unheard),
            count(&self.tally.forgeries),
        );
        Ok(book)
    }
}
