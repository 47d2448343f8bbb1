//! Asks a partner for what it must refuse, to see whether it does.
//!
//! This is the one place that can express a request outside of a perimeter or with another token
//! than its own: [`PerimeterClient`](crate::PerimeterClient) can't, and nothing here is given to
//! it. Nothing here can open, at a partner that keeps either half of the contract: an open that is
//! tried here has expired before it is sent, and its command id is forbidden by the cancel fence
//! before that. Without the fence it isn't sent.
//!
//! - [`target`]: what is asked about, chosen from the registry.
//! - [`check`]: the checks and what may come of them.
//! - `plan`: each check as a request and a token; a table.
//! - `judge`: what an answer proves; pure.
//! - `ask`: sends; `certificate`: without a certificate; [`kept`]: tokens that are to expire.
//!
//! Not asked: the same token over another certificate, as the service has only one for a partner.

mod ask;
mod certificate;
pub mod check;
mod judge;
pub mod kept;
mod plan;
pub mod target;

pub use ask::verify;
pub use check::{Check, CheckName, Unclear, Verdict};
pub use kept::Kept;
pub use target::Target;
