//! A record, for people and scripts to read. Its truth is the leaf, which stands beside it.

use auditlog::{LogId, OversizedRecord, Position};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::event::{Body, Event};
use domain::registry::ChangeSet;
use jiff::Timestamp;
use records::Unreadable;
use serde_json::{Map, Value, json};

/// What the columns of the table are.
pub const COLUMNS: [&str; 17] = [
    "index",
    "occurred_at",
    "kind",
    "complex",
    "device",
    "actor",
    "subject_ref",
    "caller",
    "operation",
    "verdict",
    "reason",
    "outcome",
    "observation",
    "method",
    "command_id",
    "event_id",
    "unreadable",
];

/// One leaf, read.
#[derive(Debug, Clone)]
pub struct Shown(Map<String, Value>);

impl Shown {
    /// Reads a leaf; nothing is believed of it.
    pub fn new(log: &LogId, index: u64, leaf: &[u8], position: Option<Position>) -> Self {
        let mut map = Map::new();
        map.insert("log".to_owned(), json!(log.to_string()));
        map.insert("index".to_owned(), json!(index));
        if let Some(at) = position {
            map.insert("offset".to_owned(), json!(at.offset));
            let append_time = Timestamp::from_millisecond(at.append_time).ok();
            map.insert("append_time".to_owned(), json!(append_time));
        }
        match read(leaf) {
            Ok(event) => map.extend(fields(&event)),
            Err(why) => {
                map.insert("unreadable".to_owned(), json!(why));
            }
        }
        map.insert("value".to_owned(), json!(BASE64_STANDARD.encode(leaf)));
        Self(map)
    }

    /// One line of JSON.
    pub fn line(&self) -> String {
        Value::Object(self.0.clone()).to_string() + "\n"
    }

    /// The fields.
    pub fn json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// A field's text; empty where it isn't there.
    pub fn text(&self, field: &str) -> String {
        match self.0.get(field) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Its row of the table.
    pub fn csv(&self) -> Vec<u8> {
        let cells = COLUMNS.map(|column| harmless(self.text(column)));
        csv_row(cells.iter().map(String::as_str))
    }
}

/// The event of a leaf, whoever said it, or why there is none.
pub fn read(leaf: &[u8]) -> Result<Event, &'static str> {
    if OversizedRecord::parse(leaf).is_some() {
        return Err("larger than a leaf may be; only its digest is in the log");
    }
    if leaf.is_empty() {
        return Err(Unreadable::Tombstone.reason());
    }
    records::unverified(leaf).map_err(|unreadable| unreadable.reason())
}

fn fields(event: &Event) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            map.insert(name.to_owned(), value);
        }
    };
    let text = |text: Option<String>| json!(text);
    put("event_id", json!(event.id.to_string()));
    put("kind", json!(event.body.kind()));
    put("occurred_at", json!(event.occurred_at));
    put("complex", json!(event.complex.to_string()));
    put(
        "device",
        text(event.device.as_ref().map(ToString::to_string)),
    );
    put("actor", json!(event.actor.kind.as_str()));
    put(
        "subject_ref",
        text(event.actor.subject.map(|id| id.to_string())),
    );
    put("caller", json!(event.actor.caller));
    put("correlation", json!(event.correlation));
    match &event.body {
        Body::AccessDecided(decided) => {
            put("command_id", json!(decided.command.to_string()));
            put("operation", json!(decided.operation.as_str()));
            put("verdict", json!(decided.verdict.as_str()));
            put("reason", json!(decided.reason.as_str()));
            put("expires_at", json!(decided.expires_at));
            put(
                "right",
                text(decided.inputs.right.map(|(id, _)| id.to_string())),
            );
            put(
                "partner",
                text(decided.inputs.partner.as_ref().map(ToString::to_string)),
            );
        }
        Body::CommandCompleted(completed) => {
            put("command_id", json!(completed.command.to_string()));
            put("outcome", json!(completed.outcome.as_str()));
            put("reason", json!(completed.reason.as_str()));
            put("partner_ref", json!(completed.partner_ref));
            put("latency_ms", json!(completed.latency_ms));
            put("reconciled", json!(completed.reconciled));
        }
        Body::AccessObserved(observed) => {
            put("partner", json!(observed.partner.to_string()));
            put("partner_event_id", json!(observed.partner_event_id));
            put("observation", json!(observed.observation.as_str()));
            put(
                "method",
                json!(observed.method.map(|method| method.as_str())),
            );
            put("resolution", json!(observed.resolution.as_str()));
            put(
                "credential_id",
                text(observed.credential.map(|id| id.to_string())),
            );
            put(
                "command_id",
                text(observed.command.map(|id| id.to_string())),
            );
            put("received_at", json!(observed.received_at));
        }
        Body::RegistryChanged(set) => {
            put("change_set_id", json!(set.id.to_string()));
            put("note", json!(set.note));
            put("changes", changes(set));
        }
        Body::PassUseConsumed(consumed) => {
            put("command_id", json!(consumed.command.to_string()));
            put("pass_id", json!(consumed.pass.to_string()));
        }
        Body::PassUseReturned(returned) => {
            put("command_id", json!(returned.command.to_string()));
            put("pass_id", json!(returned.pass.to_string()));
        }
        Body::SubjectExported(exported) => put("about", json!(exported.subject.to_string())),
        Body::SubjectErased(erased) => put("about", json!(erased.subject.to_string())),
        Body::LegalHoldChanged(changed) => {
            put("about", json!(changed.subject.to_string()));
            put("held", json!(changed.held));
            put("note", json!(changed.reason));
        }
        Body::ProvisioningChanged(changed) => {
            put("partner", json!(changed.partner.to_string()));
            put("reason", json!(changed.reason));
        }
        Body::EgressSummary(summary) => put("partner", json!(summary.partner.to_string())),
        Body::AdmissionSummary(summary) => {
            put("reason", json!(summary.reason));
            put("count", json!(summary.count));
        }
        // Of a later version's other kinds what every record has.
        _ => {}
    }
    map
}

fn changes(set: &ChangeSet) -> Value {
    let changes = set.changes.iter().map(|change| {
        let key = change.entity.key();
        json!({
            "entity": records::entity_key_to_text(&key),
            "expected_version": change.expected_version,
        })
    });
    changes.collect()
}

/// Text that no spreadsheet takes for a formula.
fn harmless(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// How a record says that something ended.
pub fn results(body: &Body) -> Vec<&'static str> {
    match body {
        Body::AccessDecided(decided) => vec![decided.verdict.as_str()],
        Body::CommandCompleted(completed) => vec![completed.outcome.as_str()],
        Body::AccessObserved(observed) => vec![observed.observation.as_str()],
        _ => Vec::new(),
    }
}

/// A row of the table, or its head, as CSV (RFC 4180).
pub fn csv_row<'a>(cells: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Into memory, where nothing fails.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}
