//! What can be wrong with one event, and where.

use std::fmt;

/// Why an event is rejected: stable texts of the verdict, the record and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// A field that the contract doesn't declare. It may hold anything, personal data too.
    UndeclaredField,
    /// A field that stands twice in one object: readers could disagree about which one counts.
    RepeatedField,
    /// A field that the contract requires is absent.
    MissingField,
    /// A field has another form, range or relation to its neighbours than the contract says.
    InvalidField,
    /// No such event type in the contract.
    UnknownType,
    /// The source is not the verified partner's.
    WrongSource,
    /// The partner may not speak of this complex or device, or couldn't at that time.
    OutOfPerimeter,
    /// It claims to have happened later than now, beyond what clocks may differ.
    InTheFuture,
}

impl RejectReason {
    /// The stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UndeclaredField => "undeclared_field",
            Self::RepeatedField => "repeated_field",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::UnknownType => "unknown_type",
            Self::WrongSource => "wrong_source",
            Self::OutOfPerimeter => "out_of_perimeter",
            Self::InTheFuture => "in_the_future",
        }
    }
}

/// A JSON Pointer (RFC 6901) into an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// To the declared field `name` of the object at `object` (itself a pointer).
    pub fn declared(object: &str, name: &'static str) -> Self {
        Self(format!("{object}/{name}"))
    }

    /// To a field whose name somebody else chose. A name that doesn't look like one (a map keyed
    /// by plates or phone numbers, say) may itself be personal data: then the pointer ends at
    /// the object.
    pub fn undeclared(object: &str, name: &str) -> Self {
        let plain = (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if plain {
            Self(format!("{object}/{name}"))
        } else {
            Self(object.to_owned())
        }
    }

    /// To the same place, seen from the array that holds the event at `index`.
    pub fn in_batch(self, index: usize) -> Self {
        Self(format!("/{index}{}", self.0))
    }

    /// To a whole document.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The pointer as text; empty for the whole document.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One event can't be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at `{path}`", reason.as_str())]
pub struct Fault {
    /// Why.
    pub reason: RejectReason,
    /// The field to blame; never its value.
    pub path: JsonPointer,
}

impl Fault {
    /// About the declared field `name` of the object at `object`.
    pub fn at(reason: RejectReason, object: &str, name: &'static str) -> Self {
        Self {
            reason,
            path: JsonPointer::declared(object, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::JsonPointer;

    #[test]
    fn a_name_that_may_be_data_is_not_repeated() {
        let pointer = |name| JsonPointer::undeclared("/data", name).to_string();
        assert_eq!(pointer("plate_number"), "/data/plate_number");
        assert_eq!(pointer("plateNumber"), "/data/plateNumber");
        for name in [
            "A123BC77",
            "+79161234567",
            "Иванов",
            "",
            "a/b",
            "a~b",
            &"x".repeat(41),
        ] {
            assert_eq!(pointer(name), "/data", "{name:?}");
        }
    }
}
