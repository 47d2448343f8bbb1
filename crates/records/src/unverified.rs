//! What a value says, whoever said it.

use domain::event::Event;
use prost::Message as _;
use proto::events::Envelope;

use crate::decode;
use crate::reader::Unreadable;

/// The event of a record's value, for tools that show it. No signature is looked at: nothing may be
/// folded or decided from it.
///
/// # Errors
/// [`Unreadable`], but never [`Unreadable::Signature`] or [`Unreadable::Key`].
pub fn unverified(value: &[u8]) -> Result<Event, Unreadable> {
    let envelope = Envelope::decode(value).map_err(|_| Unreadable::NotProtobuf)?;
    decode::event(&envelope)?.ok_or(Unreadable::UnknownType)
}
