//! Persons: their references, what is given out about them, holds, erasure, and the keys that seal
//! what is known.

mod erased;
mod exported;
mod kit;
mod references;
mod rotation;
