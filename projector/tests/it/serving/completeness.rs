//! How complete a device is, to whoever may read its complex.

use domain::event::DeviceSequence;
use eventlog::Topic;
use jiff::{SignedDuration, Timestamp};
use proto::access::{GetCompletenessRequest, SequenceRange};
use records::timestamp_to_wire;
use tonic::Code;

use crate::fixture::{device, lost, rejected, status};

use super::{Site, fields, reason};

fn asked(complex: &str, device: &str) -> GetCompletenessRequest {
    GetCompletenessRequest {
        complex_id: complex.to_owned(),
        device_id: device.to_owned(),
        from: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_what_is_missing_in_his_own_complexes() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let now = Timestamp::now();
    for (name, sequence, days) in [
        ("sunrise.gate", 1, 40),
        ("sunrise.gate", 5, 2),
        ("sunrise.gate", 9, 1),
        ("sunrise.door", 7, 1),
        ("sunset.gate", 7, 1),
    ] {
        let sequence = DeviceSequence { epoch: 1, sequence };
        let at = now - SignedDuration::from_hours(24 * days);
        let event = status(&device(name), sequence, at);
        fixture.unsigned(Topic::DeviceStatus, &event).await;
    }
    let gate = device("sunrise.gate");
    let refused = rejected(&gate, 7);
    fixture.unsigned(Topic::IngressRejected, &refused).await;
    fixture.unsigned(Topic::AccessEvents, &lost(&gate, 6)).await;
    site.projected().await;

    let mut audit = site.audit().await;
    let answer = audit.get_completeness(site.auditor(asked("sunrise", "")));
    let epochs = answer.await.unwrap().into_inner().epochs;
    let devices: Vec<&str> = epochs.iter().map(|one| one.device_id.as_str()).collect();
    assert_eq!(devices, ["sunrise.door", "sunrise.gate"]);
    let gate = &epochs[1];
    let range = |number| SequenceRange {
        first: number,
        last: number,
    };
    assert_eq!((gate.first, gate.last), (5, 9));
    assert_eq!((gate.expected, gate.received), (5, 3));
    assert_eq!(gate.missing, [range(6), range(8)]);
    let whole = GetCompletenessRequest {
        from: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
        ..asked("sunrise", "sunrise.gate")
    };
    let answer = audit.get_completeness(site.auditor(whole)).await.unwrap();
    let epochs = answer.into_inner().epochs;
    assert_eq!((epochs[0].expected, epochs[0].received), (9, 4));

    let elsewhere = audit.get_completeness(site.auditor(asked("sunset", "")));
    let elsewhere = reason(&elsewhere.await.unwrap_err());
    let nowhere = audit.get_completeness(site.auditor(asked("nowhere", "")));
    assert_eq!(elsewhere, reason(&nowhere.await.unwrap_err()));
    assert_eq!(elsewhere.0, Code::NotFound);
    let other = audit.get_completeness(site.auditor(asked("sunrise", "sunset.gate")));
    assert_eq!(fields(&other.await.unwrap_err()), ["device_id"]);
    let bare = audit.get_completeness(asked("sunrise", "")).await;
    assert_eq!(bare.unwrap_err().code(), Code::Unauthenticated);
}
