//! Tests of the projector as its users see it: a log in, trees and views out.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[cfg(feature = "cassandra")]
mod cassandra;
mod clocks;
mod console;
mod contract;
mod crash;
mod faults;
mod fixture;
mod folds;
mod foreign;
mod forgetful;
mod halts;
mod hostile;
mod kills;
mod pace;
mod process;
mod prune;
mod rebuild;
mod rotation;
mod run;
#[cfg(feature = "s3-tests")]
mod s3;
mod serving;
mod site;
mod witnesses;
