//! The reference partner's journal of physical openings: what really happened at the doors.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::site::Site;

/// One physical opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// When the relay was about to switch, by the partner's clock.
    pub at: Timestamp,
    /// The device.
    pub device: String,
    /// Our command, for a remote opening.
    pub command: Option<Uuid>,
    /// How.
    pub method: String,
}

/// Every opening so far. A last line that is still being written is left out.
///
/// # Errors
/// The journal is there but can't be read.
pub fn openings(site: &Site) -> Result<Vec<Opening>> {
    let path = site.journal();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).context("read the partner's journal")?;
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && line.len() > 1)
        .map(|line| parse(line).with_context(|| format!("journal line {line}")))
        .collect()
}

fn parse(line: &str) -> Result<Opening> {
    let line: Value = serde_json::from_str(line)?;
    let text = |name: &str| {
        let text = line.get(name).and_then(Value::as_str);
        text.with_context(|| format!("no {name}"))
    };
    let command = match line.get("command_id") {
        Some(Value::Null) | None => None,
        Some(id) => Some(id.as_str().context("command_id is no text")?.parse()?),
    };
    Ok(Opening {
        at: text("at")?.parse()?,
        device: text("device")?.to_owned(),
        command,
        method: text("method")?.to_owned(),
    })
}
