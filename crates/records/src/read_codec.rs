//! Reads of audit data, to the wire and back.

use domain::event::AuditRead;
use domain::vocabulary::ReadMethod;
use proto::events as pb;
use uuid::Uuid;

use crate::decode::{FieldError, optional, optional_time, parse, word};
use crate::time::timestamp_to_wire;

pub(crate) fn to_wire(read: &AuditRead) -> pb::AuditRead {
    pb::AuditRead {
        method: read.method.number(),
        from: read.from.map(timestamp_to_wire),
        until: read.until.map(timestamp_to_wire),
        subject_ref: read.subject.map(|id| id.to_string()).unwrap_or_default(),
        object: read.object.clone(),
        further: read.further.clone(),
        shown: read.shown.iter().map(Uuid::to_string).collect(),
    }
}

pub(crate) fn from_wire(wire: &pb::AuditRead) -> Result<AuditRead, FieldError> {
    let object = &wire.object;
    if object.len() > AuditRead::LONGEST_OBJECT || !object.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(FieldError("object"));
    }
    let further = &wire.further;
    let printable = further.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if further.len() > AuditRead::LONGEST_FURTHER || !printable {
        return Err(FieldError("further"));
    }
    let shown = wire.shown.iter().map(|id| parse("shown", id));
    let shown = shown.collect::<Result<Vec<Uuid>, _>>()?;
    let (known, each_once) = (shown.len(), shown.is_sorted_by(|a, b| a < b));
    if known > AuditRead::MOST_SHOWN || !each_once {
        return Err(FieldError("shown"));
    }
    Ok(AuditRead {
        method: word("method", wire.method, ReadMethod::from_number)?,
        from: optional_time("from", wire.from.as_ref())?,
        until: optional_time("until", wire.until.as_ref())?,
        subject: optional("subject_ref", &wire.subject_ref)?,
        object: object.clone(),
        further: further.clone(),
        shown,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_read_reads_back_and_names_each_person_once() {
        let read = AuditRead {
            method: ReadMethod::SearchAccess,
            from: Some(Timestamp::UNIX_EPOCH),
            until: None,
            subject: Some(Uuid::from_u128(7)),
            object: "tile/entries/003".to_owned(),
            further: "outcome=EXECUTED method=PLATE".to_owned(),
            shown: vec![Uuid::from_u128(1), Uuid::from_u128(7)],
        };
        let wire = to_wire(&read);
        assert_eq!(from_wire(&wire), Ok(read));
        let mut twice = wire.clone();
        twice.shown.push(Uuid::from_u128(7).to_string());
        assert_eq!(from_wire(&twice), Err(FieldError("shown")));
        let mut many = wire.clone();
        let all = 0..=AuditRead::MOST_SHOWN as u128;
        many.shown = all.map(|n| Uuid::from_u128(n).to_string()).collect();
        assert_eq!(from_wire(&many), Err(FieldError("shown")));
        for object in ["a b".to_owned(), "x".repeat(65)] {
            let wire = pb::AuditRead {
                object,
                ..wire.clone()
            };
            assert_eq!(from_wire(&wire), Err(FieldError("object")));
        }
        for further in ["a\nb".to_owned(), "x".repeat(401)] {
            let wire = pb::AuditRead {
                further,
                ..wire.clone()
            };
            assert_eq!(from_wire(&wire), Err(FieldError("further")));
        }
    }
}
