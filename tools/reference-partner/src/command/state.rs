//! The life of one command, as a pure state machine.
//!
//! ```text
//! Unseen -> Accepted -> Actuating -> Ended (executed)
//!    \          \  \__> Ended (rejected, not executed)
//!     \          \____> Forbidden
//!      \______________> Forbidden
//! ```
//! Whoever gets [`Verdict::Actuate`] may move the device, once; no input gives it twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ComplexId, DeviceId, OpeningId};

/// What a device is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Doors and intercoms.
    OpenDoor,
    /// Barriers and gates.
    OpenBarrier,
}

/// What was asked, complete: two requests under one id are the same if this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct OpenRequest {
    pub(crate) complex: ComplexId,
    pub(crate) device: DeviceId,
    pub(crate) operation: Operation,
    pub(crate) expires_at: Timestamp,
}

/// Why a command was not executed, other than by the device's own no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    Expired,
    UnknownDevice,
    OperationNotSupported,
    DeviceOffline,
    RateLimited,
    Unavailable,
    Internal,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// The device was opened.
    Executed,
    /// The partner or the device said no, with this code.
    Rejected(String),
    /// It was answered with a problem, and will never open.
    NotExecuted(Refusal),
}

/// The final word on a command that was accepted or refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) opening: OpeningId,
    pub(crate) at: Timestamp,
}

/// Where a command is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub(crate) enum State {
    /// No record of it.
    Unseen,
    /// Taken, the device not moved yet; can still be forbidden.
    Accepted {
        request: OpenRequest,
        opening: OpeningId,
    },
    /// Past the point of no return.
    Actuating {
        request: OpenRequest,
        opening: OpeningId,
    },
    /// Final.
    Ended {
        request: OpenRequest,
        outcome: Outcome,
    },
    /// Final: never opened and never will be. The request is known if it came first.
    Forbidden {
        complex: ComplexId,
        request: Option<OpenRequest>,
        at: Timestamp,
    },
}

/// What happens to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// The open call.
    Open {
        request: OpenRequest,
        opening: OpeningId,
    },
    /// The device is about to be moved.
    Actuate,
    /// The device has moved.
    Moved,
    /// The device was told to move but its opening could not be journalled, so it was not moved.
    NotMoved,
    /// The device or the partner says no.
    Reject(String),
    /// It can't be carried out.
    Refuse(Refusal),
    /// The fence, by a caller of this complex.
    Cancel(ComplexId),
    /// The process was restarted; whether the journal has the opening.
    Recover { journalled: bool },
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// New: carry it out.
    Begin,
    /// Move the device now.
    Actuate,
    /// In progress elsewhere: its end will come.
    Wait,
    /// Final.
    Ended(Outcome),
    /// Final: forbidden.
    Forbidden,
    /// The id belongs to another request.
    KeyReused,
    /// The input has no meaning in this state; nothing changed.
    Ignored,
}

impl State {
    /// Applies an input at a time. Total: every pair has an answer.
    pub(crate) fn step(self, input: Input, now: Timestamp) -> (State, Verdict) {
        use State::{Accepted, Actuating, Ended, Forbidden, Unseen};
        match (self, input) {
            (Unseen, Input::Open { request, opening }) => {
                if now >= request.expires_at {
                    end(request, opening, End::NotExecuted(Refusal::Expired), now)
                } else {
                    (Accepted { request, opening }, Verdict::Begin)
                }
            }
            (Unseen, Input::Cancel(complex)) => (
                Forbidden {
                    complex,
                    request: None,
                    at: now,
                },
                Verdict::Forbidden,
            ),

            (Accepted { request, opening }, Input::Actuate) => {
                if now >= request.expires_at {
                    end(request, opening, End::NotExecuted(Refusal::Expired), now)
                } else {
                    (Actuating { request, opening }, Verdict::Actuate)
                }
            }
            (Accepted { request, opening }, Input::Reject(code)) => {
                end(request, opening, End::Rejected(code), now)
            }
            (Accepted { request, opening }, Input::Refuse(why)) => {
                end(request, opening, End::NotExecuted(why), now)
            }
            (Accepted { request, .. }, Input::Cancel(_) | Input::Recover { journalled: false })
            | (Actuating { request, .. }, Input::Recover { journalled: false }) => {
                let complex = request.complex.clone();
                (
                    Forbidden {
                        complex,
                        request: Some(request),
                        at: now,
                    },
                    Verdict::Forbidden,
                )
            }

            (Actuating { request, opening }, Input::Moved)
            | (
                Accepted { request, opening } | Actuating { request, opening },
                Input::Recover { journalled: true },
            ) => end(request, opening, End::Executed, now),
            (Actuating { request, opening }, Input::NotMoved) => {
                end(request, opening, End::NotExecuted(Refusal::Internal), now)
            }
            (state @ Actuating { .. }, Input::Cancel(_)) => (state, Verdict::Wait),

            (state @ (Accepted { .. } | Actuating { .. }), Input::Open { request, .. }) => {
                let same = state.request() == Some(&request);
                (
                    state,
                    if same {
                        Verdict::Wait
                    } else {
                        Verdict::KeyReused
                    },
                )
            }
            (Ended { request, outcome }, Input::Open { request: again, .. }) => {
                let same = request == again;
                let verdict = if same {
                    Verdict::Ended(outcome.clone())
                } else {
                    Verdict::KeyReused
                };
                (Ended { request, outcome }, verdict)
            }
            (Ended { request, outcome }, Input::Cancel(_)) => {
                let verdict = Verdict::Ended(outcome.clone());
                (Ended { request, outcome }, verdict)
            }
            (state @ Forbidden { .. }, Input::Open { request, .. }) => {
                let same = match state.request() {
                    Some(first) => *first == request,
                    None => state.complex() == Some(&request.complex),
                };
                (
                    state,
                    if same {
                        Verdict::Forbidden
                    } else {
                        Verdict::KeyReused
                    },
                )
            }
            (state @ Forbidden { .. }, Input::Cancel(_)) => (state, Verdict::Forbidden),

            (state, _) => (state, Verdict::Ignored),
        }
    }

    /// The request, where known.
    pub(crate) fn request(&self) -> Option<&OpenRequest> {
        match self {
            Self::Unseen => None,
            Self::Accepted { request, .. }
            | Self::Actuating { request, .. }
            | Self::Ended { request, .. } => Some(request),
            Self::Forbidden { request, .. } => request.as_ref(),
        }
    }

    /// The complex that the id is bound to.
    pub(crate) fn complex(&self) -> Option<&ComplexId> {
        match self {
            Self::Forbidden { complex, .. } => Some(complex),
            other => other.request().map(|request| &request.complex),
        }
    }

    /// When it became final, if it is.
    pub(crate) fn final_at(&self) -> Option<Timestamp> {
        match self {
            Self::Unseen | Self::Accepted { .. } | Self::Actuating { .. } => None,
            Self::Ended { outcome, .. } => Some(outcome.at),
            Self::Forbidden { at, .. } => Some(*at),
        }
    }
}

fn end(request: OpenRequest, opening: OpeningId, end: End, at: Timestamp) -> (State, Verdict) {
    let outcome = Outcome { end, opening, at };
    (
        State::Ended {
            request,
            outcome: outcome.clone(),
        },
        Verdict::Ended(outcome),
    )
}

#[cfg(test)]
mod tests;
