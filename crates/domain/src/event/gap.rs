//! What a partner owes and can't give.

use jiff::Timestamp;

use crate::id::PartnerId;
use crate::vocabulary::GapReason;

/// Events of a device that did not reach us, and can't be had now. Said once a gap, and once more
/// if the partner was only out of reach and then turned out not to have them. What closes it is the
/// events themselves, whenever they arrive: nothing is recorded of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryGap {
    /// The partner.
    pub partner: PartnerId,
    /// Epoch of the device's count.
    pub epoch: u64,
    /// The first sequence number that is missing.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Why it can't be had.
    pub reason: GapReason,
    /// Since when it is known that something is missing.
    pub detected_at: Timestamp,
}
