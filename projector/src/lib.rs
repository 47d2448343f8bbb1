//! The process `projector`: builds the audit log and the views from the event log, and serves
//! them.
//!
//! Two roles of one program. [`project`] consumes the event log in order, writes each complex'
//! Merkle log and the views, and holds the key that signs checkpoints; it has no public
//! listener. [`serve`] answers auditors from what the other has written, and can't write it.
//!
//! [`views`] says what a record means, purely; [`store`] is the port that keeps it; [`rebuild`]
//! does it all again from the event log alone, to compare.

pub mod config;
pub mod dump;
pub mod project;
pub mod prune;
pub mod rebuild;
pub mod roles;
pub mod serve;
pub mod store;
mod tiles;
pub mod views;
