//! The event book: counters, events kept for backfill, and the outbox, all in one transaction.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::status::{Status, StatusChange, first_reading, new_epoch};
use super::vocabulary::{Happening, Stamp};
use super::withheld::{Withheld, Withholding};
use crate::config::Device;
use crate::ids::{ComplexId, DeviceId, PartnerId};
use crate::store::{Key, StoreError, Table, Tx};
use crate::webhooks::Outbox;

/// Bytes of a cursor's tag.
const TAG_BYTES: usize = 8;

/// Where a complex's events begin and end.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Marks {
    last: u64,
    pruned: u64,
}

/// A page of events.
#[derive(Debug)]
pub(crate) enum Page {
    /// Events as JSON texts, and the cursor after them.
    Events(Vec<String>, String),
    /// The cursor is not one of this complex.
    UnknownCursor,
    /// Events after the cursor are gone.
    CursorExpired,
}

/// Writes and reads events.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) partner: PartnerId,
    /// How long events are kept.
    pub(crate) kept: Duration,
    /// Whether events are sent, or kept for backfill only.
    pub(crate) send: bool,
    /// What is not told although it happened.
    pub(crate) withheld: Arc<Withholding>,
}

impl Book {
    /// Records an event of a device: next sequence number, kept, and put into the outbox.
    pub(crate) fn append(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        device: &Device,
        happening: &Happening,
        now: Timestamp,
    ) -> Result<Uuid, StoreError> {
        let mut status = self.status(tx, complex, device, now)?;
        status.sequence += 1;
        if let Happening::Status(reading) = happening {
            status.reading = reading.clone();
        }
        save(tx, complex, &device.id, &status)?;
        let id = Uuid::now_v7();
        let stamp = Stamp {
            id,
            partner: &self.partner,
            complex,
            device: &device.id,
            time: now,
            epoch: status.epoch,
            sequence: status.sequence,
        };
        let json = happening.to_json(&stamp)?;
        let withheld = self.withheld.take(&device.id);
        if withheld == Some(Withheld::Forgotten) {
            return Ok(id);
        }
        let mut marks = self.marks(tx, complex)?;
        marks.last += 1;
        let forget_at = now.saturating_add(self.kept).unwrap_or(Timestamp::MAX);
        tx.put(
            Table::Events,
            complex.as_str(),
            &position_key(marks.last),
            Some(forget_at),
            &json,
        )?;
        tx.put(
            Table::EventMarks,
            "",
            &tx.hidden(complex.as_str().as_bytes()),
            None,
            &marks,
        )?;
        if self.send && withheld.is_none() {
            Outbox::put(tx, id, json, now)?;
        }
        Ok(id)
    }

    /// A device's status; a device without one gets a new epoch, above any before it.
    pub(crate) fn status(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        device: &Device,
        now: Timestamp,
    ) -> Result<Status, StoreError> {
        let key = tx.hidden(device.id.as_str().as_bytes());
        if let Some(status) = tx.get(Table::Devices, complex.as_str(), &key)? {
            return Ok(status);
        }
        let status = Status {
            reading: first_reading(device, now),
            epoch: new_epoch(0, now),
            sequence: 0,
        };
        save(tx, complex, &device.id, &status)?;
        Ok(status)
    }

    /// Changes a reading and records the event of it.
    pub(crate) fn change(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        device: &Device,
        change: StatusChange,
        now: Timestamp,
    ) -> Result<Uuid, StoreError> {
        let mut reading = self.status(tx, complex, device, now)?.reading;
        change.apply(&mut reading, now);
        self.append(tx, complex, device, &Happening::Status(reading), now)
    }

    /// Loses a device's counter: a higher epoch begins.
    pub(crate) fn lose_counter(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        device: &Device,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut status = self.status(tx, complex, device, now)?;
        status.epoch = new_epoch(status.epoch, now);
        status.sequence = 0;
        save(tx, complex, &device.id, &status)?;
        Ok(status.epoch)
    }

    fn marks(&self, tx: &Tx<'_>, complex: &ComplexId) -> Result<Marks, StoreError> {
        let key = tx.hidden(complex.as_str().as_bytes());
        Ok(tx.get(Table::EventMarks, "", &key)?.unwrap_or_default())
    }

    /// Reads a page of events after a cursor, or from the oldest kept.
    pub(crate) fn page(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let marks = self.marks(tx, complex)?;
        let after = match after.map(|cursor| read_cursor(tx, complex, cursor)) {
            None => marks.pruned,
            Some(None) => return Ok(Page::UnknownCursor),
            Some(Some(position)) if position < marks.pruned => return Ok(Page::CursorExpired),
            Some(Some(position)) => position,
        };
        let found =
            tx.scan::<String>(Table::Events, complex.as_str(), &position_key(after), limit)?;
        let last = found
            .last()
            .and_then(|(key, _)| position(key))
            .unwrap_or(after);
        let events = found.into_iter().map(|(_, json)| json).collect();
        Ok(Page::Events(events, cursor(tx, complex, last)))
    }

    /// Deletes events that have been kept long enough, oldest first and without holes.
    pub(crate) fn prune(
        &self,
        tx: &Tx<'_>,
        complex: &ComplexId,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let due = tx.due::<String>(Table::Events, complex.as_str(), now, 1000)?;
        let Some(newest) = due.iter().filter_map(|(key, _)| position(key)).max() else {
            return Ok(0);
        };
        let mut marks = self.marks(tx, complex)?;
        let mut deleted = 0;
        for gone in marks.pruned + 1..=newest {
            deleted +=
                usize::from(tx.delete(Table::Events, complex.as_str(), &position_key(gone))?);
        }
        marks.pruned = newest;
        tx.put(
            Table::EventMarks,
            "",
            &tx.hidden(complex.as_str().as_bytes()),
            None,
            &marks,
        )?;
        Ok(deleted)
    }
}

fn save(
    tx: &Tx<'_>,
    complex: &ComplexId,
    device: &DeviceId,
    status: &Status,
) -> Result<(), StoreError> {
    tx.put(
        Table::Devices,
        complex.as_str(),
        &tx.hidden(device.as_str().as_bytes()),
        None,
        status,
    )
}

fn position_key(position: u64) -> Key {
    Key::plain(&position.to_be_bytes())
}

fn position(key: &Key) -> Option<u64> {
    key.as_bytes().try_into().ok().map(u64::from_be_bytes)
}

fn tag(tx: &Tx<'_>, complex: &ComplexId, position: &[u8]) -> Vec<u8> {
    let bound = [complex.as_str().as_bytes(), b"|", position].concat();
    tx.tag(b"event cursor", &bound)[..TAG_BYTES].to_vec()
}

fn cursor(tx: &Tx<'_>, complex: &ComplexId, position: u64) -> String {
    let position = position.to_be_bytes();
    BASE64URL.encode([&position[..], &tag(tx, complex, &position)].concat())
}

fn read_cursor(tx: &Tx<'_>, complex: &ComplexId, text: &str) -> Option<u64> {
    let bytes = BASE64URL.decode(text).ok()?;
    let (position, given) = bytes.split_at_checked(8)?;
    if given != tag(tx, complex, position) {
        return None;
    }
    position.try_into().ok().map(u64::from_be_bytes)
}
