//! The view store on a real Cassandra.

mod behaviour;
mod faults;
mod refusals;
mod scene;
