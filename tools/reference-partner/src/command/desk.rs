//! The desk: where opens, cancels and questions arrive and are answered.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};

use super::admission::{Admission, Gate, Limits, advance, ending, load};
use super::state::{Input, OpenRequest, Operation, Outcome, State, Verdict};
use super::view::{CommandStatus, ControlView};
use crate::clock::Clock;
use crate::devices::{Fault, Fleet};
use crate::events::Book;
use crate::ids::{CommandId, ComplexId};
use crate::journal::Journal;
use crate::store::{Key, Store, StoreError, Table};

/// Bells for those who wait; a command rings the one that its id falls to.
const BELLS: usize = 64;

/// What a caller may do, as its token says.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    pub(crate) complex: ComplexId,
    pub(crate) operations: Vec<Operation>,
}

/// Why a caller may not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    WrongComplex,
    WrongOperation,
}

/// The answer to an open.
#[derive(Debug)]
pub(crate) enum Opened {
    Ended(Outcome),
    Forbidden,
    KeyReused,
    /// `expires_at` is too far ahead.
    TooFarAhead,
    /// The request got lost; nothing is known of it.
    Lost,
}

/// Opens, cancels and tells.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) journal: Arc<Journal>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) book: Book,
    pub(crate) clock: Arc<Clock>,
    /// Rung when an event was put into the outbox.
    pub(crate) outbox_bell: Arc<Notify>,
    limits: Limits,
    room: Arc<Semaphore>,
    bells: [Notify; BELLS],
}

impl Desk {
    pub(crate) fn new(
        store: Store,
        journal: Arc<Journal>,
        fleet: Arc<Fleet>,
        book: Book,
        clock: Arc<Clock>,
        limits: Limits,
    ) -> Self {
        Self {
            store,
            journal,
            fleet,
            book,
            clock,
            outbox_bell: Arc::new(Notify::new()),
            limits,
            room: Arc::new(Semaphore::new(limits.in_progress)),
            bells: std::array::from_fn(|_| Notify::new()),
        }
    }

    /// Opens a device, once for the id. Gives the answer, and what a failure does to it.
    pub(crate) async fn open(
        self: &Arc<Self>,
        id: CommandId,
        request: OpenRequest,
    ) -> Result<(Opened, Option<Fault>), StoreError> {
        let latest = self.clock.now().saturating_add(self.limits.max_validity);
        if request.expires_at > latest.unwrap_or(Timestamp::MAX) {
            return Ok((Opened::TooFarAhead, None));
        }
        let permit = self.room.clone().try_acquire_owned().ok();
        let room = permit.is_some();
        let (desk, asked) = (self.clone(), request.clone());
        let admission = self.store.run(move |tx| {
            let gate = Gate {
                fleet: &desk.fleet,
                book: &desk.book,
                room,
                now: desk.clock.now(),
            };
            gate.admit(tx, id, &asked)
        });
        let fault = match admission.await? {
            Admission::Move {
                opening,
                longer,
                fault,
            } => {
                self.work(id, request, opening, longer, permit);
                fault
            }
            Admission::Hold {
                opening,
                wait,
                fault,
            } => {
                self.hold(id, request, opening, wait, permit);
                fault
            }
            Admission::Known(Verdict::Wait, _) => {
                drop(permit);
                None
            }
            Admission::Known(Verdict::Ended(outcome), fault) => {
                return Ok((Opened::Ended(outcome), fault));
            }
            Admission::Known(Verdict::Forbidden, _) => return Ok((Opened::Forbidden, None)),
            Admission::Known(..) => return Ok((Opened::KeyReused, None)),
            Admission::Lost => return Ok((Opened::Lost, Some(Fault::Reset))),
        };
        match self.end_of(id).await? {
            Ok(outcome) => Ok((Opened::Ended(outcome), fault)),
            Err(()) => Ok((Opened::Forbidden, fault)),
        }
    }

    /// The fence: the final state, or forbidden for ever, or still in progress after the wait.
    pub(crate) async fn cancel(
        &self,
        id: CommandId,
        authority: Authority,
    ) -> Result<Result<CommandStatus, Refused>, StoreError> {
        let now = self.clock.now();
        let fenced = self.store.run(move |tx| {
            let state = load(tx, id)?;
            if let Err(refused) = may(&authority, &state) {
                return Ok(Err(refused));
            }
            Ok(Ok(advance(tx, id, Input::Cancel(authority.complex), now)?))
        });
        let (mut state, verdict) = match fenced.await? {
            Ok(fenced) => fenced,
            Err(refused) => return Ok(Err(refused)),
        };
        self.ring(id);
        if verdict == Verdict::Wait {
            let _ = tokio::time::timeout(self.limits.cancel_wait, self.end_of(id)).await;
            state = self.state(id).await?;
        }
        CommandStatus::of(id, &state)
            .map(Ok)
            .ok_or(StoreError::Malformed)
    }

    /// The status of a command, if it was ever seen.
    pub(crate) async fn status(
        &self,
        id: CommandId,
        complex: &ComplexId,
    ) -> Result<Result<Option<CommandStatus>, Refused>, StoreError> {
        let state = self.state(id).await?;
        match state.complex() {
            Some(bound) if bound != complex => Ok(Err(Refused::WrongComplex)),
            _ => Ok(Ok(CommandStatus::of(id, &state))),
        }
    }

    /// All commands that are remembered, in no meaningful order.
    pub(crate) async fn list(&self, limit: usize) -> Result<Vec<ControlView>, StoreError> {
        let found = self.store.run(move |tx| {
            tx.scan::<(CommandId, State)>(Table::Commands, "", &Key::plain(b""), limit)
        });
        Ok(found
            .await?
            .iter()
            .filter_map(|(_, (id, state))| ControlView::of(*id, state))
            .collect())
    }

    pub(super) async fn state(&self, id: CommandId) -> Result<State, StoreError> {
        self.store.run(move |tx| load(tx, id)).await
    }

    /// Waits for a command's end.
    pub(super) async fn end_of(&self, id: CommandId) -> Result<Result<Outcome, ()>, StoreError> {
        loop {
            let mut rung = std::pin::pin!(self.bell(id).notified());
            rung.as_mut().enable();
            if let Some(end) = ending(&self.state(id).await?) {
                return Ok(end);
            }
            rung.await;
        }
    }

    fn bell(&self, id: CommandId) -> &Notify {
        let last = usize::from(id.as_bytes()[15]);
        &self.bells[last % BELLS]
    }

    pub(super) fn ring(&self, id: CommandId) {
        self.bell(id).notify_waiters();
    }
}

fn may(authority: &Authority, state: &State) -> Result<(), Refused> {
    if state
        .complex()
        .is_some_and(|bound| *bound != authority.complex)
    {
        return Err(Refused::WrongComplex);
    }
    match state.request() {
        Some(request) if !authority.operations.contains(&request.operation) => {
            Err(Refused::WrongOperation)
        }
        _ => Ok(()),
    }
}
