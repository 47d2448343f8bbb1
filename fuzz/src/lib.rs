//! What the fuzz targets check: that nothing which others wrote can make a reader panic, and that
//! what a reader lets through is what it promises.
//!
//! One module a target, each a function of bytes that panics where a promise is broken; the
//! targets in `targets/` hand it what libFuzzer makes up. Inputs are text where that is possible, so
//! that the seeds in `corpus/` can be read and written by hand.
//!
//! What needs a signature to be looked at closely is signed by the target itself where the input
//! asks for it, so that the fuzzer gets beyond the signature; then it must never get there alone.

pub mod archive;
pub mod checkpoint_note;
pub mod cloudevent_headers;
pub mod entry_bundle;
pub mod log_record;
pub mod page_token;
pub mod receipt;
pub mod tile_path;
pub mod webhook_body;
pub mod webhook_signature;
pub mod witness_talk;

mod lines;
mod partner;
