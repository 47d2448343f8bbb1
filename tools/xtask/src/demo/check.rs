//! Holds the audit log, the views and the partner's journal against the story.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use harness::clients::Auditor;
use harness::fixtures::Registered;
use harness::process::wait_for;
use harness::proofs;
use harness::site::Site;
use proto::access::{
    AccessKind, AccessRecord, GetAccessRecordRequest, GetDeviceStatusRequest, SearchAccessRequest,
};
use proto::events::{Method, Observation, Outcome, Reason, Resolution, Verdict};
use serde_json::Value;

use super::story::{Expected, Step};

/// Logs that the story writes to.
const COMPLEXES: [&str; 4] = ["sunrise", "moonlight", "riverside", "unassigned"];
/// How long records may take to get into the views.
const PATIENCE: Duration = Duration::from_secs(30);

/// A step with its record.
pub(crate) struct Row {
    /// The step.
    pub step: Step,
    /// Its record, if it was found.
    pub record: Option<AccessRecord>,
}

/// What was found.
pub(crate) struct Checked {
    /// The story's table.
    pub rows: Vec<Row>,
    /// Proofs that hold.
    pub proofs: usize,
    /// Physical openings at the partner.
    pub openings: usize,
    /// Device states, for people to read.
    pub statuses: Vec<String>,
    /// What is not as the story says.
    pub differences: Vec<String>,
}

/// Checks everything.
///
/// # Errors
/// Something can't be read at all.
pub(crate) async fn day(site: &Site, registered: &Registered, steps: &[Step]) -> Result<Checked> {
    let auditor = Auditor::connect(site, "auditor").await?;
    let openings = journal(site)?;
    let complete = || async {
        let records = all_records(&auditor).await.ok()?;
        let complete = matched(site, steps, &records, registered)
            .iter()
            .all(Option::is_some)
            && openings
                .iter()
                .all(|opening| is_recorded(opening, &records));
        complete.then_some(records)
    };
    let records = match wait_for(PATIENCE, "every step in the audit log", complete).await {
        Ok(records) => records,
        Err(_) => all_records(&auditor).await?,
    };
    let mut differences = Vec::new();
    let found = matched(site, steps, &records, registered);
    let mut rows = Vec::new();
    for (step, found) in steps.iter().zip(found) {
        if step.told != step.should_be_told {
            differences.push(format!(
                "{} {}: told {:?}, should be {:?}",
                step.who, step.what, step.told, step.should_be_told
            ));
        }
        if found.is_none() {
            differences.push(format!(
                "{} {}: no such record: {:?}",
                step.who, step.what, step.expected
            ));
        }
        rows.push(Row {
            step: step.clone(),
            record: found.cloned(),
        });
    }
    differences.extend(openings_differ(&openings, &records));
    let mut proofs = 0;
    for record in &records {
        match proof(site, &auditor, record).await {
            Ok(()) => proofs += 1,
            Err(error) => differences.push(format!("record {}: {error:#}", record.event_id)),
        }
    }
    let statuses = match status(&auditor, "sunrise.intercom").await {
        Ok(text) => vec![text],
        Err(error) => {
            differences.push(format!("status of sunrise.intercom: {error:#}"));
            Vec::new()
        }
    };
    Ok(Checked {
        rows,
        proofs,
        openings: openings.len(),
        statuses,
        differences,
    })
}

/// The steps' records, each used once; a repetition has that of the step that it repeats.
fn matched<'a>(
    site: &Site,
    steps: &[Step],
    records: &'a [AccessRecord],
    registered: &Registered,
) -> Vec<Option<&'a AccessRecord>> {
    let mut used = vec![false; records.len()];
    let mut found: Vec<Option<&AccessRecord>> = Vec::new();
    for step in steps {
        if let Some(earlier) = step.repeats {
            found.push(found.get(earlier).copied().flatten());
            continue;
        }
        let index = records.iter().enumerate().position(|(index, record)| {
            !used[index] && fits(site, &step.expected, record, registered)
        });
        if let Some(index) = index {
            used[index] = true;
        }
        found.push(index.map(|index| &records[index]));
    }
    found
}

fn fits(site: &Site, expected: &Expected, record: &AccessRecord, registered: &Registered) -> bool {
    let user = expected.user.and_then(|name| site.user_id(name).ok());
    let subject = expected.user.and_then(|name| registered.subject(name).ok());
    record.complex_id == expected.complex
        && record.device_id == expected.device
        && record.user_id == user.unwrap_or_default()
        && subject.is_none_or(|subject| {
            record
                .actor
                .as_ref()
                .is_some_and(|actor| actor.subject_ref == subject)
        })
        && decision(record) == expected.decision
        && outcome(record) == expected.outcome
}

/// `ALLOW GRANTED`, `DENY NO_GRANT`, `GRANTED PLATE`.
pub(crate) fn decision(record: &AccessRecord) -> String {
    match record.kind() {
        AccessKind::Command => format!(
            "{} {}",
            short(
                record.verdict().as_str_name(),
                Verdict::Unspecified.as_str_name()
            ),
            short(
                record.reason().as_str_name(),
                Reason::Unspecified.as_str_name()
            )
        ),
        AccessKind::Observed => format!(
            "{} {}",
            short(
                record.observation().as_str_name(),
                Observation::Unspecified.as_str_name()
            ),
            short(
                record.method().as_str_name(),
                Method::Unspecified.as_str_name()
            )
        ),
        _ => "UNREADABLE".to_owned(),
    }
}

/// Outcome of a command, or how a credential was resolved.
pub(crate) fn outcome(record: &AccessRecord) -> &'static str {
    match record.kind() {
        AccessKind::Command if record.outcome == 0 => "",
        AccessKind::Command => short(
            record.outcome().as_str_name(),
            Outcome::Unspecified.as_str_name(),
        ),
        _ => short(
            record.resolution().as_str_name(),
            Resolution::Unspecified.as_str_name(),
        ),
    }
}

/// Takes the enum's prefix off, which its zero value shows: `VERDICT_UNSPECIFIED`.
fn short(name: &'static str, zero: &str) -> &'static str {
    let prefix = zero.trim_end_matches("UNSPECIFIED");
    name.strip_prefix(prefix).unwrap_or(name)
}

async fn all_records(auditor: &Auditor) -> Result<Vec<AccessRecord>> {
    let mut all = Vec::new();
    for complex in COMPLEXES {
        let mut page_token = String::new();
        loop {
            let request = SearchAccessRequest {
                complex_id: complex.to_owned(),
                page_size: 5,
                page_token,
                ..SearchAccessRequest::default()
            };
            let page = auditor
                .audit
                .clone()
                .search_access(auditor.request(request)?)
                .await?;
            let page = page.into_inner();
            all.extend(page.records);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
    }
    // Oldest first, as the story tells it.
    all.sort_by_key(|record| {
        record
            .occurred_at
            .map_or((0, 0), |at| (at.seconds, at.nanos))
    });
    Ok(all)
}

async fn proof(site: &Site, auditor: &Auditor, record: &AccessRecord) -> Result<()> {
    let request = GetAccessRecordRequest {
        complex_id: record.complex_id.clone(),
        event_id: record.event_id.clone(),
        ..GetAccessRecordRequest::default()
    };
    let answer = auditor
        .audit
        .clone()
        .get_access_record(auditor.request(request)?)
        .await?;
    let key = proofs::key_of(&site.keys.vkey, "access.events.v1", &record.complex_id)?;
    proofs::inclusion(&answer.into_inner(), &key).map(drop)
}

async fn status(auditor: &Auditor, device: &str) -> Result<String> {
    let answer = wait_for(PATIENCE, "the intercom's status", || async {
        let request = GetDeviceStatusRequest {
            device_id: device.to_owned(),
        };
        let request = auditor.request(request).ok()?;
        let status = auditor
            .devices
            .clone()
            .get_device_status(request)
            .await
            .ok()?
            .into_inner();
        (!status.online).then_some(status)
    })
    .await?;
    Ok(format!(
        "{}: {}, lock {}, door {}",
        answer.device_id,
        if answer.online { "online" } else { "offline" },
        answer.lock_state().as_str_name(),
        answer.door_position().as_str_name(),
    ))
}

/// The partner's own journal of physical openings.
fn journal(site: &Site) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(site.journal()).context("read the partner's journal")?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

fn text<'a>(opening: &'a Value, field: &str) -> &'a str {
    opening
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_recorded(opening: &Value, records: &[AccessRecord]) -> bool {
    let (device, command) = (text(opening, "device"), text(opening, "command_id"));
    records.iter().any(|record| {
        record.device_id == device
            && if command.is_empty() {
                record.observation() == Observation::Granted
            } else {
                record.command_id == command && record.verdict() == Verdict::Allow && !record.void
            }
    })
}

/// No opening without a record, none of one command twice, every EXECUTED one there.
fn openings_differ(openings: &[Value], records: &[AccessRecord]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for opening in openings {
        if !is_recorded(opening, records) {
            differences.push(format!("an opening without a record: {opening}"));
        }
        if !text(opening, "command_id").is_empty() {
            *times.entry(text(opening, "command_id")).or_default() += 1;
        }
    }
    for (command, count) in &times {
        if *count > 1 {
            differences.push(format!("command {command} opened {count} times"));
        }
    }
    for record in records {
        if record.kind() == AccessKind::Command
            && record.outcome() == Outcome::Executed
            && !times.contains_key(record.command_id.as_str())
        {
            differences.push(format!(
                "command {} is EXECUTED, but nothing opened",
                record.command_id
            ));
        }
    }
    differences
}
