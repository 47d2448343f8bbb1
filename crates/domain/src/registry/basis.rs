//! On what ground faces are processed, and what a partner may hold.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Complex, Credential, Holder, Registry};
use crate::guests;
use crate::id::ComplexId;
use crate::vocabulary::{CredentialKind, LegalBasisKind};

/// A document that permits to process faces. The document itself is kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegalBasis {
    /// What it is.
    pub kind: LegalBasisKind,
    /// Its date.
    pub document_date: Date,
}

impl Credential {
    /// Whether it may be used at all: it is not withdrawn, and where it is a face's, both its
    /// complex and the person have a legal basis. When it holds is another matter.
    pub fn permitted(&self, complex: &Complex) -> bool {
        let on_ground = match self.kind {
            CredentialKind::Plate => true,
            CredentialKind::Face => complex.face_basis.is_some() && self.basis.is_some(),
        };
        on_ground && !self.revoked
    }
}

impl Registry {
    /// Every credential of every complex, withdrawn ones too.
    pub fn every_credential(&self) -> impl Iterator<Item = (&ComplexId, &Credential)> {
        self.complexes.iter().flat_map(|(complex, state)| {
            let rows = state.credentials.rows();
            rows.map(move |row| (complex, &row.state))
        })
    }

    /// Whether a partner may hold the credential now: it is permitted, and whoever it is of may
    /// still come, be it a resident who lives there or a pass that is active.
    pub fn may_hold(&self, complex: &ComplexId, credential: &Credential, now: Timestamp) -> bool {
        let permitted = self
            .complex(complex)
            .is_some_and(|complex| credential.permitted(complex));
        permitted
            && match &credential.holder {
                Holder::Subject(subject) => self
                    .resident(complex, subject)
                    .is_some_and(|(_, resident)| resident.active),
                Holder::Pass(pass) => self
                    .pass(complex, pass)
                    .is_some_and(|(_, pass)| guests::is_active(self, complex, pass, now)),
            }
    }
}

#[cfg(test)]
#[path = "basis_tests.rs"]
mod tests;
