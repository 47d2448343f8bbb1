//! Bad input over real gRPC: a clear error that names what is wrong, and nothing left behind.

mod certificates;
mod fields;
mod operators;
mod readers;
mod tokens;
mod versions;
