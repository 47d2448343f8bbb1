//! `google.protobuf.Timestamp` to and from [`jiff::Timestamp`].

use jiff::Timestamp;

use crate::decode::FieldError;

/// To the wire.
pub fn timestamp_to_wire(at: Timestamp) -> prost_types::Timestamp {
    // Both are Unix seconds, but protobuf counts its nanoseconds forward only.
    let nanos = at.subsec_nanosecond();
    let borrow = i64::from(nanos < 0);
    prost_types::Timestamp {
        seconds: at.as_second() - borrow,
        nanos: if nanos < 0 {
            nanos + 1_000_000_000
        } else {
            nanos
        },
    }
}

/// From the wire; `field` names it in the error.
///
/// # Errors
/// Out of the range of years 1 to 9999, or nanoseconds out of 0 to 999,999,999.
pub fn timestamp_from_wire(
    field: &'static str,
    at: &prost_types::Timestamp,
) -> Result<Timestamp, FieldError> {
    if !(0..1_000_000_000).contains(&at.nanos) {
        return Err(FieldError(field));
    }
    Timestamp::new(at.seconds, at.nanos).map_err(|_| FieldError(field))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_ways_also_before_1970() {
        for text in [
            "2026-11-24T12:00:00.123456789Z",
            "1969-12-31T23:59:59.5Z",
            "1970-01-01T00:00:00Z",
        ] {
            let at: Timestamp = text.parse().unwrap();
            let wire = timestamp_to_wire(at);
            assert!((0..1_000_000_000).contains(&wire.nanos));
            assert_eq!(timestamp_from_wire("at", &wire).unwrap(), at);
        }
    }

    #[test]
    fn out_of_range_is_refused() {
        let wire = prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        };
        assert!(timestamp_from_wire("at", &wire).is_err());
        let wire = prost_types::Timestamp {
            seconds: 0,
            nanos: -1,
        };
        assert!(timestamp_from_wire("at", &wire).is_err());
    }
}
