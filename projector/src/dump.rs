//! The views in a canonical form: one JSON object a row, sorted, so that two stores can be
//! compared byte for byte, whatever engines they are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::Message as _;
use serde_json::{Value, json};

use crate::store::{StoreError, Table, ViewReader};
use crate::views::{DeviceRow, RowWrite};

/// All rows, as sorted lines.
///
/// # Errors
/// [`StoreError`].
pub async fn lines(views: &dyn ViewReader) -> anyhow::Result<Vec<String>> {
    Ok(all(views).await?)
}

async fn all(views: &dyn ViewReader) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    for table in Table::ALL {
        let rows = views.scan(table).await?;
        lines.extend(rows.iter().map(|row| json(row).to_string()));
    }
    lines.sort_unstable();
    Ok(lines)
}

/// One row. Its keys are sorted; protobuf messages are base64.
pub fn json(row: &RowWrite) -> Value {
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    match row {
        RowWrite::Access(row) => json!({
            "table": "access",
            "complex": row.complex.as_str(),
            "identity": row.identity.as_str(),
            "event": row.event.to_string(),
            "offset": row.offset,
            "occurred_at": row.occurred_at.to_string(),
            "subject": row.subject.map(|id| id.to_string()),
            "device": row.device.as_ref().map(|id| id.as_str()),
            "automation": row.automation.map(|automation| automation.as_str()),
            "command": row.command.map(|id| id.to_string()),
            "kind": row.record.kind().as_str_name(),
            "leaf": row.record.leaf_index,
            "record": base64(&row.record.encode_to_vec()),
        }),
        RowWrite::Claim(row) => json!({
            "table": "claims",
            "complex": row.complex.as_str(),
            "command": row.command.to_string(),
            "offset": row.offset,
            "event": row.event.to_string(),
            "verdict": row.verdict.as_str(),
            "late": row.late,
            "device": row.device.as_str(),
            "leaf": row.leaf,
        }),
        RowWrite::Completion(row) => json!({
            "table": "completions",
            "complex": row.complex.as_str(),
            "command": row.command.to_string(),
            "offset": row.offset,
            "event": row.event.to_string(),
            "outcome": row.outcome.as_str(),
            "at": row.at.to_string(),
            "leaf": row.leaf,
        }),
        RowWrite::Observation(row) => json!({
            "table": "observations",
            "complex": row.complex.as_str(),
            "command": row.command.to_string(),
            "partition": row.position.partition,
            "offset": row.position.offset,
            "event": row.event.to_string(),
            "leaf": row.leaf,
            "device": row.device.as_str(),
            "observation": row.observation.as_str(),
            "occurred_at": row.occurred_at.to_string(),
        }),
        RowWrite::Alarm(row) => json!({
            "table": "alarms",
            "complex": row.complex.as_str(),
            "kind": row.kind.as_str_name(),
            "device": row.device.as_str(),
            "occurred_at": row.occurred_at.to_string(),
            "offset": row.offset,
            "command": row.alarm.command_id,
            "alarm": base64(&row.alarm.encode_to_vec()),
        }),
        RowWrite::Digest(row) => json!({
            "table": "digests",
            "complex": row.complex.as_str(),
            "partner": row.partner.as_str(),
            "partner_event": row.partner_event,
            "digest": base64(&row.digest),
            "offset": row.offset,
            "event": row.event.to_string(),
        }),
        RowWrite::Device(row) => device("devices", row),
        RowWrite::Status(row) => device("statuses", row),
        RowWrite::Leaf(row) => json!({
            "table": "leaves",
            "log": row.log.to_string(),
            "offset": row.offset,
            "index": row.index,
        }),
        RowWrite::Unreadable(row) => json!({
            "table": "unreadable",
            "topic": row.topic.name(),
            "partition": row.position.partition,
            "offset": row.position.offset,
            "complex": row.complex.as_ref().map(|id| id.as_str()),
            "reason": row.reason,
            "append_time": row.append_time.to_string(),
        }),
        RowWrite::Hour(row) => json!({
            "table": "hours",
            "complex": row.complex.as_str(),
            "hour": row.hour,
            "identity": row.identity,
            "offset": row.offset,
            "device": row.device.as_ref().map(|id| id.as_str()),
            "result": base64(&row.result.encode_to_vec()),
        }),
        RowWrite::Read(row) => json!({
            "table": "reads",
            "complex": row.complex.as_str(),
            "scope": row.scope.as_text(),
            "occurred_at": row.occurred_at.to_string(),
            "offset": row.offset,
            "read": base64(&row.read.encode_to_vec()),
        }),
        RowWrite::Sequence(row) => json!({
            "table": "sequences",
            "device": row.device.as_str(),
            "partner": row.partner.as_str(),
            "epoch": row.sequence.epoch,
            "sequence": row.sequence.sequence,
            "rejected": row.rejected,
            "happened": row.happened.to_string(),
            "offset": row.offset,
        }),
    }
}

fn device(table: &str, row: &DeviceRow) -> Value {
    json!({
        "table": table,
        "device": row.device.as_str(),
        "epoch": row.sequence.epoch,
        "sequence": row.sequence.sequence,
        "observed_at": row.observed_at.to_string(),
        "offset": row.offset,
        "status": BASE64_STANDARD.encode(row.status.encode_to_vec()),
    })
}
