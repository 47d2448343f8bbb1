//! The rules, pure: ids, the event vocabulary, folds of the log and the decision.
//!
//! Nothing here does IO, reads a clock or a time-zone database, or awaits. Whoever calls
//! passes the instant and the complex's UTC offset in, and records both, so that a decision
//! can be run again and must come out the same.

pub mod commands;
pub mod completeness;
pub mod decide;
pub mod event;
pub mod guests;
pub mod id;
pub mod provisioning;
pub mod registry;
pub mod vocabulary;
pub mod window;

pub use decide::{Decision, Instant, OpenCommand, Openable, decide, openable};
pub use id::{
    BuildingId, CallerName, ChangeSetId, CommandId, ComplexId, CredentialId, DeviceId, EntranceId,
    EventId, GrantId, IdError, PartnerId, PassId, SubjectRef,
};

/// Version of the rules of [`decide()`]. Raised whenever the same inputs could give another
/// answer; old versions stay runnable.
///
/// | version | rules |
/// |---|---|
/// | 1 | rights, device, operation, perimeter, cooldown |
/// | 2 | also uses of limited passes, and the login that a device requires; where a registry has neither, version 1's answers |
pub const POLICY_VERSION: u32 = 2;
