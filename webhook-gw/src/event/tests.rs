#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;
use crate::testing::{access, alarm, event, status, with, without};

fn read(event: &Value) -> Result<PartnerEvent, String> {
    let text = event.to_string();
    let events = parse(Format::Single, text.as_bytes(), 1).unwrap();
    PartnerEvent::read(&events[0]).map_err(|fault| fault.to_string())
}

#[test]
fn every_type_of_the_contract_is_read() {
    let granted = read(&event("access.granted", access())).unwrap();
    assert_eq!(
        granted.sequence,
        DeviceSequence {
            epoch: 1,
            sequence: 7
        }
    );
    assert_eq!(granted.at, "2026-11-24T10:00:00Z".parse().unwrap());
    assert_eq!(granted.digest, sha256(&access().to_string()));
    let Report::Access(report) = granted.report else {
        panic!("not an access report")
    };
    assert_eq!(report.method, Some(domain::vocabulary::Method::Plate));
    assert!(report.credential.is_some());

    let told = read(&event("device.status", status())).unwrap().report;
    let Report::Status(report) = told else {
        panic!("not a status")
    };
    assert_eq!(
        (report.door, report.tamper, report.battery_percent),
        (None, None, Some(100))
    );

    for kind in [
        "access.granted",
        "access.denied",
        "door.forced_open",
        "door.held_open",
        "device.status",
    ] {
        let data = match kind {
            "device.status" => status(),
            "access.granted" | "access.denied" => access(),
            _ => alarm(),
        };
        assert_eq!(read(&event(kind, data)).unwrap().kind.name(), kind);
    }
}

#[test]
fn optional_attributes_may_be_absent_or_agree() {
    let about = with(
        event("access.granted", access()),
        "subject",
        json!("sunrise.north-gate"),
    );
    assert!(read(&about).is_ok());
    for attribute in ["time", "datacontenttype"] {
        assert!(
            read(&without(event("access.granted", access()), attribute)).is_ok(),
            "{attribute}"
        );
    }
    let traced = with(event("access.granted", access()), "traceparent", json!("x"));
    assert!(read(&with(traced, "dataschema", json!("urn:x"))).is_ok());
    for (attribute, value) in [
        ("subject", json!("sunrise.south-gate")),
        ("subject", json!(null)),
        ("time", json!("yesterday")),
        ("datacontenttype", json!("text/xml")),
        ("id", json!("7")),
        ("id", json!("0198C5F0-7000-7000-8000-00000000000A")),
        ("data", json!("x")),
        ("data", json!([])),
    ] {
        let told = read(&with(event("access.granted", access()), attribute, value)).unwrap_err();
        assert_eq!(told, format!("invalid_field at `/{attribute}`"));
    }
    let told = read(&without(event("access.granted", access()), "data")).unwrap_err();
    assert_eq!(told, "missing_field at `/data`");
}

#[test]
fn nothing_undeclared_passes_not_even_beside_other_faults() {
    let value = json!("Anna Petrova, +7 916 123-45-67, A123BC77");
    for (kind, data) in [
        ("access.granted", access()),
        ("door.held_open", alarm()),
        ("device.status", status()),
    ] {
        for field in ["owner_name", "phone", "plate", "photo"] {
            let told = read(&event(kind, with(data.clone(), field, value.clone()))).unwrap_err();
            assert_eq!(told, format!("undeclared_field at `/data/{field}`"));
            let told = read(&with(event(kind, data.clone()), field, value.clone())).unwrap_err();
            assert_eq!(told, format!("undeclared_field at `/{field}`"));
        }
        let nested = with(
            with(data, "sequence", json!("x")),
            "person",
            json!({ "name": "Anna" }),
        );
        assert_eq!(
            read(&event(kind, nested)).unwrap_err(),
            "undeclared_field at `/data/person`"
        );
    }
    let told = read(&event("door.held_open", access())).unwrap_err();
    assert!(
        told.starts_with("undeclared_field"),
        "an alarm has no method: {told}"
    );
    let told = read(&with(
        event("access.granted", access()),
        "data_base64",
        json!("e30="),
    ))
    .unwrap_err();
    assert_eq!(
        told, "undeclared_field at ``",
        "a name with digits is not repeated"
    );
}

#[test]
fn each_field_has_its_form_and_range() {
    for (kind, data, field, value) in [
        ("access.granted", access(), "complex", json!("Sunrise")),
        ("access.granted", access(), "complex", json!("moonlight")),
        ("access.granted", access(), "device", json!("north-gate")),
        ("access.granted", access(), "method", json!("telepathy")),
        ("access.granted", access(), "method", json!(null)),
        (
            "access.granted",
            access(),
            "credential_id",
            json!("A123BC77"),
        ),
        ("access.granted", access(), "credential_id", json!(null)),
        (
            "access.granted",
            access(),
            "command_id",
            json!("0198c5f0-7000-5000-8000-00000000000d"),
        ),
        (
            "access.granted",
            access(),
            "occurred_at",
            json!(1_700_000_000),
        ),
        (
            "access.granted",
            access(),
            "occurred_at",
            json!("2026-11-24"),
        ),
        ("access.granted", access(), "epoch", json!(-1)),
        ("access.granted", access(), "sequence", json!(1.5)),
        ("access.granted", access(), "sequence", json!(MAX_COUNT + 1)),
        ("device.status", status(), "online", json!("yes")),
        ("device.status", status(), "lock_state", json!("closed")),
        ("device.status", status(), "door_position", json!(null)),
        ("device.status", status(), "power", json!("sun")),
        ("device.status", status(), "tamper", json!(0)),
        ("device.status", status(), "battery_percent", json!(101)),
        ("device.status", status(), "firmware", json!("x".repeat(65))),
        ("device.status", status(), "firmware", json!("версия")),
        ("device.status", status(), "observed_at", json!("")),
    ] {
        let told = read(&event(kind, with(data, field, value.clone()))).unwrap_err();
        assert_eq!(told, format!("invalid_field at `/data/{field}`"), "{value}");
    }
    for (kind, data) in [
        ("access.denied", access()),
        ("door.forced_open", alarm()),
        ("device.status", status()),
    ] {
        for field in data
            .as_object()
            .unwrap()
            .keys()
            .filter(|f| !["credential_id", "firmware"].contains(&&***f))
        {
            let told = read(&event(kind, without(data.clone(), field))).unwrap_err();
            assert_eq!(told, format!("missing_field at `/data/{field}`"));
        }
    }
    let told = read(&event("access.lost", access())).unwrap_err();
    assert_eq!(told, "unknown_type at `/type`");
}

#[test]
fn a_faulty_event_still_tells_its_place() {
    let faulty = event("access.granted", with(access(), "owner", json!("Anna"))).to_string();
    let events = parse(Format::Single, faulty.as_bytes(), 1).unwrap();
    let (device, sequence) = events[0].device_order().unwrap();
    assert_eq!(
        (device.as_str(), sequence.sequence),
        ("sunrise.north-gate", 7)
    );
    let lost = event("access.granted", json!({ "device": 1 })).to_string();
    assert!(
        parse(Format::Single, lost.as_bytes(), 1).unwrap()[0]
            .device_order()
            .is_none()
    );
}
