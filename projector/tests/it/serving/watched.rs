//! Watching alarms and devices, and what all watches have: places, ends, records.

use domain::event::DeviceSequence;
use domain::vocabulary::{Observation, Outcome, ReadMethod, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use projector::config::Config;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::device_status_service_client::DeviceStatusServiceClient;
use proto::access::{
    AlarmKind, WatchAccessRequest, WatchAlarmsRequest, WatchAlarmsResponse,
    WatchDeviceStatusesRequest, WatchDeviceStatusesResponse,
};
use tonic::{Code, Status, Streaming};

use crate::fixture::{at, command, completed, decided, device, lost, observed, remote, status};
use crate::run::wait;
use crate::site::READER;

use super::reads::recorded;
use super::{Site, reason};

async fn alarms(
    site: &Site,
    asked: WatchAlarmsRequest,
) -> Result<Streaming<WatchAlarmsResponse>, Status> {
    let asked = WatchAlarmsRequest {
        complex_id: "sunrise".into(),
        ..asked
    };
    let stream = site.audit().await.watch_alarms(site.auditor(asked)).await;
    Ok(stream?.into_inner())
}

async fn devices(site: &Site, resume_token: &str) -> Streaming<WatchDeviceStatusesResponse> {
    let asked = WatchDeviceStatusesRequest {
        complex_id: "sunrise".into(),
        resume_token: resume_token.to_owned(),
        ..WatchDeviceStatusesRequest::default()
    };
    let channel = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut client = DeviceStatusServiceClient::new(channel);
    client
        .watch(site.auditor(asked))
        .await
        .unwrap()
        .into_inner()
}

/// The next message that tells anything: its alarms' kinds, with the leaves that they rest on.
async fn next(stream: &mut Streaming<WatchAlarmsResponse>) -> (Vec<(AlarmKind, Vec<u64>)>, String) {
    loop {
        let message = stream.message().await.unwrap().expect("it goes on");
        if !message.alarms.is_empty() {
            let told = message.alarms.iter().map(|alarm| {
                let evidence = alarm.evidence.iter();
                (alarm.kind(), evidence.map(|one| one.leaf_index).collect())
            });
            return (told.collect(), message.resume_token);
        }
    }
}

/// The next message about devices: which, with the versions of their firmware and whether they are stale.
async fn next_states(
    stream: &mut Streaming<WatchDeviceStatusesResponse>,
) -> (Vec<(String, String, bool)>, String) {
    let message = stream.message().await.unwrap().expect("it goes on");
    let told = message.statuses.into_iter();
    let told = told.map(|told| (told.device_id, told.firmware, told.stale));
    (told.collect(), message.resume_token)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alarm_is_told_once_when_its_last_record_comes_also_over_a_restart() {
    let mut site = Site::start().await;
    let gate = device("sunrise.gate");
    let access = Topic::AccessEvents;
    let mut stream = alarms(&site, WatchAlarmsRequest::default()).await.unwrap();
    let fixture = &site.disk.fixture;
    fixture
        .unsigned(access, &observed(&gate, "a", 1, at(0)))
        .await;
    let forced = remote(&gate, "f", None, Observation::ForcedOpen);
    fixture.unsigned(access, &forced).await;
    let (told, token) = next(&mut stream).await;
    assert_eq!(told, [(AlarmKind::ForcedOpen, vec![1])]);
    drop(stream);

    site.stop().await;
    // An opening that is explained, until its outcome says otherwise; another content under an event's id; a gap.
    let fixture = &site.disk.fixture;
    let allow = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    fixture.signed(access, &allow).await;
    let granted = remote(&gate, "g", Some(command(1)), Observation::Granted);
    fixture.unsigned(access, &granted).await;
    fixture
        .unsigned(access, &observed(&gate, "a", 2, at(0)))
        .await;
    fixture.unsigned(access, &forced).await;
    fixture
        .signed(access, &completed(&gate, command(1), Outcome::Rejected))
        .await;
    fixture
        .signed(access, &completed(&gate, command(1), Outcome::Rejected))
        .await;
    fixture.unsigned(access, &lost(&gate, 7)).await;
    fixture
        .unsigned(access, &remote(&gate, "u", None, Observation::Granted))
        .await;
    site.restart(|_| ()).await;
    let from = |resume_token: &str| WatchAlarmsRequest {
        resume_token: resume_token.to_owned(),
        ..WatchAlarmsRequest::default()
    };
    let mut stream = alarms(&site, from(&token)).await.unwrap();
    let expected = [
        (AlarmKind::ConflictingDuplicate, vec![4, 0]),
        (AlarmKind::Contradiction, vec![3, 6]),
        (AlarmKind::DeliveryGap, vec![8]),
        (AlarmKind::UnattributedOpening, vec![9]),
    ];
    let mut tokens = Vec::new();
    for expected in &expected {
        let (told, token) = next(&mut stream).await;
        assert_eq!(told, std::slice::from_ref(expected));
        tokens.push(token);
    }
    let mut stream = alarms(&site, from(&tokens[1])).await.unwrap();
    assert_eq!(next(&mut stream).await.0, expected[2..3]);

    // Some kinds alone are another question, and STALE is no record.
    let kinds = |kind: AlarmKind, token: &str| WatchAlarmsRequest {
        kinds: vec![kind.into()],
        ..from(token)
    };
    let refused = alarms(&site, kinds(AlarmKind::DeliveryGap, &tokens[0])).await;
    assert_eq!(super::fields(&refused.unwrap_err()), ["resume_token"]);
    let refused = alarms(&site, kinds(AlarmKind::Stale, "")).await;
    assert_eq!(super::fields(&refused.unwrap_err()), ["kinds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_told_as_they_are_and_then_as_they_change_also_over_a_restart() {
    let mut site = Site::start().await;
    let (gate, door) = (device("sunrise.gate"), device("sunrise.door"));
    let report = async |site: &Site, device, sequence| {
        let sequence = DeviceSequence { epoch: 1, sequence };
        let report = status(device, sequence, Timestamp::now());
        site.disk
            .fixture
            .unsigned(Topic::DeviceStatus, &report)
            .await;
    };
    let of = |device: &str, firmware: &str, stale| (device.to_owned(), firmware.to_owned(), stale);
    report(&site, &gate, 1).await;
    report(&site, &door, 1).await;
    site.projected().await;
    let mut stream = devices(&site, "").await;
    let (told, _) = next_states(&mut stream).await;
    let both = [
        of("sunrise.door", "1.1", false),
        of("sunrise.gate", "1.1", false),
    ];
    assert_eq!(told, both);
    report(&site, &gate, 2).await;
    let (told, token) = next_states(&mut stream).await;
    assert_eq!(told, [of("sunrise.gate", "1.2", false)]);
    drop(stream);

    site.stop().await;
    report(&site, &door, 2).await;
    site.restart(|_| ()).await;
    site.projected().await;
    let mut stream = devices(&site, &token).await;
    let (told, token) = next_states(&mut stream).await;
    assert_eq!(
        told,
        [of("sunrise.door", "1.2", false)],
        "what was not told"
    );

    // With other limits of age all is told anew: also that it turns old while somebody watches.
    let soon = r#"{ "stale_after": "2s" }"#;
    site.restart(|config: &mut Config| config.status = serde_json::from_str(soon).unwrap())
        .await;
    report(&site, &gate, 3).await;
    site.projected().await;
    let mut stream = devices(&site, &token).await;
    let (told, _) = next_states(&mut stream).await;
    assert_eq!(told.len(), 2);
    let turned = of("sunrise.gate", "1.3", true);
    while !next_states(&mut stream).await.0.contains(&turned) {}

    let refused = WatchDeviceStatusesRequest {
        complex_id: "sunset".into(),
        ..WatchDeviceStatusesRequest::default()
    };
    let channel = site.endpoint(Some(READER)).connect().await.unwrap();
    let refused = DeviceStatusServiceClient::new(channel)
        .watch(site.auditor(refused))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "COMPLEX_NOT_FOUND".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_have_places_are_recorded_and_hear_of_the_shutdown() {
    let mut site = Site::start().await;
    site.restart(|config| config.serve.as_mut().unwrap().watches = 1)
        .await;
    let first = alarms(&site, WatchAlarmsRequest::default()).await.unwrap();
    let refused = alarms(&site, WatchAlarmsRequest::default()).await;
    let busy = (Code::ResourceExhausted, "TOO_MANY_CALLS".into());
    assert_eq!(reason(&refused.unwrap_err()), busy);
    drop(first);
    // Its place is free again once it is recorded that it has ended.
    let mut second = None;
    wait(async || {
        second = alarms(&site, WatchAlarmsRequest::default()).await.ok();
        second.is_some()
    })
    .await;
    let reads = recorded(&site).await;
    let looks = reads.iter().map(|(_, read)| {
        let words = (read.object.as_str(), read.further.as_str());
        (read.method, words)
    });
    let looks: Vec<_> = looks.take(2).collect();
    let moments = ["begins", "ends"].map(|moment| (ReadMethod::Watch, (moment, "watch=ALARMS")));
    assert_eq!(looks, moments);

    let mut second = second.unwrap();
    let (ended, ()) = tokio::join!(
        async {
            loop {
                match second.message().await {
                    Ok(message) => assert!(message.is_some(), "it ends with a word"),
                    Err(status) => break status,
                }
            }
        },
        site.stop()
    );
    assert_eq!(reason(&ended), (Code::Unavailable, "SHUTTING_DOWN".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_who_takes_nothing_delays_nobody_and_misses_nothing() {
    /// More than waits for a watcher whose connection takes next to nothing.
    const MANY: u64 = 60;
    let site = Site::start().await;
    let asked = || {
        site.auditor(WatchAccessRequest {
            complex_id: "sunrise".into(),
            ..WatchAccessRequest::default()
        })
    };
    let narrow = site
        .endpoint(Some(READER))
        .initial_stream_window_size(Some(1024));
    let mut slow = AuditServiceClient::new(narrow.connect().await.unwrap());
    let mut slow = slow.watch_access(asked()).await.unwrap().into_inner();
    let mut fast = site
        .audit()
        .await
        .watch_access(asked())
        .await
        .unwrap()
        .into_inner();
    let gate = device("sunrise.gate");
    for number in 0..MANY {
        let seen = observed(&gate, &number.to_string(), 1, at(0));
        site.disk.fixture.unsigned(Topic::AccessEvents, &seen).await;
    }
    for stream in [&mut fast, &mut slow] {
        for number in 0..MANY {
            let message = stream.message().await.unwrap().unwrap();
            assert_eq!(message.record.map(|record| record.leaf_index), Some(number));
        }
    }
}
