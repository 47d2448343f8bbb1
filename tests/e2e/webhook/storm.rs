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
        let tally = Arc::clone(&self.tally);
        let enough = count(&tally.taken) + more;
        move || std::future::ready(count(&tally.taken) >= enough)
    }

    /// Holds once so many attempts have been refused with 503, and none taken since the first of them.
    pub(crate) fn stands_still(&self, attempts: usize) -> impl FnMut() -> std::future::Ready<bool> {
        let tally = Arc::clone(&self.tally);
        let mut since = None;
        move || {
            let (taken, refused) = (count(&tally.taken), count(&tally.refused));
            match since {
                Some((at, before)) if at == taken => {
                    return std::future::ready(refused >= before + attempts);
                }
                _ => since = Some((taken, refused)),
            }
            std::future::ready(false)
        }
    }

    /// Attempts that came to a process which then died, so far.
    pub(crate) fn cut(&self) -> usize {
        count(&self.tally.cut)
    }

    /// Each device brings its last message to an end. What was sent, and what was told.
    pub(crate) async fn stop(mut self) -> Result<Book> {
        self.tally.stop.store(true, Ordering::Relaxed);
        let mut book = Book::default();
        while let Some(ended) = self.streams.join_next().await {
            book.join(ended??);
        }
        book.forged = self.forger.await??;
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

fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::Relaxed)
}
