//! What stands in the registry's topic besides change sets.

use jiff::Timestamp;

use crate::id::{CommandId, CredentialId, PartnerId, PassId, SubjectRef};
use crate::provisioning::Holding;

/// A winning command asks for a use of a limited pass. Whether it gets one is what the fold says
/// at this place in the log ([`Consumption`](crate::registry::Consumption)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassUseConsumed {
    /// The pass.
    pub pass: PassId,
    /// The command, which has one use at most.
    pub command: CommandId,
    /// Instant inside its idempotency key: too long afterwards the record is void.
    pub key_time: Timestamp,
}

/// The use that a command had of a limited pass is given back: it is known not to have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassUseReturned {
    /// The pass.
    pub pass: PassId,
    /// The command.
    pub command: CommandId,
}

/// What is known about a person in the complex was given to the operator who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectExported {
    /// The person.
    pub subject: SubjectRef,
}

/// What is known about a person in the complex is erased. Void where a legal hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectErased {
    /// The person.
    pub subject: SubjectRef,
    /// The identity goes too, as no other complex knew the person.
    pub identity: bool,
}

/// A legal hold was placed on a person in the complex, or lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalHoldChanged {
    /// The person.
    pub subject: SubjectRef,
    /// Placed; else lifted.
    pub held: bool,
    /// Why, at most 200 characters; names nobody.
    pub reason: String,
}

/// Something was done at a partner about what it holds, or is kept back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisioningChanged {
    /// The partner.
    pub partner: PartnerId,
    /// What was done.
    pub effect: Effect,
    /// Why; a stable name of at most 64 characters.
    pub reason: String,
}

/// What was done at a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It got the complex's token key of a version.
    TokenKeyDelivered {
        /// The version.
        key_version: u32,
    },
    /// It got a credential, in place of what it held under the id.
    Put {
        /// The credential.
        credential: CredentialId,
        /// What it holds since.
        holding: Holding,
    },
    /// It holds a credential no more.
    Deleted {
        /// The credential.
        credential: CredentialId,
    },
    /// It held something under an id that nobody registered, and holds it no more.
    ForeignDeleted {
        /// The id.
        credential: CredentialId,
    },
    /// Nothing was done: it does not get what it should hold.
    Withheld {
        /// The credential; none where that is so of all that it lacks.
        credential: Option<CredentialId>,
    },
}

/// What one instance sent to a partner about the event's complex in an interval, counted; under
/// `global` what was about none. No values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressSummary {
    /// The partner.
    pub partner: PartnerId,
    /// First instant of the interval.
    pub from: Timestamp,
    /// First instant after it.
    pub until: Timestamp,
    /// By call; at least one.
    pub calls: Vec<EgressCall>,
}

/// Requests of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressCall {
    /// Its stable name in the egress ledger.
    pub call: String,
    /// How many were sent.
    pub requests: u64,
    /// What they held.
    pub fields: Vec<EgressField>,
}

/// One field of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressField {
    /// Where in the call, as the ledger names it.
    pub place: String,
    /// Its name there.
    pub name: String,
    /// How often it was sent.
    pub count: u64,
}
