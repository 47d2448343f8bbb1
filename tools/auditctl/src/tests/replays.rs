//! A small complex: one door, one owner, and decisions that follow from them or don't.

use auditlog::LogId;
use domain::event::{
    AccessDecided, Actor, Body, DecisionInputs, Event, LogPosition, RequestContext,
};
use domain::registry::{
    Change, ChangeSet, Complex, Device, Entity, Grant, Partner, Perimeter, Resident,
};
use domain::vocabulary::{ActorKind, DeviceKind, GrantRole, Operation, Reason, Verdict};
use domain::window::Window;
use domain::{ChangeSetId, CommandId, EventId, GrantId, SubjectRef};
use eventlog::Topic;
use jiff::SignedDuration;
use uuid::Uuid;

use super::world::{World, access, begin, code, observed};

const OWNER: SubjectRef = SubjectRef(Uuid::from_u128(7));
const GRANT: GrantId = GrantId(Uuid::from_u128(5));

/// What the record of a decision says.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) number: u128,
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
    /// How many records of the registry were known.
    pub(super) known: u64,
    pub(super) right: bool,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            number: 1,
            verdict: Verdict::Allow,
            reason: Reason::Granted,
            known: 1,
            right: true,
        }
    }
}

fn event(number: u128, complex: &str, body: Body) -> Event {
    Event {
        id: EventId(Uuid::from_u128(0x1000 + number)),
        occurred_at: begin() + SignedDuration::from_hours(1),
        complex: complex.parse().unwrap(),
        device: None,
        actor: Actor {
            kind: ActorKind::Owner,
            subject: Some(OWNER.0),
            caller: "spiffe://smarthome/bff/mobile".to_owned(),
        },
        correlation: number.to_string(),
        body,
    }
}

pub(super) fn decided(said: &Said) -> Event {
    let now = begin() + SignedDuration::from_hours(1);
    let decided = AccessDecided {
        command: CommandId(Uuid::from_u128(said.number)),
        request_digest: [3; 32],
        operation: Operation::OpenDoor,
        verdict: said.verdict,
        reason: said.reason,
        expires_at: now + SignedDuration::from_secs(9),
        key_time: now,
        inputs: DecisionInputs {
            now,
            utc_offset: 3 * 3600,
            registry_position: LogPosition {
                partition: 0,
                offset: 3 * (said.known - 1) + 1,
            },
            global_position: LogPosition {
                partition: 0,
                offset: 1,
            },
            access_position: LogPosition::default(),
            right: said.right.then_some((GRANT.0, said.known)),
            partner: (said.verdict == Verdict::Allow).then(|| "gatekeeper".parse().unwrap()),
            perimeter_version: u64::from(said.verdict == Verdict::Allow),
            recent_openings: Vec::new(),
            cooldown_ms: 0,
            auth_time: None,
            acr: None,
            uses_left: None,
            policy_version: domain::POLICY_VERSION,
        },
        context: RequestContext::default(),
    };
    Event {
        device: Some("sunrise.door".parse().unwrap()),
        ..event(said.number, "sunrise", Body::AccessDecided(decided))
    }
}

fn changed(number: u128, complex: &str, entities: Vec<(u64, Entity)>) -> Event {
    let changes = entities
        .into_iter()
        .map(|(expected_version, entity)| Change {
            expected_version,
            entity,
        });
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(number)),
        note: String::new(),
        changes: changes.collect(),
    };
    event(0x100 + number, complex, Body::RegistryChanged(set))
}

fn grant(revoked: bool) -> Entity {
    Entity::Grant(Grant {
        id: GRANT,
        subject: OWNER,
        role: GrantRole::Owner,
        devices: vec!["sunrise.door".parse().unwrap()],
        buildings: [].into(),
        entrances: [].into(),
        window: Window::default(),
        revoked,
    })
}

/// Everything registered; then the grant withdrawn.
fn registry() -> [Event; 2] {
    let sunrise = Complex {
        id: "sunrise".parse().unwrap(),
        name: "Sunrise".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        face_basis: None,
    };
    let device = Device {
        id: "sunrise.door".parse().unwrap(),
        name: "Door".to_owned(),
        kind: DeviceKind::Door,
        operations: vec![Operation::OpenDoor],
        partner: "gatekeeper".parse().unwrap(),
        enabled: true,
        cooldown_ms: 0,
        step_up: None,
        place: None,
    };
    let perimeter = Perimeter {
        partner: "gatekeeper".parse().unwrap(),
        complex: "sunrise".parse().unwrap(),
        operations: vec![Operation::OpenDoor],
        credentials: false,
        not_before: None,
        not_after: None,
        closed: false,
    };
    let resident = Resident {
        subject: OWNER,
        active: true,
    };
    let all = [
        Entity::Complex(sunrise),
        Entity::Device(device),
        Entity::Perimeter(perimeter),
        Entity::Resident(resident),
        grant(false),
    ];
    let all = all.into_iter().map(|entity| (0, entity)).collect();
    [
        changed(1, "sunrise", all),
        changed(2, "sunrise", vec![(1, grant(true))]),
    ]
}

fn partner() -> Event {
    let partner = Partner {
        id: "gatekeeper".parse().unwrap(),
        name: "Gatekeeper".to_owned(),
        suspended: false,
        webhook_san: "gatekeeper.example".to_owned(),
        attestation_key: vec![1; 32],
    };
    changed(3, "global", vec![(0, Entity::Partner(partner))])
}

/// The logs with these decisions.
async fn world(decisions: &[Said]) -> World {
    let world = World::new();
    let of = |complex| LogId::new("registry.events.v1", complex).unwrap();
    let sign = |event: &Event| world.signed(event, Topic::RegistryEvents);
    let registered = registry();
    world
        .write(&of("sunrise"), registered.iter().map(sign))
        .await;
    world
        .write(&of("global"), [partner()].iter().map(sign))
        .await;
    let decisions = decisions
        .iter()
        .map(|said| world.signed(&decided(said), Topic::AccessEvents));
    let values: Vec<_> = [observed(0)].into_iter().chain(decisions).collect();
    world.write(&access(), values.into_iter()).await;
    world
}

fn revoked(number: u128) -> Said {
    Said {
        number,
        verdict: Verdict::Deny,
        reason: Reason::GrantRevoked,
        known: 2,
        ..Said::default()
    }
}

#[tokio::test]
async fn decisions_that_follow_come_out_again_from_tiles_and_from_an_archive() {
    let world = world(&[
        Said::default(),
        revoked(2),
        Said {
            number: 3,
            ..Said::default()
        },
    ])
    .await;
    let tiles = world.tiles();
    let tiles = tiles.to_str().unwrap();
    let replayed = world.run_trusting(&["replay", tiles]).await;
    assert_eq!(code(&replayed), 0, "{replayed:?}");
    let id = decided(&revoked(2)).id.to_string();
    assert_eq!(code(&world.run_trusting(&["explain", tiles, &id]).await), 0);
    assert_eq!(
        code(&world.run(&["replay", tiles]).await),
        2,
        "whose records?"
    );
    let file = world.file("all.tar");
    let file = file.to_str().unwrap();
    world
        .run_trusting(&["export", tiles, "-o", file])
        .await
        .unwrap();
    assert_eq!(code(&world.run_trusting(&["verify", file]).await), 0);
    assert_eq!(code(&world.run_trusting(&["replay", file]).await), 0);
    assert_eq!(code(&world.run_trusting(&["explain", file, &id]).await), 0);
    // Without positions nobody can say what a decision knew.
    std::fs::remove_dir_all(world.tiles().join("registry.events.v1/sunrise/position")).unwrap();
    assert_eq!(code(&world.run_trusting(&["replay", tiles]).await), 3);
    assert_eq!(code(&world.run_trusting(&["verify", tiles]).await), 0);
}

#[tokio::test]
async fn one_that_does_not_follow_is_found_though_everything_is_signed() {
    let granted_after_all = Said {
        known: 2,
        ..Said::default()
    };
    let denied_for_nothing = Said {
        verdict: Verdict::Deny,
        reason: Reason::NoGrant,
        right: false,
        ..Said::default()
    };
    let by_another_right = Said {
        right: false,
        ..Said::default()
    };
    for wrong in [granted_after_all, denied_for_nothing, by_another_right] {
        let said = [revoked(2), Said { number: 3, ..wrong }];
        let world = world(&said).await;
        let tiles = world.tiles();
        let tiles = tiles.to_str().unwrap();
        assert_eq!(code(&world.run_trusting(&["verify", tiles]).await), 0);
        let replayed = world.run_trusting(&["replay", tiles]).await;
        assert_eq!(code(&replayed), 1, "{said:?}");
        assert!(replayed.unwrap_err().to_string().contains("record 2"));
        let id = decided(&said[1]).id.to_string();
        assert_eq!(code(&world.run_trusting(&["explain", tiles, &id]).await), 1);
        let id = decided(&said[0]).id.to_string();
        assert_eq!(code(&world.run_trusting(&["explain", tiles, &id]).await), 0);
    }
}
