//! The rules of the architecture that a machine can check: who may depend on whom, who may
//! name an engine, and what no file of the repository may hold.

mod compose;
mod dependencies;
mod egress;
mod provisioning;
mod reasons;
mod sources;
