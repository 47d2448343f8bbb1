//! Legal bases as operators record them.

use domain::registry::{Entity, LegalBasis};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use proto::events as pb;

use crate::refusal::Refusal;

/// How far local time is ahead of UTC, at the most.
const AHEAD: SignedDuration = SignedDuration::from_hours(14);

/// Parses the consent that comes with a face.
///
/// # Errors
/// It is missing, malformed, or not given yet.
pub(crate) fn parse(basis: Option<&pb::LegalBasis>, now: Timestamp) -> Result<LegalBasis, Refusal> {
    let why = "the holder's consent in writing must be recorded: its kind and its date";
    let basis = basis.ok_or_else(|| Refusal::field("basis", why))?;
    let read = records::basis_from_wire(basis, "basis.kind", "basis.document_date");
    let basis = read.map_err(|field| Refusal::field(field.0, why))?;
    if is_given(&basis, now) {
        Ok(basis)
    } else {
        Err(Refusal::field("basis.document_date", NOT_YET))
    }
}

/// What is wrong with a date to come.
pub(crate) const NOT_YET: &str =
    "it lies in the future; record the basis once the document is signed";

/// Where `entity` has a legal basis that is not given yet, its field.
pub(crate) fn not_given(entity: &Entity, now: Timestamp) -> Option<&'static str> {
    let (basis, field) = match entity {
        Entity::Complex(complex) => (complex.face_basis, "complex.face_basis.document_date"),
        Entity::Credential(credential) => (credential.basis, "credential.basis.document_date"),
        _ => return None,
    };
    basis
        .is_some_and(|basis| !is_given(&basis, now))
        .then_some(field)
}

/// Whether its day has begun somewhere.
fn is_given(basis: &LegalBasis, now: Timestamp) -> bool {
    let furthest = Offset::UTC.to_datetime(now + AHEAD).date();
    basis.document_date <= furthest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_consent_is_never_of_a_day_to_come() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let parsed = |kind, date: &str| {
            let basis = pb::LegalBasis {
                kind,
                document_date: date.to_owned(),
            };
            match parse(Some(&basis), now) {
                Ok(_) => String::new(),
                Err(Refusal::Field { field, .. }) => field,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(parsed(1, "2026-11-24"), "");
        assert_eq!(parsed(1, "2026-11-25"), "", "it has begun in Kiritimati");
        assert_eq!(parsed(1, "2026-11-26"), "basis.document_date");
        assert_eq!(parsed(1, "yesterday"), "basis.document_date");
        assert_eq!(parsed(0, "2026-11-24"), "basis.kind");
        assert!(parse(None, now).is_err());
    }
}
