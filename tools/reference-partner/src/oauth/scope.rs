//! The scopes of the contract.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::command::Operation;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a token lets its holder do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scope { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Scope {
            /// Every scope.
            pub const ALL: &[Scope] = &[$(Scope::$name,)*];

            /// The scope as text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Scope::$name => $text,)* }
            }
        }
    };
}

scopes! {
    /// Open doors and intercoms; cancel such commands.
    DoorsOpen = "doors:open",
    /// Open barriers and gates; cancel such commands.
    BarriersOpen = "barriers:open",
    /// Read what became of commands.
    CommandsRead = "commands:read",
    /// Read the status snapshot.
    DevicesRead = "devices:read",
    /// Read events.
    EventsRead = "events:read",
    /// Put, delete and list credentials; put token keys.
    CredentialsWrite = "credentials:write",
    /// Read the attestation.
    AttestationRead = "attestation:read",
}

impl Scope {
    /// Whether a token of this scope must name a complex.
    pub(crate) fn needs_complex(self) -> bool {
        self != Self::AttestationRead
    }

    /// The operation that the scope allows, if it is one of opening.
    pub(crate) fn operation(self) -> Option<Operation> {
        match self {
            Self::DoorsOpen => Some(Operation::OpenDoor),
            Self::BarriersOpen => Some(Operation::OpenBarrier),
            _ => None,
        }
    }
}

impl From<Operation> for Scope {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::OpenDoor => Self::DoorsOpen,
            Operation::OpenBarrier => Self::BarriersOpen,
        }
    }
}

impl FromStr for Scope {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text)
            .ok_or(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Scopes as they stand in a `scope` parameter (RFC 6749 section 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScopeSet(pub(crate) BTreeSet<Scope>);

impl FromStr for ScopeSet {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let scopes: BTreeSet<Scope> = text
            .split(' ')
            .map(Scope::from_str)
            .collect::<Result<_, ()>>()?;
        Ok(Self(scopes))
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&texts.join(" "))
    }
}
