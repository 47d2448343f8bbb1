//! `smarthomectl history`: who changed what, when and why.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use domain::ComplexId;
use domain::registry::EntityKey;
use jiff::Timestamp;
use proto::access::{HistoryEntry, HistoryRequest};
use serde::Serialize;

use crate::cli::{Format, HistoryArgs, Kind};
use crate::client::{self, Client};
use crate::config::Config;
use crate::failure::Failure;
use crate::tree::{self, Tree};

/// One change set, or a record that is none.
#[derive(Debug, Serialize)]
struct Entry {
    position: String,
    appended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject_ref: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    caller: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    change_set_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    refused: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ignored: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    version: u64,
    to: Tree,
}

/// Runs it.
///
/// # Errors
/// A refusal or a failure; a complex that is not registered is one.
pub(crate) async fn run(config: &Config, args: &HistoryArgs) -> Result<(), Failure> {
    let entity = match (args.kind, &args.id) {
        (Some(kind), Some(id)) => records::entity_key_to_text(&key(&args.complex, kind, id)?),
        _ => String::new(),
    };
    let mut client = Client::connect(config).await?;
    let mut request = HistoryRequest {
        complex_id: args.complex.to_string(),
        entity,
        ..HistoryRequest::default()
    };
    let mut entries = Vec::new();
    loop {
        let page = client.history(request.clone()).await?;
        for entry in page.entries {
            entries.push(read(&args.complex, entry)?);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(print(&entries, args.output)?)
}

/// The entity that is asked for.
fn key(complex: &ComplexId, kind: Kind, id: &str) -> Result<EntityKey, Failure> {
    let kind = match kind {
        Kind::Complex if id == complex.as_str() => return Ok(EntityKey::Complex),
        Kind::Complex => "complex",
        Kind::Device => "device",
        Kind::Partner => "partner",
        Kind::Perimeter => "perimeter",
        Kind::Resident => "resident",
        Kind::Grant => "grant",
        Kind::GuestPass => "guest-pass",
        Kind::Credential => "credential",
        Kind::Building => "building",
        Kind::Entrance => "entrance",
    };
    records::entity_key_from_text(&format!("{kind}/{id}"))
        .ok_or_else(|| Failure::Usage(format!("`{id}` is no id of a {kind} in {complex}")))
}

fn read(complex: &ComplexId, entry: HistoryEntry) -> Result<Entry> {
    let at = entry.audit_position.unwrap_or_default();
    let actor = entry.actor.unwrap_or_default();
    let appended_at = entry.appended_at.as_ref();
    let appended_at = appended_at.map(|at| Timestamp::new(at.seconds, at.nanos));
    let changes = entry.changes.iter().map(|change| {
        let change = records::change_from_wire(change);
        let change = change.with_context(|| client::unknown(complex))?;
        anyhow::Ok(Change {
            version: change.expected_version + 1,
            to: tree::document(complex, &change.entity),
        })
    });
    Ok(Entry {
        position: format!("{}/{}/{}", at.topic, at.partition, at.offset),
        appended_at: appended_at.transpose()?,
        subject_ref: actor.subject_ref,
        caller: actor.caller,
        change_set_id: entry.change_set_id,
        note: entry.note,
        refused: entry.refused,
        ignored: entry.ignored,
        changes: changes.collect::<Result<_>>()?,
    })
}

fn print(entries: &[Entry], format: Format) -> Result<()> {
    let text = match format {
        Format::Yaml => {
            let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
            serde_saphyr::to_string_multiple_with_options(entries, options)?
        }
        Format::Json => serde_json::to_string_pretty(entries)? + "\n",
    };
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).context("print")
}
