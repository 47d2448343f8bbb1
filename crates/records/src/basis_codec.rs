//! Legal bases to the wire and back.

use domain::registry::LegalBasis;
use domain::vocabulary::LegalBasisKind;
use jiff::civil::Date;
use proto::events as pb;

use crate::decode::{FieldError, word};

/// A legal basis to the wire.
pub(crate) fn basis_to_wire(basis: &LegalBasis) -> pb::LegalBasis {
    pb::LegalBasis {
        kind: basis.kind.number(),
        document_date: basis.document_date.to_string(),
    }
}

/// A legal basis from the wire; `kind` and `date` are the names of its fields.
///
/// # Errors
/// The field that is missing, malformed or unknown.
pub fn basis_from_wire(
    basis: &pb::LegalBasis,
    kind: &'static str,
    date: &'static str,
) -> Result<LegalBasis, FieldError> {
    let document_date = basis.document_date.parse().ok();
    Ok(LegalBasis {
        kind: word(kind, basis.kind, LegalBasisKind::from_number)?,
        document_date: document_date
            .filter(|date: &Date| date.to_string() == basis.document_date)
            .ok_or(FieldError(date))?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_date_has_one_spelling() {
        let read = |text: &str| {
            let wire = pb::LegalBasis {
                kind: 1,
                document_date: text.to_owned(),
            };
            basis_from_wire(&wire, "kind", "date")
        };
        assert_eq!(
            basis_to_wire(&read("2026-01-12").unwrap()).document_date,
            "2026-01-12"
        );
        for text in [
            "",
            "2026-13-01",
            "20260112",
            "2026-01-12T00:00",
            "12.01.2026",
        ] {
            assert_eq!(read(text), Err(FieldError("date")), "{text}");
        }
        let unknown = pb::LegalBasis {
            kind: 0,
            document_date: "2026-01-12".to_owned(),
        };
        assert_eq!(
            basis_from_wire(&unknown, "kind", "date"),
            Err(FieldError("kind"))
        );
    }
}
