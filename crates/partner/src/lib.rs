//! The partner's REST contract as a client.
//!
//! - [`client`]: one partner; it gives out handles.
//! - [`perimeter`]: the handles. What is outside of a perimeter can't be asked for.
//! - [`outcome`], [`fence`]: what an answer to an open, a cancel or an enquiry means, as pure
//!   tables.
//! - [`attestation`]: how a partner keeps what it holds; without a valid one it gets neither
//!   credentials nor keys.
//! - [`credential`]: what lets its devices open by themselves.
//! - [`events`]: asks for events again, and can ask for nothing else.
//! - [`egress`]: every field that leaves; what is not declared there can't be sent.
//! - [`verify`]: asks a partner for what it must refuse; nothing else can.
//!
//! Every request is sent once. Nothing here, nor in the HTTP client below, repeats one: what is
//! in doubt is said to be in doubt, and settled with the cancel fence.
//!
//! The contract's wire types stay in this crate.

pub mod attestation;
pub mod client;
pub mod config;
pub mod credential;
mod discovery;
pub mod egress;
pub mod error;
pub mod events;
mod expressed;
pub mod fence;
pub mod outcome;
pub mod perimeter;
mod problem;
mod scope;
mod session;
mod text;
mod token;
mod transport;
pub mod verify;
mod wire;

pub use attestation::{
    Attestation, AttestationPolicy, AttestationRefused, Attested, StorageAlgorithm,
};
pub use client::PartnerClient;
pub use config::{ConfigError, PartnerConfig};
pub use credential::{CredentialPage, CredentialToPut, Cursor, HeldCredential};
pub use error::{CallError, Doubt, NotSent, OutOfPerimeter, TokenRefused};
pub use events::{EventCursor, EventPage, EventsClient};
pub use fence::{CommandState, Fence};
pub use outcome::{OpenResult, Sent};
pub use perimeter::{ClosingClient, PerimeterClient};
pub use text::PartnerText;
