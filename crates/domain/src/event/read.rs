//! Who was given what was recorded.

use jiff::Timestamp;
use uuid::Uuid;

use crate::vocabulary::ReadMethod;

/// Audit data was given to the actor of the event, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRead {
    /// In which way.
    pub method: ReadMethod,
    /// Only what happened at this time or later was asked for.
    pub from: Option<Timestamp>,
    /// Only what happened before.
    pub until: Option<Timestamp>,
    /// Only what is about this person or pass.
    pub subject: Option<Uuid>,
    /// The one thing that was asked for: an event id, or the name of a file of the published log.
    pub object: String,
    /// What else was asked for: words `name=VALUE`, at most [`AuditRead::LONGEST_FURTHER`] characters.
    pub further: String,
    /// Whose data was given, each once, in order; at most [`AuditRead::MOST_SHOWN`].
    pub shown: Vec<Uuid>,
}

impl AuditRead {
    /// Persons and passes that one record names, at most.
    pub const MOST_SHOWN: usize = 1000;
    /// Characters of [`AuditRead::object`], at most.
    pub const LONGEST_OBJECT: usize = 64;
    /// Characters of [`AuditRead::further`], at most.
    pub const LONGEST_FURTHER: usize = 400;
}
