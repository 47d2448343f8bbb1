#![allow(clippy::unwrap_used)]

mod archives;
mod folders;
mod forks;
mod hostile;
mod proofs;
mod pruned;
mod receipts;
mod replays;
mod served;
mod witnessed;
mod world;
