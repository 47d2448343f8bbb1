//! Commands: opened at most once, remembered, and forbidden for ever when told so.

mod admission;
mod desk;
mod recovery;
mod state;
mod view;
mod work;

pub(crate) use admission::Limits;
pub(crate) use desk::{Authority, Desk, Opened, Refused};
pub use recovery::RecoveryError;
pub(crate) use state::{End, OpenRequest, Operation, Outcome, Refusal};
pub(crate) use view::{CommandStatus, ControlView, OPENED, StateName};
