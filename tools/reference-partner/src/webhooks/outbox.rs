//! Messages that wait, and what became of them.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::store::{Key, StoreError, Table, Tx};

/// Attempts that are remembered with a message.
const ATTEMPTS_KEPT: usize = 20;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// Not taken by the receiver yet.
    Pending,
    /// Answered 2xx.
    Delivered,
    /// Given up: refused for good, or too old.
    Failed,
}

/// One attempt to deliver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// One webhook message: its id and its bytes never change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    id: Uuid,
    pub(crate) event_ids: Vec<Uuid>,
    events: Vec<String>,
    created_at: Timestamp,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: Vec<Attempt>,
    tried: u32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    pub(crate) verdicts: Option<Value>,
}

impl Message {
    fn new(id: Uuid, events: Vec<(Uuid, String)>, now: Timestamp) -> Self {
        let (event_ids, events) = events.into_iter().unzip();
        Self {
            id,
            event_ids,
            events,
            created_at: now,
            state: DeliveryState::Pending,
            attempts: Vec::new(),
            tried: 0,
            next_attempt_at: Some(now),
            verdicts: None,
        }
    }

    /// The `webhook-id`.
    pub(crate) fn webhook_id(&self) -> String {
        format!("msg_{}", self.id)
    }

    /// Whether the body is a batch.
    pub(crate) fn is_batch(&self) -> bool {
        self.events.len() > 1
    }

    /// The body, the same at every attempt.
    pub(crate) fn body(&self) -> String {
        if self.is_batch() {
            format!("[{}]", self.events.join(","))
        } else {
            self.events.concat()
        }
    }

    /// How many attempts there were.
    pub(crate) fn tried(&self) -> u32 {
        self.tried
    }

    /// How old it is.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.created_at)).unwrap_or(Duration::ZERO)
    }

    /// Notes an attempt.
    pub(crate) fn note(&mut self, attempt: Attempt) {
        self.tried += 1;
        if self.attempts.len() == ATTEMPTS_KEPT {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }

    fn key(&self) -> Key {
        Key::plain(self.id.as_bytes())
    }
}

/// Messages to send now, and when to look again.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) messages: Vec<Message>,
    pub(super) next: Option<Timestamp>,
}

/// How many messages may be taken, and how large they may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub(super) messages: usize,
    pub(super) events_each: usize,
}

/// The durable outbox.
pub(crate) struct Outbox;

impl Outbox {
    /// Puts an event into the outbox, in the transaction that records it.
    pub(crate) fn put(
        tx: &Tx<'_>,
        event: Uuid,
        json: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        Self::save(tx, &Message::new(event, vec![(event, json)], now))
    }

    /// Takes what is due and not busy. Fresh events are put together into batches, durably, so
    /// that a retry after a crash has the same id and body.
    pub(super) fn take(
        tx: &Tx<'_>,
        now: Timestamp,
        quota: Quota,
        busy: &HashSet<Uuid>,
    ) -> Result<Due, StoreError> {
        let mut due = Due::default();
        let mut fresh: Vec<Message> = Vec::new();
        let limit = busy.len() + quota.messages * quota.events_each + 1;
        for (_, message) in tx.due::<Message>(Table::Outbox, "", Timestamp::MAX, limit)? {
            let next = message.next_attempt_at.unwrap_or(now);
            if busy.contains(&message.id) {
                continue;
            }
            let slots = quota.messages - due.messages.len();
            if next > now || slots == 0 || fresh.len() == slots * quota.events_each {
                due.next = Some(next);
                break;
            }
            let single = message.tried == 0 && !message.is_batch();
            if single && quota.events_each > 1 {
                fresh.push(message)
            } else {
                due.messages.push(message)
            }
        }
        while !fresh.is_empty() && due.messages.len() < quota.messages {
            let rest = fresh.split_off(fresh.len().min(quota.events_each));
            due.messages.push(Self::join(tx, fresh, now)?);
            fresh = rest;
        }
        if !fresh.is_empty() {
            due.next = Some(now);
        }
        Ok(due)
    }

    fn join(tx: &Tx<'_>, mut singles: Vec<Message>, now: Timestamp) -> Result<Message, StoreError> {
        if singles.len() == 1 {
            return Ok(singles.remove(0));
        }
        let mut events = Vec::new();
        for single in singles {
            tx.delete(Table::Outbox, "", &single.key())?;
            events.extend(single.event_ids.into_iter().zip(single.events));
        }
        let batch = Message::new(Uuid::now_v7(), events, now);
        Self::save(tx, &batch)?;
        Ok(batch)
    }

    /// Saves a message after an attempt; what is finished moves to the deliveries, kept until
    /// `forget_at`.
    pub(super) fn finish(
        tx: &Tx<'_>,
        message: &Message,
        forget_at: Timestamp,
    ) -> Result<(), StoreError> {
        if message.state == DeliveryState::Pending {
            return Self::save(tx, message);
        }
        tx.delete(Table::Outbox, "", &message.key())?;
        tx.put(
            Table::Deliveries,
            "",
            &message.key(),
            Some(forget_at),
            message,
        )
    }

    fn save(tx: &Tx<'_>, message: &Message) -> Result<(), StoreError> {
        tx.put(
            Table::Outbox,
            "",
            &message.key(),
            message.next_attempt_at,
            message,
        )
    }

    /// All messages, waiting and finished, newest first.
    pub(crate) fn list(tx: &Tx<'_>, limit: usize) -> Result<Vec<Message>, StoreError> {
        let mut all = Vec::new();
        for table in [Table::Outbox, Table::Deliveries] {
            let found = tx.scan::<Message>(table, "", &Key::plain(b""), usize::MAX)?;
            all.extend(found.into_iter().map(|(_, message)| message));
        }
        all.sort_by_key(|message| std::cmp::Reverse(message.id));
        all.truncate(limit);
        Ok(all)
    }

    /// Whether two messages are one.
    pub(super) fn id(message: &Message) -> Uuid {
        message.id
    }
}
