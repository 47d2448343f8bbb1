//! command-svc: gRPC in, decide, record, claim, act, record, answer; registry commands;
//! reconciler; provisioning.

mod access_service;
mod act;
mod admission;
mod caller;
mod config;
mod deadline;
mod egress;
mod egress_report;
mod fold;
mod gate;
mod grpc;
mod guest_page;
mod guest_request;
mod guest_service;
mod knowledge;
mod my_command;
mod my_devices;
mod open;
mod operator;
mod partners;
mod privileges;
mod provision;
mod reconcile;
mod recorder;
mod refusal;
mod registrar;
mod registry_service;
mod request;
mod run;
mod server;
mod subjects;
mod uses;
mod zone;

pub use config::Config;
pub use run::run;
