//! `smarthomectl alarms`: what the log says that somebody should look at.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use proto::access::{Alarm, AlarmKind, SearchAlarmsRequest, StaleDevice};
use records::{timestamp_from_wire, timestamp_to_wire};

use crate::audit;
use crate::cli::AlarmsArgs;
use crate::client::refusal;
use crate::config::Config;
use crate::failure::Failure;

/// Alarms that are asked for at once.
const PAGE: u32 = 500;

/// Runs it.
///
/// # Errors
/// A refusal or a failure.
pub(crate) async fn run(config: &Config, args: &AlarmsArgs) -> Result<(), Failure> {
    let mut request = request(args)?;
    let mut client = audit::connect(config).await?;
    let mut found = 0;
    loop {
        let page = client.search_alarms(request.clone()).await;
        let page = page.map_err(|status| refusal(&status))?.into_inner();
        found += page.stale.len() + page.alarms.len();
        print!("{}", text(&page.stale, &page.alarms)?);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    if found == 0 {
        println!("Nothing is recorded.");
    }
    Ok(())
}

fn request(args: &AlarmsArgs) -> Result<SearchAlarmsRequest, Failure> {
    let kind = |name: &String| match AlarmKind::from_str_name(name) {
        Some(kind) if kind != AlarmKind::Unspecified => Ok(kind.into()),
        _ => Err(Failure::Usage(format!(
            "`{name}` is no kind of alarm; see `smarthomectl alarms --help`"
        ))),
    };
    let kinds: Result<Vec<i32>, Failure> = args.kinds.iter().map(kind).collect();
    Ok(SearchAlarmsRequest {
        complex_id: args.complex.to_string(),
        from: args.from.map(timestamp_to_wire),
        until: args.to.map(timestamp_to_wire),
        kinds: kinds?,
        device_id: args
            .device
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        page_size: PAGE,
        page_token: String::new(),
    })
}

/// A line for each, and one below it for each record that it rests on.
fn text(stale: &[StaleDevice], alarms: &[Alarm]) -> Result<String> {
    let mut text = String::new();
    // Writing to a string can't fail.
    for device in stale {
        let seen = device.last_seen.as_ref().context("no time")?;
        let seen = timestamp_from_wire("last_seen", seen)?;
        let _ = writeln!(text, "{seen}  STALE  {} last seen", device.device_id);
    }
    for alarm in alarms {
        let at = alarm.occurred_at.as_ref().context("no time")?;
        let at = timestamp_from_wire("occurred_at", at)?;
        let kind = AlarmKind::try_from(alarm.kind).map(|kind| kind.as_str_name());
        let kind = kind.unwrap_or("of a kind that a newer smarthomectl knows");
        let _ = write!(text, "{at}  {kind}  {}", alarm.device_id);
        if !alarm.command_id.is_empty() {
            let _ = write!(text, "  command {}", alarm.command_id);
        }
        text.push('\n');
        for evidence in &alarm.evidence {
            let at = evidence.audit_position.as_ref().context("no position")?;
            let (event, leaf) = (&evidence.event_id, evidence.leaf_index);
            let _ = writeln!(
                text,
                "  event {event}  leaf {leaf}  ({} {}@{})",
                at.topic, at.partition, at.offset
            );
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;
    use proto::access::{AlarmEvidence, AuditPosition};

    use super::*;

    fn args(kind: &str) -> AlarmsArgs {
        AlarmsArgs {
            complex: "sunrise".parse().unwrap(),
            from: None,
            to: None,
            kinds: vec![kind.to_owned()],
            device: None,
        }
    }

    #[test]
    fn kinds_are_asked_for_by_their_names() {
        let kinds = request(&args("CONTRADICTION")).unwrap().kinds;
        assert_eq!(kinds, [i32::from(AlarmKind::Contradiction)]);
        for wrong in ["contradiction", "ALARM_KIND_UNSPECIFIED", ""] {
            assert!(request(&args(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_alarm_has_its_places_in_the_log_below_it() {
        let epoch = Some(timestamp_to_wire(Timestamp::UNIX_EPOCH));
        let alarm = Alarm {
            kind: AlarmKind::Contradiction.into(),
            device_id: "sunrise.gate".to_owned(),
            occurred_at: epoch,
            command_id: "c".to_owned(),
            evidence: vec![AlarmEvidence {
                event_id: "e".to_owned(),
                leaf_index: 7,
                audit_position: Some(AuditPosition {
                    topic: "access.events.v1".to_owned(),
                    partition: 3,
                    offset: 9,
                }),
            }],
            ..Alarm::default()
        };
        let stale = StaleDevice {
            device_id: "sunrise.door".to_owned(),
            last_seen: epoch,
        };
        let expected = "\
1970-01-01T00:00:00Z  STALE  sunrise.door last seen
1970-01-01T00:00:00Z  CONTRADICTION  sunrise.gate  command c
  event e  leaf 7  (access.events.v1 3@9)
";
        assert_eq!(text(&[stale], &[alarm]).unwrap(), expected);
    }
}
