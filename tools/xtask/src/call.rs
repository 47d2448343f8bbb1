//! Small commands that make the demo's printed lines work as they stand.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use harness::clients;
use harness::fixtures::device_fixture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::demo;

/// Logs a user of the running demo in and prints the access token.
pub(crate) fn token(username: &str) -> Result<ExitCode> {
    let path = demo::manifest_path();
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "read {}; start `cargo xtask demo` in another terminal first",
            path.display()
        )
    })?;
    let demo: Value = serde_json::from_str(&text)?;
    let field = |name: &str| {
        demo.pointer(name)
            .and_then(Value::as_str)
            .with_context(|| format!("no {name} in demo.json"))
    };
    let (issuer, roots) = (field("/issuer/url")?, field("/issuer/roots")?);
    let runtime = tokio::runtime::Runtime::new()?;
    let tokens = runtime.block_on(clients::log_in_at(
        &issuer.parse()?,
        roots.as_ref(),
        username,
    ))?;
    println!("{}", tokens.access_token);
    Ok(ExitCode::SUCCESS)
}

/// Prints the JSON of a fresh open request.
pub(crate) fn open_request(device: &str) -> Result<ExitCode> {
    let operation = match device_fixture(device)?.operation() {
        proto::events::Operation::OpenBarrier => "OPEN_BARRIER",
        _ => "OPEN_DOOR",
    };
    let request = json!({
        "device_id": device,
        "operation": operation,
        "idempotency_key": Uuid::now_v7().to_string(),
        "expires_at": (Timestamp::now() + SignedDuration::from_secs(20)).to_string(),
    });
    println!("{request}");
    Ok(ExitCode::SUCCESS)
}
