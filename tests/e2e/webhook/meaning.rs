//! What the partner's reports mean: openings that nobody asked for, events at odds with what we know,
//! and an outcome that only an event tells.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use domain::vocabulary::Reason;
use eventlog::Topic;
use harness::clients::{Auditor, open_request};
use harness::process::{wait_for, wait_until};
use harness::site::Part;
use jiff::Timestamp;
use proto::access::{
    Alarm, AlarmKind, DeviceHistoryRequest, GetAccessRecordRequest, Outcome, SearchAlarmsRequest,
    SearchAlarmsResponse,
};
use records::timestamp_to_wire;
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::smarthomectl::{TOOL, configured_as};
use crate::support::sender::{Sender, granted};
use crate::support::status::{Told, told};
use crate::support::{Ground, PATIENCE, Scene, audit, tool};

const DOOR: &str = "sunrise.main-door";
const GATE: &str = "sunrise.north-gate";
const SILENT: &str = "sunrise.intercom";

/// What a row of the table is: kind, device and command.
type Row = (AlarmKind, String, String);

fn row(kind: AlarmKind, device: &str, command: &str) -> Row {
    (kind, device.to_owned(), command.to_owned())
}

/// A remote opening, as the partner reports it.
fn remote(sequence: u64, device: &str, command: Option<&str>) -> Value {
    let mut event = granted(sequence);
    event["subject"] = json!(device);
    event["data"]["device"] = json!(device);
    event["data"]["method"] = json!("remote");
    if let Some(command) = command {
        event["data"]["command_id"] = json!(command);
    }
    event
}

fn denied(mut event: Value) -> Value {
    event["type"] = json!("access.denied");
    event
}

fn asked() -> SearchAlarmsRequest {
    SearchAlarmsRequest {
        complex_id: "sunrise".to_owned(),
        kinds: [
            AlarmKind::UnattributedOpening,
            AlarmKind::ForcedOpen,
            AlarmKind::HeldOpen,
            AlarmKind::Contradiction,
            AlarmKind::ConflictingDuplicate,
        ]
        .map(i32::from)
        .to_vec(),
        ..SearchAlarmsRequest::default()
    }
}

async fn page(auditor: &Auditor, request: SearchAlarmsRequest) -> Result<SearchAlarmsResponse> {
    let request = auditor.request(request)?;
    let answer = auditor.audit.clone().search_alarms(request).await?;
    Ok(answer.into_inner())
}

/// All that match, by pages of two.
async fn alarms(auditor: &Auditor, mut request: SearchAlarmsRequest) -> Result<Vec<Alarm>> {
    request.page_size = 2;
    let mut all = Vec::new();
    loop {
        let page = page(auditor, request.clone()).await?;
        all.extend(page.alarms);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

fn rows(alarms: &[Alarm]) -> BTreeMap<Row, usize> {
    let mut rows = BTreeMap::new();
    for alarm in alarms {
        let row = row(alarm.kind(), &alarm.device_id, &alarm.command_id);
        *rows.entry(row).or_default() += 1;
    }
    rows
}

async fn press(scene: &Scene, token: &str, device: &str) -> Result<(String, Outcome)> {
    let answer = scene.bff.open(token, open_request(device)?).await?;
    let outcome = answer.outcome();
    Ok((answer.command_id, outcome))
}

#[tokio::test]
async fn whatever_is_at_odds_is_an_alarm_that_can_be_proved() -> Result<()> {
    let ground = Ground::prepare().await?;
    let server = match Part::all(ground.site.pair()).contains(&Part::ProjectorServe) {
        true => Part::ProjectorServe,
        false => Part::Projector,
    };
    ground.configure(server, |config| {
        let silent = toml::Table::from_iter([(SILENT.to_owned(), "1ms".into())]);
        let status = toml::Table::from_iter([("devices".to_owned(), silent.into())]);
        config.insert("status".to_owned(), status.into());
    })?;
    let scene = ground.build().await?;
    let auditor = scene.auditor().await?;
    let partner = Sender::new(scene.site(), &scene.site().certificates.partner)?;
    let token = scene.token("anna").await?;

    // What is well leaves no alarm.
    let (executed, outcome) = press(&scene, &token, DOOR).await?;
    assert_eq!(outcome, Outcome::Executed);
    scene.partner.fail(DOOR, "reject", 1).await?;
    let (rejected, outcome) = press(&scene, &token, DOOR).await?;
    assert_eq!(outcome, Outcome::Rejected);
    scene
        .partner
        .status(SILENT, json!({ "online": true }))
        .await?;
    scene.delivered().await?;

    let foreign = Uuid::new_v4().to_string();
    let forced = format!("/devices/{DOOR}/forced");
    scene.partner.post(&forced, json!({})).await?;
    let held = format!("/devices/{GATE}/held");
    scene.partner.post(&held, json!({})).await?;
    let mut twice = remote(3, GATE, None);
    let events = [
        remote(1, DOOR, Some(&foreign)),
        remote(2, GATE, Some(&executed)),
        twice.clone(),
        remote(4, DOOR, Some(&rejected)),
        denied(remote(5, DOOR, Some(&executed))),
        denied(remote(6, DOOR, Some(&foreign))),
        denied(remote(7, DOOR, Some(&rejected))),
    ];
    for event in events.iter().chain(&events) {
        assert_eq!(partner.verdict(event).await?["verdict"], "accepted");
    }
    twice["data"]["method"] = json!("fob");
    for _ in 0..2 {
        assert_eq!(partner.verdict(&twice).await?["verdict"], "accepted");
    }
    scene.delivered().await?;

    use AlarmKind::{Contradiction, UnattributedOpening as Unattributed};
    let expected = [
        row(AlarmKind::ForcedOpen, DOOR, ""),
        row(AlarmKind::HeldOpen, GATE, ""),
        row(Unattributed, DOOR, &foreign),
        row(Unattributed, GATE, &executed),
        row(Unattributed, GATE, ""),
        row(Contradiction, DOOR, &rejected),
        row(Contradiction, DOOR, &executed),
        row(AlarmKind::ConflictingDuplicate, GATE, ""),
    ];
    let expected: BTreeMap<Row, usize> = expected.into_iter().map(|row| (row, 1)).collect();
    wait_until(PATIENCE, "the alarms", || async {
        let found = alarms(&auditor, asked()).await;
        found.is_ok_and(|found| found.len() >= expected.len())
    })
    .await?;
    let found = alarms(&auditor, asked()).await?;
    assert_eq!(rows(&found), expected);
    let times: Vec<_> = found.iter().map(|alarm| alarm.occurred_at).collect();
    assert!(times.is_sorted_by_key(|at| at.map(|at| (-at.seconds, -at.nanos))));
    proved(&scene, &auditor, &found).await?;
    narrowed(&auditor, &expected).await?;
    shown(&auditor, &found).await?;
    told_by_the_tool(&scene).await?;

    let elsewhere = SearchAlarmsRequest {
        complex_id: "meadow".to_owned(),
        ..asked()
    };
    let refused = auditor.request(elsewhere)?;
    let refused = auditor.audit.clone().search_alarms(refused).await;
    let expected = Told::new(Code::NotFound, "COMPLEX_NOT_FOUND", &[]);
    assert_eq!(told(refused), expected);
    scene.finish().await
}

/// What each alarm is about is in the tree, where it says.
async fn proved(scene: &Scene, auditor: &Auditor, found: &[Alarm]) -> Result<()> {
    let records = scene.log.events(Topic::AccessEvents).await?;
    for alarm in found {
        let own = alarm.evidence.first().context("evidence")?;
        let expected = match alarm.kind() {
            AlarmKind::Contradiction | AlarmKind::ConflictingDuplicate => 2,
            AlarmKind::UnattributedOpening if alarm.device_id == GATE => {
                1 + usize::from(!alarm.command_id.is_empty())
            }
            _ => 1,
        };
        assert_eq!(alarm.evidence.len(), expected, "{alarm:?}");
        for evidence in &alarm.evidence {
            let at = evidence.audit_position.as_ref().context("a position")?;
            let there = records.iter().find(|(record, _)| {
                let position = record.position;
                (position.partition, position.offset) == (at.partition, at.offset)
            });
            let (_, event) = there.context("a record at the position")?;
            assert_eq!(event.id.to_string(), evidence.event_id);
        }
        // The second content under an id is no access of its own.
        if alarm.kind() != AlarmKind::ConflictingDuplicate {
            let request = GetAccessRecordRequest {
                complex_id: alarm.complex_id.clone(),
                event_id: own.event_id.clone(),
                ..GetAccessRecordRequest::default()
            };
            let request = auditor.request(request)?;
            let answer = auditor.audit.clone().get_access_record(request).await?;
            let answer = answer.into_inner();
            audit::verify(scene.site(), &answer)?;
            let record = answer.record.context("a record")?;
            assert_eq!(record.leaf_index, own.leaf_index);
            let contradicted = alarm.kind() == AlarmKind::Contradiction;
            assert_eq!(record.contradicted, contradicted, "{alarm:?}");
        }
    }
    Ok(())
}

/// By kind, by device, by time.
async fn narrowed(auditor: &Auditor, expected: &BTreeMap<Row, usize>) -> Result<()> {
    let by_kind = SearchAlarmsRequest {
        kinds: vec![AlarmKind::UnattributedOpening.into()],
        device_id: GATE.to_owned(),
        ..asked()
    };
    let found = rows(&alarms(auditor, by_kind).await?);
    let wanted = |row: &&Row| row.0 == AlarmKind::UnattributedOpening && row.1 == GATE;
    let wanted: Vec<_> = expected.keys().filter(wanted).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted);
    assert_eq!(wanted.len(), 2);
    let long_ago = SearchAlarmsRequest {
        until: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
        ..asked()
    };
    assert!(alarms(auditor, long_ago).await?.is_empty());
    Ok(())
}

/// The commands and events themselves, and the device that is silent.
async fn shown(auditor: &Auditor, found: &[Alarm]) -> Result<()> {
    let records = audit::search(auditor, "sunrise").await?;
    let contradicted = records.iter().filter(|record| record.contradicted).count();
    assert_eq!(contradicted, 4, "two commands and two events");
    let conflicting: Vec<_> = records
        .iter()
        .filter(|record| record.conflicting_contents)
        .collect();
    let [conflicting] = conflicting.as_slice() else {
        panic!("{conflicting:?}");
    };
    let alarm = found
        .iter()
        .find(|alarm| alarm.kind() == AlarmKind::ConflictingDuplicate)
        .context("the conflict")?;
    assert_eq!(alarm.evidence[1].event_id, conflicting.event_id);

    let request = SearchAlarmsRequest {
        kinds: vec![AlarmKind::Stale.into()],
        ..asked()
    };
    let stale = wait_for(PATIENCE, "the silent device", || async {
        let page = page(auditor, request.clone()).await.ok()?;
        (!page.stale.is_empty()).then_some(page)
    })
    .await?;
    let devices: Vec<_> = stale.stale.iter().map(|it| it.device_id.as_str()).collect();
    assert_eq!((devices, stale.alarms.len()), (vec![SILENT], 0));
    let request = auditor.request(DeviceHistoryRequest {
        device_id: SILENT.to_owned(),
        ..DeviceHistoryRequest::default()
    })?;
    let history = auditor.devices.clone().history(request).await?;
    let history = history.into_inner();
    assert_eq!(history.statuses[0].observed_at, stale.stale[0].last_seen);
    Ok(())
}

async fn told_by_the_tool(scene: &Scene) -> Result<()> {
    let site = scene.site();
    let config = configured_as(site, "auditor", &site.certificates.auditor, "auditor").await?;
    let text = std::fs::read_to_string(&config)?;
    let endpoint = format!(
        "audit_endpoint = \"https://localhost:{}\"\n{text}",
        site.ports.audit.number()
    );
    std::fs::write(&config, endpoint)?;
    let config = config.to_str().context("a path in UTF-8")?;
    let args = [
        "alarms",
        "sunrise",
        "--kind",
        "CONTRADICTION",
        "--config",
        config,
    ];
    let ended = tool::run(TOOL, args, &site.dir.join("logs")).await?;
    assert!(ended.status.success(), "{ended:?}");
    let found = ended
        .text
        .matches("CONTRADICTION  sunrise.main-door")
        .count();
    assert_eq!(found, 2, "{}", ended.text);
    assert_eq!(ended.text.matches("(access.events.v1 ").count(), 4);
    Ok(())
}

#[tokio::test]
async fn an_event_settles_what_the_silent_partner_leaves_unknown() -> Result<()> {
    let mut scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let token = scene.token("anna").await?;
    scene.partner.fail(DOOR, "hang_after_open", 1).await?;
    let (bff, request) = (scene.bff.clone(), open_request(DOOR)?);
    let (pressed, asked) = (token.clone(), request.clone());
    let pressed = tokio::spawn(async move { bff.open(&pressed, asked).await });
    wait_until(PATIENCE, "the door to open", || async {
        scene.openings().is_ok_and(|openings| openings.len() == 1)
    })
    .await?;
    // It has opened, and says nothing more: neither to the open nor to its cancel.
    scene.site_mut().kill9(Part::Partner)?;
    let answer = pressed.await??;
    assert_eq!(answer.outcome(), Outcome::Unknown, "{answer:?}");

    let partner = Sender::new(scene.site(), &scene.site().certificates.partner)?;
    let event = remote(1, DOOR, Some(&answer.command_id));
    for _ in 0..2 {
        assert_eq!(partner.verdict(&event).await?["verdict"], "accepted");
    }
    wait_until(PATIENCE, "the reconciler", || async {
        let now = scene.bff.command(&token, &answer.command_id).await;
        now.is_ok_and(|now| now.outcome() == Outcome::Executed)
    })
    .await?;
    // The same key again is answered with what is known now.
    let again = scene.bff.open(&token, request).await?;
    let reported = (Outcome::Executed, "PARTNER_REPORTED");
    assert_eq!((again.outcome(), again.reason.as_str()), reported);
    let record = audit::find(&auditor, "sunrise", "the outcome", |record| {
        record.command_id == answer.command_id
            && record.outcome() == proto::events::Outcome::Executed
    })
    .await?;
    assert!(!record.contradicted);
    audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;

    let completions = scene.log.completions(answer.command_id.parse()?).await?;
    let told = completions.iter();
    let told: Vec<_> = told.map(|one| (one.outcome, one.reconciled)).collect();
    use domain::vocabulary::Outcome::{Executed, Unknown};
    assert_eq!(told, [(Unknown, false), (Executed, true)]);
    assert_eq!(completions[1].reason, Reason::PartnerReported);
    scene.finish().await
}
