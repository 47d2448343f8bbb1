//! What only a real cluster can show: that what is wrong is found when the log is
//! opened, that each process may do its own job and is told what it may not,
//! and what callers are told when brokers fail.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used)]

mod deployment;
mod failing;
mod gaps;
mod opening;
mod rights;
mod site;
