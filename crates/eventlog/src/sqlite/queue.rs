use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::prepare::Prepared;
use crate::{AppendError, LogError, Position};

/// What waits for the writer. Bounded; an append that is still here when its
/// caller gives up is taken back, and so is certainly not written.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    appends: VecDeque<Append>,
    /// How many records they have together.
    records: usize,
    changes: VecDeque<Box<dyn Change>>,
    next_ticket: u64,
    closed: bool,
}

/// How an append ended.
pub(super) type Outcome = Result<Vec<Position>, AppendError>;

/// Records on their way to the file: written in one transaction, all or none.
pub(super) struct Append {
    ticket: Ticket,
    pub(super) records: Vec<Prepared>,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// Names an append in the queue; grows along it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Another change of the file that shares the writer's transactions.
pub(super) trait Change: Send {
    /// Whether somebody still waits for it.
    fn is_wanted(&self) -> bool;
    /// Makes the change, inside the writer's transaction.
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Tells the one who waits how it ended.
    fn finish(self: Box<Self>, committed: Result<(), LogError>);
}

/// What the writer puts into one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    pub(super) changes: Vec<Box<dyn Change>>,
}

/// The most changes that wait; the members of groups in one process are few.
const MAX_CHANGES: usize = 1024;

/// The most records of one transaction, in number and in bytes; the last append may exceed both.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 8 << 20;

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            capacity,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an append, or refuses it at once if the queue is full.
    pub(super) fn push(
        &self,
        records: Vec<Prepared>,
    ) -> Result<(Ticket, oneshot::Receiver<Outcome>), AppendError> {
        let mut state = self.state();
        if state.records + records.len() > self.capacity {
            return Err(AppendError::not_written(
                "the queue of appends is full; slow down",
            ));
        }
        let ticket = Ticket(state.next_ticket);
        state.next_ticket += 1;
        state.records += records.len();
        let (answer, answered) = oneshot::channel();
        state.appends.push_back(Append {
            ticket,
            records,
            answer,
        });
        drop(state);
        self.filled.notify_one();
        Ok((ticket, answered))
    }

    /// Takes an append back. `false` if the writer already has it.
    pub(super) fn withdraw(&self, ticket: Ticket) -> bool {
        let mut state = self.state();
        let place = state
            .appends
            .binary_search_by_key(&ticket, |append| append.ticket);
        let withdrawn = place.ok().and_then(|place| state.appends.remove(place));
        let Some(withdrawn) = withdrawn else {
            return false;
        };
        state.records -= withdrawn.records.len();
        true
    }

    /// Queues a change, or refuses it at once if too many wait.
    pub(super) fn push_change(&self, change: Box<dyn Change>) -> Result<(), LogError> {
        let mut state = self.state();
        if state.changes.len() >= MAX_CHANGES {
            state.changes.retain(|change| change.is_wanted());
        }
        if state.changes.len() >= MAX_CHANGES {
            return Err(LogError::Unavailable("too many changes wait".to_owned()));
        }
        state.changes.push_back(change);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// How many records wait.
    pub(super) fn depth(&self) -> usize {
        self.state().records
    }

    /// Waits until there is something to write; `false` once the queue is closed
    /// and empty.
    pub(super) fn wait(&self) -> bool {
        let is_idle = |state: &mut State| {
            state.appends.is_empty() && state.changes.is_empty() && !state.closed
        };
        let state = self
            .filled
            .wait_while(self.state(), is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        !(state.appends.is_empty() && state.changes.is_empty())
    }

    /// Hands over what fits into one transaction. From here on an append counts
    /// as possibly written.
    pub(super) fn take(&self) -> Batch {
        let mut state = self.state();
        let mut batch = Batch::default();
        while let Some(change) = state.changes.pop_front() {
            if change.is_wanted() {
                batch.changes.push(change);
            }
        }
        let (mut records, mut bytes) = (0, 0);
        while records < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(append) = state.appends.pop_front() else {
                break;
            };
            records += append.records.len();
            bytes += append.records.iter().map(Prepared::bytes).sum::<usize>();
            batch.appends.push(append);
        }
        state.records -= records;
        batch
    }

    /// Lets the writer end once it has written what is left.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
    }
}
