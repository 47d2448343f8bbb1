#![allow(clippy::unwrap_used)]
use domain::vocabulary::{Observation, Resolution};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::event::{Format, parse};
use crate::testing::{
    GUESTS_PLATE, PASS, RESIDENT, access, alarm, at, event, registry, status, with,
};

const NOW: &str = "2026-11-24T10:00:05Z";

fn judged(partner: &str, event: &Value) -> Judgement {
    judged_with(&registry(), partner, event)
}

fn judged_with(registry: &Registry, partner: &str, event: &Value) -> Judgement {
    let world = World {
        registry,
        positions: &[11, 22, 33],
        lateness: SignedDuration::from_hours(24),
    };
    let text = event.to_string();
    let events = parse(Format::Single, text.as_bytes(), 1).unwrap();
    let arrival = Arrival {
        id: EventId(Uuid::from_u128(1)),
        at: at(NOW),
    };
    judge(world, &partner.parse().unwrap(), &events[0], arrival)
}

fn accepted(event: &Value) -> Event {
    match judged("gatekeeper", event) {
        Judgement::Accepted(event) => *event,
        Judgement::Rejected(rejection) => panic!("{}", rejection.fault),
    }
}

fn observed(event: &Value) -> (Actor, AccessObserved) {
    let accepted = accepted(event);
    let Body::AccessObserved(body) = accepted.body else {
        panic!("not an access event")
    };
    (accepted.actor, body)
}

fn rejected(event: &Value) -> String {
    match judged("gatekeeper", event) {
        Judgement::Rejected(rejection) => rejection.fault.to_string(),
        Judgement::Accepted(_) => panic!("accepted"),
    }
}

#[test]
fn a_residents_plate_is_the_resident_at_the_device() {
    let event = accepted(&event("access.granted", access()));
    assert_eq!(event.id, EventId(Uuid::from_u128(1)));
    assert_eq!(event.occurred_at, at("2026-11-24T10:00:00Z"));
    assert_eq!(event.complex.as_str(), "sunrise");
    assert_eq!(event.device.unwrap().as_str(), "sunrise.north-gate");
    assert_eq!(event.correlation, "0198c5f0-7000-7000-8000-000000000001");
    assert_eq!(
        event.actor,
        Actor {
            kind: ActorKind::AtDevice,
            subject: Some(RESIDENT),
            caller: "gatekeeper".to_owned(),
        }
    );
    let Body::AccessObserved(body) = event.body else {
        panic!("not an access event")
    };
    assert_eq!(body.observation, Observation::Granted);
    assert_eq!(body.resolution, Resolution::Resolved);
    assert_eq!(body.received_at, at(NOW));
    assert!(!body.late);
    let partition = body.registry_position.partition as usize;
    assert_eq!(body.registry_position.offset, [11, 22, 33][partition]);
}

#[test]
fn a_guests_plate_is_the_guests_pass() {
    let data = with(access(), "credential_id", json!(GUESTS_PLATE.to_string()));
    let (actor, _) = observed(&event("access.granted", data));
    assert_eq!((actor.kind, actor.subject), (ActorKind::Guest, Some(PASS)));
}

#[test]
fn a_credential_that_is_not_known_identifies_nobody() {
    let data = with(
        access(),
        "credential_id",
        json!(Uuid::from_u128(0xff).to_string()),
    );
    let (actor, body) = observed(&event("access.denied", data));
    assert_eq!((actor.kind, actor.subject), (ActorKind::AtDevice, None));
    assert_eq!(body.resolution, Resolution::NotIdentified);
    assert_eq!(body.observation, Observation::Denied);
    let (_, body) = observed(&event("door.forced_open", alarm()));
    assert_eq!(
        (body.method, body.resolution),
        (None, Resolution::NotIdentified)
    );
}

#[test]
fn a_remote_opening_is_tied_to_its_command_which_says_who() {
    let command = Uuid::from_u128(0xcafe);
    let data = with(
        with(access(), "method", json!("remote")),
        "command_id",
        json!(command.to_string()),
    );
    let event = accepted(&event("access.granted", data));
    assert_eq!(event.correlation, command.to_string());
    assert_eq!(
        (event.actor.kind, event.actor.subject),
        (ActorKind::AtDevice, None)
    );
    let Body::AccessObserved(body) = event.body else {
        panic!("not an access event")
    };
    assert_eq!(body.command, Some(domain::CommandId(command)));
    assert_eq!(body.resolution, Resolution::NotIdentified);
}

#[test]
fn a_status_keeps_what_is_not_monitored_unknown() {
    let event = accepted(&event("device.status", status()));
    let Body::DeviceStatus(body) = event.body else {
        panic!("not a status")
    };
    assert_eq!((body.online, body.door, body.tamper), (true, None, None));
    assert_eq!(body.battery_percent, Some(100));
    assert_eq!(body.observed_at, at("2026-11-24T10:00:00Z"));
}

#[test]
fn nobody_speaks_for_another() {
    let foreign = with(
        event("access.granted", access()),
        "source",
        json!("urn:smarthome:partner:other"),
    );
    assert_eq!(rejected(&foreign), "wrong_source at `/source`");
    let elsewhere = with(
        event("access.granted", access()),
        "source",
        json!("https://gatekeeper.example"),
    );
    assert_eq!(rejected(&elsewhere), "wrong_source at `/source`");
}

#[test]
fn only_devices_that_the_partner_runs_inside_its_perimeter() {
    let of = |complex: &str, device: &str| {
        let data = with(
            with(access(), "complex", json!(complex)),
            "device",
            json!(device),
        );
        rejected(&event("access.granted", data))
    };
    assert_eq!(
        of("sunrise", "sunrise.south-gate"),
        "out_of_perimeter at `/data/device`"
    );
    assert_eq!(
        of("sunrise", "sunrise.no-gate"),
        "out_of_perimeter at `/data/device`"
    );
    assert_eq!(
        of("dawn", "dawn.gate"),
        "out_of_perimeter at `/data/complex`"
    );
    assert_eq!(
        of("global", "global.gate"),
        "out_of_perimeter at `/data/complex`"
    );
    assert_eq!(
        of("sunrise", "moonlight.gate"),
        "invalid_field at `/data/complex`"
    );
}

#[test]
fn the_perimeter_is_the_one_of_the_events_own_time() {
    let when = |complex: &str, device: &str, occurred_at: &str| {
        let data = with(
            with(access(), "complex", json!(complex)),
            "device",
            json!(device),
        );
        judged(
            "gatekeeper",
            &event(
                "access.granted",
                with(data, "occurred_at", json!(occurred_at)),
            ),
        )
    };
    let in_october = when("moonlight", "moonlight.gate", "2026-10-31T23:59:59Z");
    assert!(
        matches!(in_october, Judgement::Accepted(_)),
        "still its perimeter then"
    );
    let Judgement::Rejected(today) = when("moonlight", "moonlight.gate", "2026-11-24T10:00:00Z")
    else {
        panic!("accepted")
    };
    assert_eq!(
        today.fault.to_string(),
        "out_of_perimeter at `/data/complex`"
    );
    let Judgement::Rejected(before) = when("sunrise", "sunrise.north-gate", "2025-12-31T23:59:59Z")
    else {
        panic!("accepted")
    };
    assert_eq!(before.fault.reason, RejectReason::OutOfPerimeter);
}

#[test]
fn a_minute_ahead_is_a_clock_and_more_is_refused() {
    let when = |time: &str| with(access(), "occurred_at", json!(time));
    accepted(&event("access.granted", when("2026-11-24T10:01:05Z")));
    let told = rejected(&event("access.granted", when("2026-11-24T10:01:05.001Z")));
    assert_eq!(told, "in_the_future at `/data/occurred_at`");
    let told = rejected(&event(
        "device.status",
        with(status(), "observed_at", json!("2027-01-01T00:00:00Z")),
    ));
    assert_eq!(told, "in_the_future at `/data/observed_at`");
}

#[test]
fn what_is_late_is_marked_and_kept() {
    let late = |time: &str| {
        observed(&event(
            "access.granted",
            with(access(), "occurred_at", json!(time)),
        ))
        .1
        .late
    };
    assert!(!late("2026-11-23T10:00:05Z"));
    assert!(late("2026-11-23T10:00:04Z"));
    assert!(late("2026-02-01T00:00:00Z"));
}

#[test]
fn a_rejection_keeps_its_place_in_the_order_of_an_own_device_only() {
    let order = |event: &Value| match judged("gatekeeper", event) {
        Judgement::Rejected(rejection) => rejection.order,
        Judgement::Accepted(_) => panic!("accepted"),
    };
    let own = with(access(), "owner_name", json!("Anna"));
    let (device, sequence) = order(&event("access.granted", own.clone())).unwrap();
    assert_eq!(
        (device.as_str(), sequence.sequence),
        ("sunrise.north-gate", 7)
    );
    let others = with(own.clone(), "device", json!("sunrise.south-gate"));
    assert_eq!(order(&event("access.granted", others)), None);
    let nobodys = with(own, "device", json!("petrov.79161234567"));
    assert_eq!(
        order(&event("access.granted", nobodys)),
        None,
        "it may be anything"
    );
}

#[test]
fn a_registry_that_knows_nothing_accepts_nothing() {
    let judgement = judged_with(
        &Registry::default(),
        "gatekeeper",
        &event("access.granted", access()),
    );
    assert!(matches!(judgement, Judgement::Rejected(_)));
}
