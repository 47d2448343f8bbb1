//! What happens when an open arrives: one transaction that decides what to do with it.

use std::time::Duration;

use uuid::Uuid;

use super::state::{Input, OpenRequest, Outcome, Refusal, State, Verdict};
use crate::devices::{Before, Fault, Fleet};
use crate::events::Book;
use crate::ids::{CommandId, OpeningId};
use crate::store::{StoreError, Table, Tx};

/// For how long the last word on an id is remembered: 7 days, as the contract says.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Bounds of the desk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Commands in progress at once.
    pub(crate) in_progress: usize,
    /// How long cancel waits for a command that is being actuated.
    pub(crate) cancel_wait: Duration,
    /// How far ahead `expires_at` may be.
    pub(crate) max_validity: Duration,
}

/// What to do with an open.
#[derive(Debug)]
pub(super) enum Admission {
    /// New and past the point of no return: move the device, taking this much longer.
    Move {
        opening: OpeningId,
        longer: Duration,
        fault: Option<Fault>,
    },
    /// New and held, for a time or until it ends.
    Hold {
        opening: OpeningId,
        wait: Option<Duration>,
        fault: Option<Fault>,
    },
    /// Its end is known, or will come.
    Known(Verdict, Option<Fault>),
    /// The request is lost.
    Lost,
}

/// Reads a command's state.
pub(super) fn load(tx: &Tx<'_>, id: CommandId) -> Result<State, StoreError> {
    let found = tx.get::<(CommandId, State)>(Table::Commands, "", &tx.hidden(id.as_bytes()))?;
    Ok(found.map_or(State::Unseen, |(_, state)| state))
}

/// Writes a command's state; a final one is remembered for 7 days.
pub(super) fn save(tx: &Tx<'_>, id: CommandId, state: &State) -> Result<(), StoreError> {
    let forget_at = state
        .final_at()
        .and_then(|at| at.checked_add(REMEMBERED).ok());
    tx.put(
        Table::Commands,
        "",
        &tx.hidden(id.as_bytes()),
        forget_at,
        &(id, state),
    )
}

/// Applies an input to a stored command.
pub(super) fn advance(
    tx: &Tx<'_>,
    id: CommandId,
    input: Input,
    now: jiff::Timestamp,
) -> Result<(State, Verdict), StoreError> {
    let before = load(tx, id)?;
    let (after, verdict) = before.clone().step(input, now);
    if after != before {
        save(tx, id, &after)?;
    }
    Ok((after, verdict))
}

/// What admission needs to know.
pub(super) struct Gate<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) book: &'a Book,
    /// Whether there is room for another command in progress.
    pub(super) room: bool,
    pub(super) now: jiff::Timestamp,
}

impl Gate<'_> {
    /// Admits an open. Whatever is decided is durable before anybody acts on it.
    pub(super) fn admit(
        &self,
        tx: &Tx<'_>,
        id: CommandId,
        request: &OpenRequest,
    ) -> Result<Admission, StoreError> {
        let before = load(tx, id)?;
        let opening = OpeningId::from(Uuid::now_v7());
        let open = Input::Open {
            request: request.clone(),
            opening,
        };
        let (state, verdict) = before.clone().step(open, self.now);
        if verdict != Verdict::Begin {
            if state != before {
                save(tx, id, &state)?;
            }
            return Ok(Admission::Known(verdict, None));
        }
        if let Some(why) = self.refusal(tx, request)? {
            return self.end(tx, id, state, Input::Refuse(why), None);
        }
        let failure = self.fleet.take_failure(&request.device);
        let fault = failure.as_ref().and_then(crate::devices::Failure::fault);
        match failure.map_or(Before::Move(Duration::ZERO), |failure| failure.before()) {
            Before::Lose => Ok(Admission::Lost),
            Before::Refuse(why) => self.end(tx, id, state, Input::Refuse(why), fault),
            Before::Reject(code) => self.end(tx, id, state, Input::Reject(code), fault),
            Before::Hold(wait) => {
                save(tx, id, &state)?;
                Ok(Admission::Hold {
                    opening,
                    wait,
                    fault,
                })
            }
            Before::Move(longer) => {
                let (state, verdict) = state.step(Input::Actuate, self.now);
                save(tx, id, &state)?;
                match verdict {
                    Verdict::Actuate => Ok(Admission::Move {
                        opening,
                        longer,
                        fault,
                    }),
                    other => Ok(Admission::Known(other, fault)),
                }
            }
        }
    }

    fn refusal(&self, tx: &Tx<'_>, request: &OpenRequest) -> Result<Option<Refusal>, StoreError> {
        let Some((complex, device)) = self.fleet.find(&request.device) else {
            return Ok(Some(Refusal::UnknownDevice));
        };
        if device.kind.operation() != request.operation {
            return Ok(Some(Refusal::OperationNotSupported));
        }
        if !self.room {
            return Ok(Some(Refusal::Unavailable));
        }
        let online = self
            .book
            .status(tx, complex, device, self.now)?
            .reading
            .online;
        Ok((!online).then_some(Refusal::DeviceOffline))
    }

    fn end(
        &self,
        tx: &Tx<'_>,
        id: CommandId,
        state: State,
        input: Input,
        fault: Option<Fault>,
    ) -> Result<Admission, StoreError> {
        let (state, verdict) = state.step(input, self.now);
        save(tx, id, &state)?;
        Ok(Admission::Known(verdict, fault))
    }
}

/// The outcome or prohibition that a state holds, if it is final.
pub(super) fn ending(state: &State) -> Option<Result<Outcome, ()>> {
    match state {
        State::Ended { outcome, .. } => Some(Ok(outcome.clone())),
        State::Forbidden { .. } => Some(Err(())),
        State::Unseen | State::Accepted { .. } | State::Actuating { .. } => None,
    }
}
