//! `smarthomectl accesses`: who opened what, when, with what result.

use domain::vocabulary::{Method, Outcome, Reason, Verdict};
use jiff::Timestamp;
use proto::access::{AccessRecord, SearchAccessRequest};
use records::{timestamp_from_wire, timestamp_to_wire};
use serde::Serialize;

use crate::audit;
use crate::cli::AccessesArgs;
use crate::client::refusal;
use crate::config::Config;
use crate::failure::Failure;

/// Accesses that are asked for at once.
const PAGE: u32 = 500;

/// One access, as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    time: Option<Timestamp>,
    kind: &'static str,
    device: String,
    subject_ref: String,
    user_id: String,
    verdict: &'static str,
    reason: &'static str,
    outcome: &'static str,
    method: &'static str,
    event: String,
    leaf: u64,
}

/// Runs it.
///
/// # Errors
/// A refusal or a failure.
pub(crate) async fn run(config: &Config, args: &AccessesArgs) -> Result<(), Failure> {
    let mut client = audit::connect(config).await?;
    let mut request = request(args);
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut head = true;
    while left > 0 {
        request.page_size = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = client.search_access(request.clone()).await;
        let page = page.map_err(|status| refusal(&status))?.into_inner();
        let rows: Vec<Row> = page.records.into_iter().map(row).collect();
        left -= rows.len().min(left);
        audit::print(&rows, args.output, head)?;
        head &= rows.is_empty();
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(())
}

fn request(args: &AccessesArgs) -> SearchAccessRequest {
    let text = |id: Option<String>| id.unwrap_or_default();
    SearchAccessRequest {
        complex_id: args.complex.to_string(),
        from: args.from.map(timestamp_to_wire),
        until: args.to.map(timestamp_to_wire),
        subject_ref: text(args.subject.map(|id| id.to_string())),
        device_id: text(args.device.as_ref().map(ToString::to_string)),
        event_id: text(args.event.map(|id| id.to_string())),
        outcome: args.outcome.map_or(0, |outcome| outcome.number()),
        automation: args.automation.map_or(0, |automation| automation.number()),
        actor: args.actor.map_or(0, |actor| actor.number()),
        kind: args.kind.map_or(0, Into::into),
        verdict: args.verdict.map_or(0, |verdict| verdict.number()),
        reason: args.reason.map_or(0, |reason| reason.number()),
        method: args.method.map_or(0, |method| method.number()),
        ..SearchAccessRequest::default()
    }
}

fn row(record: AccessRecord) -> Row {
    let at = record.occurred_at.as_ref();
    Row {
        time: at.and_then(|at| timestamp_from_wire("occurred_at", at).ok()),
        kind: record.kind().as_str_name(),
        subject_ref: record
            .actor
            .map(|actor| actor.subject_ref)
            .unwrap_or_default(),
        user_id: record.user_id,
        device: record.device_id,
        verdict: Verdict::from_number(record.verdict).map_or("", Verdict::as_str),
        reason: Reason::from_number(record.reason).map_or("", Reason::as_str),
        outcome: Outcome::from_number(record.outcome).map_or("", Outcome::as_str),
        method: Method::from_number(record.method).map_or("", Method::as_str),
        event: record.event_id,
        leaf: record.leaf_index,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn every_filter_is_asked_for() {
        let line = "smarthomectl accesses sunrise --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z \
                    --subject 00000000-0000-0000-0000-000000000007 --device sunrise.gate \
                    --event 00000000-0000-0000-0000-000000000009 --outcome EXECUTED --automation MANUAL \
                    --actor GUEST --kind COMMAND --verdict ALLOW --reason GRANTED --method REMOTE";
        let Command::Accesses(args) = Cli::parse_from(line.split_whitespace()).command else {
            panic!("another command");
        };
        let asked = request(&args);
        assert!(asked.from.is_some() && asked.until.is_some());
        assert!(asked.subject_ref.ends_with('7') && asked.event_id.ends_with('9'));
        assert_eq!(asked.device_id, "sunrise.gate");
        let numbers = [
            asked.outcome,
            asked.automation,
            asked.actor,
            asked.kind,
            asked.verdict,
            asked.reason,
            asked.method,
        ];
        assert_eq!(numbers, [1, 2, 2, 1, 1, 1, 4]);
        for wrong in [
            "--verdict allow",
            "--kind 1",
            "--reason ''",
            "--device gate",
        ] {
            let line = format!("smarthomectl accesses sunrise {wrong}");
            assert!(
                Cli::try_parse_from(line.split_whitespace()).is_err(),
                "{wrong}"
            );
        }
    }
}
