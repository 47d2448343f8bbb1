//! What an access token is for.

use domain::ComplexId;
use domain::vocabulary::Operation;

/// One scope of the contract. A token has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    OpenDoors,
    OpenBarriers,
    ReadCommands,
    WriteCredentials,
    ReadAttestation,
    ReadEvents,
}

impl Scope {
    /// The scope of opening with `operation`, and of cancelling that.
    pub(crate) fn of(operation: Operation) -> Self {
        match operation {
            Operation::OpenDoor => Scope::OpenDoors,
            Operation::OpenBarrier => Scope::OpenBarriers,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scope::OpenDoors => "doors:open",
            Scope::OpenBarriers => "barriers:open",
            Scope::ReadCommands => "commands:read",
            Scope::WriteCredentials => "credentials:write",
            Scope::ReadAttestation => "attestation:read",
            Scope::ReadEvents => "events:read",
        }
    }
}

/// One operation in one complex: what a token is asked for. Only the attestation has no complex.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    pub(crate) scope: Scope,
    pub(crate) complex: Option<ComplexId>,
}

impl Authority {
    pub(crate) fn within(complex: &ComplexId, scope: Scope) -> Self {
        Self {
            scope,
            complex: Some(complex.clone()),
        }
    }

    /// The resource indicator (RFC 8707).
    pub(crate) fn resource(&self) -> Option<String> {
        let complex = self.complex.as_ref()?;
        Some(format!("urn:smarthome:complex:{complex}"))
    }
}
