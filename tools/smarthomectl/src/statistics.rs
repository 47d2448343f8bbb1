//! `smarthomectl statistics`: accesses counted.

use domain::vocabulary::{Automation, Method, Observation, Outcome, Reason, Verdict};
use jiff::Timestamp;
use proto::access::{AccessCount, AccessStatisticsRequest};
use records::{timestamp_from_wire, timestamp_to_wire};
use serde::Serialize;

use crate::audit;
use crate::cli::StatisticsArgs;
use crate::client::refusal;
use crate::config::Config;
use crate::failure::Failure;

/// One count, as it is printed.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    /// When the hour or the day begins; of hours of a week none.
    begins: Option<Timestamp>,
    /// Monday is 1; of hours of a week.
    weekday: Option<u32>,
    hour: Option<u32>,
    device: String,
    verdict: &'static str,
    reason: &'static str,
    outcome: &'static str,
    observation: &'static str,
    automation: &'static str,
    method: &'static str,
    count: u64,
}

/// Runs it.
///
/// # Errors
/// A refusal or a failure.
pub(crate) async fn run(config: &Config, args: &StatisticsArgs) -> Result<(), Failure> {
    let mut client = audit::connect(config).await?;
    let request = AccessStatisticsRequest {
        complex_id: args.complex.to_string(),
        from: Some(timestamp_to_wire(args.from)),
        until: Some(timestamp_to_wire(args.to.unwrap_or_else(Timestamp::now))),
        time_zone: args.zone.clone(),
        by: args.by.into(),
        device_id: args
            .device
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        by_device: args.by_device,
    };
    let answer = client.access_statistics(request).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    let rows: Vec<Row> = answer.counts.into_iter().map(row).collect();
    Ok(audit::print(&rows, args.output, true)?)
}

fn row(count: AccessCount) -> Row {
    let result = count.result.unwrap_or_default();
    let of_week = count.weekday != 0;
    let begins = count.begins_at.as_ref();
    Row {
        begins: begins.and_then(|at| timestamp_from_wire("begins_at", at).ok()),
        weekday: of_week.then_some(count.weekday),
        hour: of_week.then_some(count.hour),
        device: count.device_id,
        verdict: Verdict::from_number(result.verdict).map_or("", Verdict::as_str),
        reason: Reason::from_number(result.reason).map_or("", Reason::as_str),
        outcome: Outcome::from_number(result.outcome).map_or("", Outcome::as_str),
        observation: Observation::from_number(result.observation).map_or("", Observation::as_str),
        automation: Automation::from_number(result.automation).map_or("", Automation::as_str),
        method: Method::from_number(result.method).map_or("", Method::as_str),
        count: count.count,
    }
}
