//! Who changed what in a complex, when and why: its records of the registry's log, read again.
//!
//! Each is verified as the fold does. What became of a change set is what the fold answered; see
//! `domain::registry` for how long that is known: a refusal always is, and what is not known any
//! more took effect.

use std::sync::Arc;
use std::time::Duration;

use domain::event::{Body, Event};
use domain::registry::EntityKey;
use domain::{ChangeSetId, ComplexId};
use eventlog::{EventLog, Record, TailFrom, Topic};
use prost::Message as _;
use proto::access::{AuditPosition, HistoryEntry, HistoryRequest, HistoryResponse};
use proto::events as pb;
use records::{EventReader, entity_key_from_text, timestamp_to_wire};

use crate::knowledge::Knowledge;
use crate::refusal::Refusal;

/// The most entries in a page.
const MOST: usize = 200;
/// How many there are unless the caller says.
const USUAL: usize = 50;
/// When a page is full, in bytes of its entries.
const FULL: usize = 1 << 20;
/// How many records of the partition are read for one page, whosever they are.
const READ: usize = 2000;
/// How many bytes of them.
const READ_BYTES: usize = 16 << 20;
/// Records read at once.
const BATCH: usize = 32;
/// How long the log may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads histories.
pub(crate) struct History {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Verifies.
    pub reader: Arc<EventReader>,
    /// What became of change sets.
    pub knowledge: Arc<Knowledge>,
}

struct Query {
    complex: ComplexId,
    entity: Option<EntityKey>,
    size: usize,
    from: u64,
}

impl History {
    /// A page.
    ///
    /// # Errors
    /// A field, or the log can't be read.
    pub(crate) async fn page(
        &self,
        complex: ComplexId,
        request: &HistoryRequest,
    ) -> Result<HistoryResponse, Refusal> {
        let query = query(complex, request)?;
        let read = tokio::time::timeout(PATIENCE, self.read(&query)).await;
        let (mut page, ids) = read.map_err(|_| Refusal::Log)??;
        let state = self.knowledge.lock();
        for (entry, id) in page.entries.iter_mut().zip(ids) {
            let answer = id.and_then(|id| state.registry.change_set(&query.complex, id));
            if let Some(Err(refused)) = answer {
                entry.refused = refused.to_string();
            }
        }
        Ok(page)
    }

    async fn read(
        &self,
        query: &Query,
    ) -> Result<(HistoryResponse, Vec<Option<ChangeSetId>>), Refusal> {
        let unread = |_| Refusal::Log;
        let end = self.knowledge.lock().registry_position(&query.complex);
        let partition = end.partition as usize;
        let start = self.log.start_offsets(Topic::RegistryEvents).await;
        let start = start.map_err(unread)?.get(partition).copied();
        let ends = self.log.end_offsets(Topic::RegistryEvents).await;
        let mut offsets = ends.map_err(unread)?;
        let (Some(start), Some(offset)) = (start, offsets.get_mut(partition)) else {
            return Err(Refusal::Stale);
        };
        let mut next = query.from.max(start);
        *offset = next.min(end.offset);
        let from = TailFrom::Offsets(offsets);
        let mut tail = self.log.tail(Topic::RegistryEvents, from).await;
        let tail = tail.as_mut().map_err(|_| Refusal::Log)?;
        let (mut page, mut ids) = (HistoryResponse::default(), Vec::new());
        let (mut read, mut read_bytes, mut bytes) = (0, 0, 0);
        'pages: while next < end.offset && read < READ && read_bytes < READ_BYTES {
            for record in tail.next_batch(BATCH).await.map_err(unread)? {
                if record.position.partition != end.partition {
                    continue;
                }
                if record.position.offset >= end.offset {
                    next = end.offset;
                    break 'pages;
                }
                next = record.position.offset + 1;
                read += 1;
                read_bytes += record.value.as_ref().map_or(0, |value| value.len());
                if let Some((entry, id)) = self.entry(query, &record) {
                    bytes += entry.encoded_len();
                    page.entries.push(entry);
                    ids.push(id);
                    if page.entries.len() == query.size || bytes >= FULL {
                        break 'pages;
                    }
                }
            }
        }
        if next < end.offset {
            page.next_page_token = next.to_string();
        }
        Ok((page, ids))
    }

    /// What a record says of what was asked for, if it does.
    fn entry(&self, query: &Query, record: &Record) -> Option<(HistoryEntry, Option<ChangeSetId>)> {
        if record.key.as_ref() != query.complex.as_str().as_bytes() {
            return None;
        }
        let mut entry = HistoryEntry {
            audit_position: Some(AuditPosition {
                topic: record.topic.name().to_owned(),
                partition: record.position.partition,
                offset: record.position.offset,
            }),
            appended_at: Some(timestamp_to_wire(record.append_time)),
            ..HistoryEntry::default()
        };
        match self.reader.read(record) {
            Ok(event) => {
                let id = said(&mut entry, event, query.entity.as_ref())?;
                Some((entry, Some(id)))
            }
            Err(unreadable) => {
                unreadable.reason().clone_into(&mut entry.ignored);
                // Nobody knows of what entity it is.
                query.entity.is_none().then_some((entry, None))
            }
        }
    }
}

/// Fills in what an event says; none where it is not about `entity`, or no change set.
fn said(entry: &mut HistoryEntry, event: Event, entity: Option<&EntityKey>) -> Option<ChangeSetId> {
    let Body::RegistryChanged(mut set) = event.body else {
        return None;
    };
    if let Some(entity) = entity {
        set.changes.retain(|change| change.entity.key() == *entity);
        if set.changes.is_empty() {
            return None;
        }
    }
    entry.occurred_at = Some(timestamp_to_wire(event.occurred_at));
    entry.actor = Some(pb::Actor {
        kind: event.actor.kind.number(),
        subject_ref: event
            .actor
            .subject
            .map(|id| id.to_string())
            .unwrap_or_default(),
        caller: event.actor.caller,
    });
    entry.change_set_id = set.id.to_string();
    entry.changes = set.changes.iter().map(records::change_to_wire).collect();
    entry.note = set.note;
    Some(set.id)
}

fn query(complex: ComplexId, request: &HistoryRequest) -> Result<Query, Refusal> {
    let size = match request.page_size as usize {
        0 => USUAL,
        size if size <= MOST => size,
        _ => return Err(Refusal::field("page_size", "at most 200; 0 is 50")),
    };
    let entity = match &*request.entity {
        "" => None,
        text => Some(entity_key_from_text(text).ok_or_else(|| {
            Refusal::field(
                "entity",
                "expected `kind/id`, e.g. `grant/UUID`, or `complex`",
            )
        })?),
    };
    let from = match &*request.page_token {
        "" => 0,
        token => token.parse().map_err(|_| {
            Refusal::field("page_token", "expected the `next_page_token` of a page")
        })?,
    };
    Ok(Query {
        complex,
        entity,
        size,
        from,
    })
}
