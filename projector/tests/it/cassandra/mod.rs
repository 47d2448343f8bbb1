//! The view store on a real Cassandra.

mod behaviour;
mod broken_off;
mod faults;
mod hostile;
mod kills;
mod prune;
mod rebuild;
mod refusals;
mod relayed;
mod scene;
