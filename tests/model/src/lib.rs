//! Explicit-state model of an open command: claim, act, fence, reconciler.
//!
//! Every interleaving of a few requests, instances, faults and steps of time is explored,
//! breadth first. What the log means is not modelled: the model folds it with
//! `domain::commands::Commands` and judges with `domain::decide`, so that model and service
//! can't drift apart there. [`Ingredients`] takes parts of the design away, to show that a
//! counterexample appears.

mod actions;
mod canon;
mod check;
mod fold;
mod hash;
mod ingredients;
mod partner;
mod passes;
mod properties;
mod reconciler;
pub mod scenario;
mod search;
mod state;
mod steps;
mod tasks;
mod trace;
mod words;
mod world;

pub use actions::{Action, Appending, Asking};
pub use check::Model;
pub use ingredients::Ingredients;
pub use properties::Property;
pub use search::{Explored, explore};
pub use state::State;
pub use trace::Trace;
