//! What is listed is what is allowed: every pair of entities' states, every device and operation.

use super::*;
use crate::id::DeviceId;

/// A state, by name.
type State = (&'static str, fn(&mut Entity));

/// States that an entity may be in, each told by a name; several hold at once.
const STATES: [State; 14] = [
    ("as it is", |_| {}),
    ("device off", |e| {
        if let Entity::Device(device) = e {
            device.enabled = false;
        }
    }),
    ("another operation", |e| {
        if let Entity::Device(device) = e {
            device.operations = vec![Operation::OpenDoor];
        }
    }),
    ("both operations", |e| {
        if let Entity::Device(device) = e {
            device.operations = vec![Operation::OpenDoor, Operation::OpenBarrier];
        }
    }),
    ("no operation", |e| {
        if let Entity::Device(device) = e {
            device.operations.clear();
        }
    }),
    ("unknown partner", |e| {
        if let Entity::Device(device) = e {
            device.partner = "nobody".parse().unwrap();
        }
    }),
    ("step-up", |e| {
        if let Entity::Device(device) = e {
            device.step_up = Some(StepUp {
                max_age_seconds: 300,
                acr: None,
            });
        }
    }),
    ("suspended", |e| {
        if let Entity::Partner(partner) = e {
            partner.suspended = true;
        }
    }),
    ("closed perimeter", |e| {
        if let Entity::Perimeter(perimeter) = e {
            perimeter.closed = true;
        }
    }),
    ("perimeter ends", |e| {
        if let Entity::Perimeter(perimeter) = e {
            perimeter.not_after = Some("2026-11-24T13:00:00Z".parse().unwrap());
        }
    }),
    ("perimeter of doors", |e| {
        if let Entity::Perimeter(perimeter) = e {
            perimeter.operations = vec![Operation::OpenDoor];
        }
    }),
    ("revoked", |e| {
        if let Entity::Grant(grant) = e {
            grant.revoked = true;
        }
    }),
    ("afternoon only", |e| {
        if let Entity::Grant(grant) = e {
            grant.window.minutes = (14 * 60, 15 * 60 + 30);
        }
    }),
    ("moved out", |e| {
        if let Entity::Resident(resident) = e {
            resident.active = false;
        }
    }),
];

/// The reason that `decide` gives a command of the owner at this moment.
fn reason(
    registry: &Registry,
    device: &DeviceId,
    operation: Operation,
    login: Option<Timestamp>,
    now: Timestamp,
) -> Reason {
    let command = OpenCommand {
        device: device.clone(),
        operation,
        key_time: now,
        expires_at: now + SignedDuration::from_secs(20),
        auth_time: login,
        ..command(Asker::Owner(OWNER))
    };
    let at = Instant { now, ..at() };
    decide(registry, &Commands::default(), &command, at).reason
}

#[test]
fn what_is_listed_is_allowed_and_nothing_else_is() {
    let complex: ComplexId = "sunrise".parse().unwrap();
    let now = at().now;
    let mut listed_at_all = 0;
    for (one, change) in STATES {
        for (other, also) in STATES {
            let registry = given(|entity| {
                change(entity);
                also(entity);
            });
            for (who, login) in [
                (OWNER, None),
                (OWNER, Some(now - SignedDuration::from_secs(100))),
                (SubjectRef(Uuid::from_u128(99)), Some(now)),
            ] {
                let given = format!("{one}, {other}, {who}, {login:?}");
                let listed = openable(&registry, &complex, who, (login, None), at());
                if who != OWNER {
                    assert!(listed.is_empty(), "{given}");
                    continue;
                }
                for device in registry.devices(&complex) {
                    let entry = listed.iter().find(|entry| entry.device == device.id);
                    for operation in Operation::ALL {
                        let reason = reason(&registry, &device.id, *operation, login, now);
                        let expected = match entry {
                            Some(entry) if !entry.operations.contains(operation) => None,
                            Some(Openable {
                                step_up: Some(_), ..
                            }) => Some(Reason::StepUpRequired),
                            Some(_) => Some(Reason::Granted),
                            None => None,
                        };
                        match expected {
                            Some(expected) => assert_eq!(reason, expected, "{given}"),
                            None => assert!(
                                !matches!(reason, Reason::Granted | Reason::StepUpRequired),
                                "{given}: {reason}"
                            ),
                        }
                    }
                    listed_at_all += usize::from(entry.is_some());
                    let Some(end) = entry.and_then(|entry| entry.until) else {
                        continue;
                    };
                    let operation = entry.unwrap().operations[0];
                    let before = end - SignedDuration::from_secs(1);
                    for (now, held) in [(before, true), (end, false)] {
                        let login = login.map(|_| now);
                        let reason = reason(&registry, &device.id, operation, login, now);
                        let holds = matches!(reason, Reason::Granted | Reason::StepUpRequired);
                        assert_eq!(holds, held, "{given}: {now} {reason}");
                    }
                }
            }
        }
    }
    assert!(listed_at_all > 50, "the cases say something");
}

#[test]
fn of_several_grants_the_latest_end_is_told() {
    let complex: ComplexId = "sunrise".parse().unwrap();
    let mut registry = given(|entity| {
        if let Entity::Grant(grant) = entity {
            grant.window.not_after = Some("2026-11-24T13:00:00Z".parse().unwrap());
        }
    });
    let until = |registry: &Registry| {
        let listed = openable(registry, &complex, OWNER, (None, None), at());
        listed[0].until.map(|at| at.to_string())
    };
    assert_eq!(until(&registry).unwrap(), "2026-11-24T13:00:00Z");
    for (id, end) in [(20, Some("2026-11-24T14:00:00Z")), (21, None)] {
        let grant = Grant {
            id: GrantId(Uuid::from_u128(id)),
            subject: OWNER,
            role: GrantRole::Household,
            devices: vec![],
            buildings: Box::default(),
            entrances: Box::default(),
            window: Window {
                not_after: end.map(|at| at.parse().unwrap()),
                ..Window::default()
            },
            revoked: false,
        };
        let set = ChangeSet {
            id: ChangeSetId(Uuid::from_u128(id)),
            note: String::new(),
            changes: vec![Change {
                expected_version: 0,
                entity: Entity::Grant(grant),
            }],
        };
        registry.fold(&complex, set).unwrap();
        assert_eq!(until(&registry).as_deref(), end);
    }
    assert_eq!(registry.complexes_of(OWNER), [complex]);
}
