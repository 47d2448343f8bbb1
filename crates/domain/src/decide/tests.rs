//! Given a registry, when somebody opens, then the reason.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::PassUseConsumed;
use crate::id::{ChangeSetId, GrantId};
use crate::registry::{
    Change, ChangeSet, Complex, Consumption, Entity, Grant, GuestPass, Partner, Perimeter,
    Resident, StepUp,
};
use crate::vocabulary::{DeviceKind, GrantRole};
use crate::window::Window;

const NOW: &str = "2026-11-24T12:00:00Z";
const OWNER: SubjectRef = SubjectRef(Uuid::from_u128(1));
const GRANT: GrantId = GrantId(Uuid::from_u128(2));
const PASS: PassId = PassId(Uuid::from_u128(3));

mod listed;

/// Given: one complex with a gate, its partner, an owner and his guest. Each test changes
/// one entity.
fn given(change: impl Fn(&mut Entity)) -> Registry {
    let mut registry = Registry::default();
    let complex: ComplexId = "sunrise".parse().unwrap();
    let partner: PartnerId = "partner-a".parse().unwrap();
    let device: DeviceId = "sunrise.gate".parse().unwrap();
    let global = vec![Entity::Partner(Partner {
        id: partner.clone(),
        name: "A".to_owned(),
        suspended: false,
        webhook_san: "dns:a.example".to_owned(),
        attestation_key: vec![0; 32],
    })];
    let local = vec![
        Entity::Complex(Complex {
            id: complex.clone(),
            name: "Sunrise".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
        Entity::Device(Device {
            id: device.clone(),
            name: "Gate".to_owned(),
            kind: DeviceKind::Gate,
            operations: vec![Operation::OpenBarrier],
            partner: partner.clone(),
            enabled: true,
            cooldown_ms: 0,
            step_up: None,
            place: None,
        }),
        Entity::Perimeter(Perimeter {
            partner,
            complex: complex.clone(),
            operations: vec![Operation::OpenBarrier],
            credentials: true,
            not_before: None,
            not_after: None,
            closed: false,
        }),
        Entity::Resident(Resident {
            subject: OWNER,
            active: true,
        }),
        Entity::Grant(Grant {
            id: GRANT,
            subject: OWNER,
            role: GrantRole::Owner,
            devices: vec![],
            buildings: Box::default(),
            entrances: Box::default(),
            window: Window::default(),
            revoked: false,
        }),
        Entity::GuestPass(GuestPass {
            id: PASS,
            secret_hash: [7; 32],
            grant: GRANT,
            devices: vec![device],
            window: Window::default(),
            revoked: false,
            max_uses: 0,
        }),
    ];
    for (complex, entities) in [(ComplexId::global(), global), (complex, local)] {
        let changes = entities
            .into_iter()
            .map(|mut entity| {
                change(&mut entity);
                Change {
                    expected_version: 0,
                    entity,
                }
            })
            .collect();
        let id = ChangeSetId(Uuid::from_u128(9));
        registry
            .fold(
                &complex,
                ChangeSet {
                    id,
                    note: String::new(),
                    changes,
                },
            )
            .unwrap();
    }
    registry
}

/// When: the owner opens the gate.
fn command(asker: Asker) -> OpenCommand {
    OpenCommand {
        id: CommandId(Uuid::from_u128(4)),
        complex: "sunrise".parse().unwrap(),
        device: "sunrise.gate".parse().unwrap(),
        operation: Operation::OpenBarrier,
        asker,
        caller: "bff".parse().unwrap(),
        request_digest: [0; 32],
        key_time: NOW.parse().unwrap(),
        expires_at: "2026-11-24T12:00:20Z".parse().unwrap(),
        auth_time: None,
        acr: None,
    }
}

fn at() -> Instant {
    Instant {
        now: NOW.parse().unwrap(),
        utc_offset: 3 * 3600,
    }
}

fn then(registry: &Registry, command: &OpenCommand) -> Reason {
    let decision = decide(registry, &Commands::default(), command, at());
    let again = decide(registry, &Commands::default(), command, at());
    assert_eq!(decision, again);
    assert_eq!(
        decision.verdict == Verdict::Allow,
        decision.reason == Reason::Granted
    );
    decision.reason
}

fn both() -> [OpenCommand; 2] {
    [command(Asker::Owner(OWNER)), command(Asker::Guest(PASS))]
}

#[test]
fn owner_and_guest_open_the_gate() {
    for command in both() {
        assert_eq!(then(&given(|_| {}), &command), Reason::Granted);
    }
}

#[test]
fn a_stranger_learns_nothing() {
    let stranger = command(Asker::Owner(SubjectRef(Uuid::from_u128(99))));
    let mut unknown = command(Asker::Owner(OWNER));
    unknown.device = "sunrise.no-such-gate".parse().unwrap();
    unknown.complex = ComplexId::unassigned();
    let broken = given(|entity| match entity {
        Entity::Device(device) => device.enabled = false,
        Entity::Partner(partner) => partner.suspended = true,
        _ => {}
    });
    assert_eq!(then(&broken, &stranger), Reason::NoGrant);
    assert_eq!(then(&broken, &unknown), Reason::NoGrant);
}

#[test]
fn a_withdrawn_grant_ends_its_passes_too() {
    for registry in [
        given(|entity| {
            if let Entity::Grant(grant) = entity {
                grant.revoked = true;
            }
        }),
        given(|entity| {
            if let Entity::Resident(resident) = entity {
                resident.active = false;
            }
        }),
    ] {
        for command in both() {
            assert_eq!(then(&registry, &command), Reason::GrantRevoked);
        }
    }
}

#[test]
fn outside_its_window() {
    let registry = given(|entity| {
        if let Entity::Grant(grant) = entity {
            grant.window.minutes = (0, 60);
        }
    });
    for command in both() {
        assert_eq!(then(&registry, &command), Reason::OutsideWindow);
    }
}

#[test]
fn device_operation_partner_and_perimeter() {
    type Given = (fn(&mut Entity), Reason);
    let cases: [Given; 6] = [
        (
            |e| {
                if let Entity::Device(device) = e {
                    device.enabled = false;
                }
            },
            Reason::DeviceDisabled,
        ),
        (
            |e| {
                if let Entity::Device(device) = e {
                    device.operations = vec![Operation::OpenDoor];
                }
            },
            Reason::OperationNotAllowed,
        ),
        (
            |e| {
                if let Entity::Partner(partner) = e {
                    partner.suspended = true;
                }
            },
            Reason::PartnerSuspended,
        ),
        (
            |e| {
                if let Entity::Perimeter(perimeter) = e {
                    perimeter.operations.clear();
                }
            },
            Reason::OutOfPerimeter,
        ),
        (
            |e| {
                if let Entity::Perimeter(perimeter) = e {
                    perimeter.not_after = Some(NOW.parse().unwrap());
                }
            },
            Reason::OutOfPerimeter,
        ),
        (
            |e| {
                if let Entity::Perimeter(perimeter) = e {
                    perimeter.closed = true;
                }
            },
            Reason::OutOfPerimeter,
        ),
    ];
    for (change, reason) in cases {
        for command in both() {
            assert_eq!(then(&given(change), &command), reason);
        }
    }
}

#[test]
fn expired_commands_and_old_keys() {
    let registry = given(|_| {});
    let mut expired = command(Asker::Owner(OWNER));
    expired.expires_at = NOW.parse().unwrap();
    assert_eq!(then(&registry, &expired), Reason::CommandExpired);
    let mut old = command(Asker::Owner(OWNER));
    old.key_time = "2026-11-24T11:49:59Z".parse().unwrap();
    assert_eq!(then(&registry, &old), Reason::CommandExpired);
}

#[test]
fn another_complex_under_the_same_device_is_refused() {
    let mut moved = command(Asker::Owner(OWNER));
    moved.complex = "moonlight".parse().unwrap();
    assert_eq!(then(&given(|_| {}), &moved), Reason::NoGrant);
}

#[test]
fn a_limited_pass_opens_while_a_use_is_left() {
    let mut registry = given(|entity| {
        if let Entity::GuestPass(pass) = entity {
            pass.max_uses = 1;
        }
    });
    let guest = command(Asker::Guest(PASS));
    let seen = decide(&registry, &Commands::default(), &guest, at());
    assert_eq!((seen.reason, seen.uses_left), (Reason::Granted, Some(1)));
    let consumed = PassUseConsumed {
        pass: PASS,
        command: CommandId(Uuid::from_u128(5)),
        key_time: NOW.parse().unwrap(),
    };
    let held = registry.fold_consumed(&guest.complex, &consumed, at().now);
    assert_eq!(held, Consumption::Held);
    let seen = decide(&registry, &Commands::default(), &guest, at());
    assert_eq!(
        (seen.reason, seen.uses_left),
        (Reason::UsesExhausted, Some(0))
    );
    // His host's own right has no uses.
    let host = command(Asker::Owner(OWNER));
    assert_eq!(then(&registry, &host), Reason::Granted);
}

/// Given: the gate requires a login of at most 300 s, of class `gold`.
fn given_step_up() -> Registry {
    given(|entity| {
        if let Entity::Device(device) = entity {
            device.step_up = Some(StepUp {
                max_age_seconds: 300,
                acr: Some("gold".to_owned()),
            });
        }
    })
}

#[test]
fn a_login_must_be_fresh_and_strong_enough() {
    let registry = given_step_up();
    let cases = [
        (None, None, Reason::StepUpRequired),
        (None, Some("gold"), Reason::StepUpRequired),
        (Some("2026-11-24T11:55:00Z"), None, Reason::StepUpRequired),
        (
            Some("2026-11-24T11:55:00Z"),
            Some("silver"),
            Reason::StepUpRequired,
        ),
        (Some("2026-11-24T11:55:00Z"), Some("gold"), Reason::Granted),
        (
            Some("2026-11-24T11:54:59Z"),
            Some("gold"),
            Reason::StepUpRequired,
        ),
        (Some("2026-11-24T12:00:59Z"), Some("gold"), Reason::Granted),
        (
            Some("2026-11-24T12:01:01Z"),
            Some("gold"),
            Reason::StepUpRequired,
        ),
    ];
    for (auth_time, acr, reason) in cases {
        let mut command = command(Asker::Owner(OWNER));
        command.auth_time = auth_time.map(|at| at.parse().unwrap());
        command.acr = acr.map(str::to_owned);
        assert_eq!(then(&registry, &command), reason, "{auth_time:?} {acr:?}");
    }
}

#[test]
fn whoever_has_no_right_is_not_told_of_a_login_and_a_guest_has_none() {
    let registry = given_step_up();
    let stranger = command(Asker::Owner(SubjectRef(Uuid::from_u128(99))));
    assert_eq!(then(&registry, &stranger), Reason::NoGrant);
    let guest = command(Asker::Guest(PASS));
    assert_eq!(then(&registry, &guest), Reason::StepUpRequired);
}
