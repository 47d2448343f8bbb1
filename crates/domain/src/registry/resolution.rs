//! Whose credential it was.

use jiff::Timestamp;

use super::{Holder, Registry};
use crate::commands::LEEWAY;
use crate::id::{ComplexId, CredentialId};
use crate::vocabulary::Resolution;

impl Registry {
    /// Whose credential a partner's device matched at `at`, by the device's clock.
    ///
    /// One that was registered only after that, by the log's clock and beyond
    /// [`LEEWAY`], can't have been what matched. A withdrawn one still names its holder: it did open,
    /// since partners let go of it a little later; so does that of somebody who was erased, whatever
    /// the time, and whose reference says nothing more. A credential has one holder, so nothing is
    /// ambiguous by its id.
    pub fn resolve(
        &self,
        complex: &ComplexId,
        credential: Option<CredentialId>,
        at: Timestamp,
    ) -> (Resolution, Option<Holder>) {
        let known = credential.and_then(|id| self.credential(complex, &id));
        let known = known.map(|(_, credential)| credential);
        let known = known.filter(|credential| self.was_registered(complex, credential.id, at));
        match known {
            Some(credential) if self.is_gone(complex, credential) => {
                (Resolution::Erased, Some(credential.holder))
            }
            Some(credential) => (Resolution::Resolved, Some(credential.holder)),
            None => (Resolution::NotIdentified, None),
        }
    }

    fn was_registered(&self, complex: &ComplexId, credential: CredentialId, at: Timestamp) -> bool {
        let since = self.standings.registered_at(complex, credential);
        since.is_none_or(|since| since.duration_since(at) <= LEEWAY)
    }
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
