//! Whether everything that happened at the devices has reached us.
//!
//! Every event of a partner has (device, epoch, sequence), and within an epoch the sequence grows
//! by one from 1. So what is missing is known as soon as anything above it has come. A new epoch
//! begins a new count: what the old one lacked behind its last known number nobody can tell, so
//! nothing is held to be missing there.
//!
//! A fold: the same records in any order, repeated or not, give the same state, as long as the
//! limits of [`Limits`] are kept. Beyond them the lowest hole is closed as if it had been filled,
//! and the oldest epoch forgotten; [`Completeness::given_up`] counts what was lost that way.

mod counter;
mod ranges;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{Body, DeliveryGap, DeviceSequence, Event};
use crate::id::{ComplexId, DeviceId, PartnerId};

pub use counter::{Counter, Figure};
pub use ranges::{Hole, Ranges, Span};

/// What is kept of one device, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Epochs, newest first.
    pub epochs: usize,
    /// Ranges of each.
    pub ranges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            epochs: 4,
            ranges: 256,
        }
    }
}

/// The fold of what was received, by partner and device.
#[derive(Debug, Clone, PartialEq)]
pub struct Completeness {
    /// What happened before is neither counted nor missed.
    from: Timestamp,
    limits: Limits,
    devices: BTreeMap<(PartnerId, DeviceId), Device>,
    given_up: u64,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Device {
    epochs: BTreeMap<u64, Epoch>,
    /// An epoch with events was forgotten: the lowest that is left isn't the first.
    older: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Epoch {
    counter: Counter,
    /// Recorded as missing, for whatever reason.
    told: Ranges,
    /// Recorded as missing for good.
    lost: Ranges,
}

/// A gap that stands open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGap {
    /// Whose device.
    pub partner: PartnerId,
    /// The device.
    pub device: DeviceId,
    /// The epoch.
    pub epoch: u64,
    /// What is missing.
    pub span: Span,
    /// Since when that is known, by the log's clock.
    pub since: Timestamp,
    /// It is recorded as missing already, and may yet be had.
    pub told: bool,
}

/// What is known of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was received.
    Received,
    /// It is missing.
    Missing,
    /// It is above all that was received.
    Ahead,
    /// It is before all that is counted, or of a device that nothing was heard of.
    Unknown,
}

impl Completeness {
    /// Nothing was received. What happened before `from` will not count.
    pub fn new(from: Timestamp, limits: Limits) -> Self {
        Self {
            from,
            limits,
            devices: BTreeMap::new(),
            given_up: 0,
        }
    }

    /// Takes in what a record says; `at` is when the log took it. Most say nothing here.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        let Some(device) = &event.device else { return };
        match &event.body {
            Body::AccessObserved(seen) => {
                let happened = event.occurred_at;
                self.event(&seen.partner, device, seen.sequence, (happened, at));
            }
            Body::DeviceStatus(seen) => {
                self.event(&seen.partner, device, seen.sequence, (seen.observed_at, at));
            }
            Body::IngressRejected(rejected) => {
                if let Some(sequence) = rejected.sequence {
                    self.rejection(&rejected.partner, device, sequence, at);
                }
            }
            Body::DeliveryGap(gap) => self.told(device, gap, at),
            _ => {}
        }
    }

    fn event(
        &mut self,
        partner: &PartnerId,
        device: &DeviceId,
        of: DeviceSequence,
        (happened, at): (Timestamp, Timestamp),
    ) {
        if happened < self.from {
            return;
        }
        self.change(partner, device, of.epoch, |epoch| {
            epoch.counter.event(of.sequence, at);
        });
    }

    fn rejection(
        &mut self,
        partner: &PartnerId,
        device: &DeviceId,
        of: DeviceSequence,
        at: Timestamp,
    ) {
        self.change(partner, device, of.epoch, |epoch| {
            epoch.counter.rejection(of.sequence, at);
        });
    }

    fn told(&mut self, device: &DeviceId, gap: &DeliveryGap, at: Timestamp) {
        let span = Span {
            first: gap.first,
            last: gap.last,
        };
        self.change(&gap.partner, device, gap.epoch, |epoch| {
            epoch.told.insert(span, at);
            if gap.reason.is_final() {
                epoch.lost.insert(span, at);
            }
        });
    }

    fn change(
        &mut self,
        partner: &PartnerId,
        device: &DeviceId,
        epoch: u64,
        change: impl FnOnce(&mut Epoch),
    ) {
        let key = (partner.clone(), device.clone());
        let of = self.devices.entry(key).or_default();
        let kept = of.epochs.entry(epoch).or_default();
        change(kept);
        let most = self.limits.ranges;
        let given_up = kept.counter.bound(most);
        kept.told.bound(most);
        kept.lost.bound(most);
        self.given_up = self.given_up.saturating_add(given_up);
        while of.epochs.len() > self.limits.epochs.max(1) {
            let oldest = of.epochs.pop_first();
            of.older |= oldest.is_some_and(|(_, oldest)| oldest.counter.has_events());
        }
    }

    /// Every gap that is open and not recorded as lost for good.
    pub fn open(&self) -> Vec<OpenGap> {
        let mut open = Vec::new();
        for ((partner, device), of) in &self.devices {
            for (number, epoch, whole) in of.counted() {
                for hole in epoch.counter.holes(whole) {
                    for span in epoch.lost.without(hole.span) {
                        let untold = epoch.told.without(span);
                        let told = untold.is_empty();
                        open.push(OpenGap {
                            partner: partner.clone(),
                            device: device.clone(),
                            epoch: number,
                            span,
                            since: hole.since,
                            told,
                        });
                    }
                }
            }
        }
        open
    }

    /// What is known of a number.
    pub fn standing(
        &self,
        partner: &PartnerId,
        device: &DeviceId,
        sequence: DeviceSequence,
    ) -> Standing {
        let key = (partner.clone(), device.clone());
        let Some(of) = self.devices.get(&key) else {
            return Standing::Unknown;
        };
        let newest = of.counted().last();
        let Some((newest, ..)) = newest else {
            return Standing::Unknown;
        };
        let found = of.counted().find(|(number, ..)| *number == sequence.epoch);
        let Some((_, epoch, whole)) = found else {
            return match sequence.epoch > newest && sequence.sequence > 0 {
                true => Standing::Ahead,
                false => Standing::Unknown,
            };
        };
        if epoch.counter.has(sequence.sequence) {
            return Standing::Received;
        }
        match epoch.counter.expected(whole) {
            Some(expected) if sequence.sequence > expected.last => Standing::Ahead,
            Some(expected) if sequence.sequence >= expected.first => Standing::Missing,
            _ => Standing::Unknown,
        }
    }

    /// How complete each epoch of a partner's device is, oldest first.
    pub fn figures(&self, partner: &PartnerId, device: &DeviceId) -> Vec<(u64, Figure)> {
        let key = (partner.clone(), device.clone());
        let of = self.devices.get(&key);
        let counted = of.into_iter().flat_map(Device::counted);
        counted
            .filter_map(|(number, epoch, whole)| Some((number, epoch.counter.figure(whole)?)))
            .collect()
    }

    /// How many missing numbers were given up because a device had more holes than
    /// [`Limits::ranges`].
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The complexes of a gap's devices.
    pub fn complexes(gaps: &[OpenGap]) -> std::collections::BTreeSet<ComplexId> {
        gaps.iter().map(|gap| gap.device.complex()).collect()
    }
}

impl Device {
    /// Epochs with events, oldest first, and whether each began while the device was watched.
    fn counted(&self) -> impl Iterator<Item = (u64, &Epoch, bool)> {
        let mut whole = self.older;
        let counted = self.epochs.iter();
        counted
            .filter(|(_, epoch)| epoch.counter.has_events())
            .map(move |(number, epoch)| {
                let began = whole;
                whole = true;
                (*number, epoch, began)
            })
    }
}
