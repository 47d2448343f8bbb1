#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::Effect;
use crate::id::{ChangeSetId, ComplexId, GrantId, PartnerId, PassId, SubjectRef};
use crate::registry::{
    Change, ChangeSet, Credential, Device, Entity, Grant, GuestPass, Holder, Partner, Perimeter,
    Registry, Resident,
};
use crate::vocabulary::{DeviceKind, GrantRole};

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn partner(name: &str) -> PartnerId {
    name.parse().unwrap()
}

fn id(number: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(number))
}

/// A registry that is changed entity by entity.
struct World {
    registry: Registry,
    sets: u128,
}

impl World {
    /// Two partners, of whom `gatekeeper` has a perimeter; a resident with a grant and a pass; a
    /// credential of each.
    fn new() -> Self {
        let mut world = Self {
            registry: Registry::default(),
            sets: 0,
        };
        for name in ["gatekeeper", "other"] {
            world.put_in(&ComplexId::global(), 0, trusted(name, false));
        }
        world.put(0, perimeter("gatekeeper", false));
        world.put(0, device("sunrise.gate", "gatekeeper", true));
        world.put(0, device("sunrise.door", "gatekeeper", true));
        world.put(0, resident(true));
        world.put(0, Entity::Grant(grant()));
        world.put(0, Entity::GuestPass(pass()));
        world.put(
            0,
            Entity::Credential(credential(1, Holder::Subject(subject()))),
        );
        world.put(
            0,
            Entity::Credential(credential(2, Holder::Pass(pass().id))),
        );
        world
    }

    fn put(&mut self, version: u64, entity: Entity) {
        self.put_in(&sunrise(), version, entity);
    }

    fn put_in(&mut self, complex: &ComplexId, expected_version: u64, entity: Entity) {
        self.sets += 1;
        let set = ChangeSet {
            id: ChangeSetId(Uuid::from_u128(self.sets)),
            note: String::new(),
            changes: vec![Change {
                expected_version,
                entity,
            }],
        };
        self.registry.fold(complex, set).unwrap();
    }

    fn wanted(&self, of: &str) -> Vec<CredentialId> {
        let desired = self.desired(of);
        desired.credentials.keys().copied().collect()
    }

    fn desired(&self, of: &str) -> Desired {
        desired(&self.registry, &sunrise(), &partner(of), now())
    }

    fn why_not(&self, of: &str, credential: u128) -> NotHeld {
        verdict(
            &self.registry,
            &sunrise(),
            &partner(of),
            id(credential),
            now(),
        )
        .unwrap_err()
    }
}

fn trusted(name: &str, suspended: bool) -> Entity {
    Entity::Partner(Partner {
        id: partner(name),
        name: String::new(),
        suspended,
        webhook_san: String::new(),
        attestation_key: vec![0; 32],
    })
}

fn perimeter(of: &str, closed: bool) -> Entity {
    Entity::Perimeter(Perimeter {
        partner: partner(of),
        complex: sunrise(),
        operations: Vec::new(),
        credentials: true,
        not_before: None,
        not_after: None,
        closed,
    })
}

fn device(id: &str, of: &str, enabled: bool) -> Entity {
    Entity::Device(Device {
        id: id.parse().unwrap(),
        name: String::new(),
        kind: DeviceKind::Barrier,
        operations: Vec::new(),
        partner: partner(of),
        enabled,
        cooldown_ms: 0,
        step_up: None,
    })
}

fn subject() -> SubjectRef {
    SubjectRef(Uuid::from_u128(7))
}

fn resident(active: bool) -> Entity {
    Entity::Resident(Resident {
        subject: subject(),
        active,
    })
}

fn grant() -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(8)),
        subject: subject(),
        role: GrantRole::Owner,
        devices: Vec::new(),
        window: Window::default(),
        revoked: false,
    }
}

fn pass() -> GuestPass {
    GuestPass {
        id: PassId(Uuid::from_u128(9)),
        secret_hash: [0; 32],
        grant: grant().id,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        max_uses: 0,
    }
}

fn credential(number: u128, holder: Holder) -> Credential {
    Credential {
        id: id(number),
        kind: CredentialKind::Plate,
        holder,
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        key_version: 1,
    }
}

#[test]
fn a_partner_holds_what_it_runs_for_residents_and_guests() {
    let world = World::new();
    assert_eq!(world.wanted("gatekeeper"), [id(1), id(2)]);
    assert!(world.desired("gatekeeper").may_hold);
    assert_eq!(world.desired("other"), Desired::default());
    assert_eq!(world.why_not("gatekeeper", 3), NotHeld::NotRegistered);
}

#[test]
fn a_revoked_credential_is_not_held() {
    let mut world = World::new();
    let revoked = Credential {
        revoked: true,
        ..credential(1, Holder::Subject(subject()))
    };
    world.put(1, Entity::Credential(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(2)]);
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Revoked);
}

#[test]
fn whoever_moves_out_takes_the_guests_along() {
    let mut world = World::new();
    world.put(1, resident(false));
    assert!(world.wanted("gatekeeper").is_empty());
    assert_eq!(world.why_not("gatekeeper", 2), NotHeld::HolderGone);
}

#[test]
fn a_guests_credential_ends_with_the_pass_or_its_grant() {
    let mut world = World::new();
    let revoked = GuestPass {
        revoked: true,
        ..pass()
    };
    world.put(1, Entity::GuestPass(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(1)]);
    let mut world = World::new();
    let revoked = Grant {
        revoked: true,
        ..grant()
    };
    world.put(1, Entity::Grant(revoked));
    assert_eq!(world.wanted("gatekeeper"), [id(1)]);
}

#[test]
fn a_guests_credential_is_never_wider_than_the_pass() {
    let mut world = World::new();
    let (soon, later) = (
        now() + SignedDuration::from_hours(1),
        now() + SignedDuration::from_hours(2),
    );
    let bounded = |until| Window {
        not_after: Some(until),
        ..Window::default()
    };
    world.put(
        1,
        Entity::GuestPass(GuestPass {
            window: bounded(later),
            ..pass()
        }),
    );
    world.put(
        1,
        Entity::Grant(Grant {
            window: bounded(soon),
            ..grant()
        }),
    );
    let desired = world.desired("gatekeeper");
    assert_eq!(desired.credentials[&id(2)].window, bounded(soon));
    assert_eq!(desired.until, Some(soon), "time alone ends it");
    let evenings = Window {
        minutes: (1080, 1200),
        ..Window::default()
    };
    world.put(
        2,
        Entity::GuestPass(GuestPass {
            window: evenings.clone(),
            ..pass()
        }),
    );
    let wanted = world.desired("gatekeeper").credentials;
    assert_eq!(wanted[&id(2)].window.minutes, (1080, 1200));
    let mornings = Window {
        minutes: (360, 480),
        ..Window::default()
    };
    let wider = Credential {
        window: mornings,
        ..credential(2, Holder::Pass(pass().id))
    };
    world.put(1, Entity::Credential(wider));
    assert_eq!(world.why_not("gatekeeper", 2), NotHeld::WiderThanPass);
}

#[test]
fn time_ends_what_nobody_revokes() {
    let mut world = World::new();
    let over = Credential {
        window: Window {
            not_after: Some(now()),
            ..Window::default()
        },
        ..credential(1, Holder::Subject(subject()))
    };
    world.put(1, Entity::Credential(over));
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Over);
}

#[test]
fn a_device_that_changes_hands_takes_its_credentials_along() {
    let mut world = World::new();
    world.put(1, device("sunrise.gate", "other", true));
    assert!(world.wanted("gatekeeper").is_empty());
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::NoDevices);
    assert!(world.wanted("other").is_empty(), "it has no perimeter yet");
    world.put(0, perimeter("other", false));
    assert_eq!(world.wanted("other"), [id(1), id(2)]);
    world.put(2, device("sunrise.gate", "other", false));
    assert!(world.wanted("other").is_empty(), "switched off");
}

#[test]
fn closed_or_suspended_nothing_is_held() {
    let mut world = World::new();
    world.put(1, perimeter("gatekeeper", true));
    assert_eq!(world.desired("gatekeeper"), Desired::default());
    let mut world = World::new();
    world.put_in(&ComplexId::global(), 1, trusted("gatekeeper", true));
    assert_eq!(world.desired("gatekeeper"), Desired::default());
    assert_eq!(world.why_not("gatekeeper", 1), NotHeld::Suspended);
}

fn content(devices: &[&str]) -> Content {
    let devices = devices.iter().map(|id| id.parse().unwrap());
    Content::new(CredentialKind::Plate, Window::default(), devices)
}

fn holding(versions: &[u32]) -> Holding {
    Holding {
        content: content(&["sunrise.gate"]),
        key_versions: versions.iter().copied().collect(),
    }
}

fn wants(credentials: &[u128]) -> Desired {
    Desired {
        may_hold: true,
        credentials: credentials
            .iter()
            .map(|number| (id(*number), content(&["sunrise.gate"])))
            .collect(),
        until: None,
    }
}

fn keys(newest: u32, delivered: &[u32]) -> Keys {
    Keys {
        newest,
        known: (1..=newest).collect(),
        delivered: delivered.iter().copied().collect(),
    }
}

/// What the partner holds, and what was delivered, once a plan is done.
fn apply(plan: &Plan, held: &mut Held, keys: &mut Keys) {
    for credential in &plan.deletes {
        held.remove(credential);
    }
    keys.delivered.extend(plan.deliver);
    while keys.delivered.len() > 2 {
        keys.delivered.pop_first();
    }
    for (credential, put) in &plan.puts {
        let versions = &put.holding.key_versions;
        assert!((1..=2).contains(&versions.len()));
        assert!(versions.iter().all(|version| keys.known.contains(version)));
        held.insert(*credential, put.holding.clone());
    }
}

fn versions(put: &Put) -> Vec<u32> {
    put.holding.key_versions.iter().copied().collect()
}

#[test]
fn a_change_of_the_key_goes_through_both_tokens() {
    let (desired, mut keys) = (wants(&[1, 2]), keys(2, &[1]));
    let mut held: Held = [(id(1), holding(&[1])), (id(2), holding(&[1]))].into();
    let first = plan(&desired, &held, &keys);
    assert_eq!(first.deliver, Some(2));
    assert!(first.puts.values().all(|put| versions(put) == [1, 2]));
    // Only one of them got there: the other's old token must go on working.
    held.insert(id(1), holding(&[1, 2]));
    keys.delivered.insert(2);
    let second = plan(&desired, &held, &keys);
    assert_eq!(second.puts.keys().copied().collect::<Vec<_>>(), [id(2)]);
    assert_eq!(versions(&second.puts[&id(2)]), [1, 2]);
    held.insert(id(2), holding(&[1, 2]));
    let third = plan(&desired, &held, &keys);
    assert!(third.puts.values().all(|put| versions(put) == [2]));
    assert_eq!(third.puts.len(), 2);
    held.insert(id(1), holding(&[2]));
    let fourth = plan(&desired, &held, &keys);
    assert_eq!(fourth.puts.keys().copied().collect::<Vec<_>>(), [id(2)]);
    held.insert(id(2), holding(&[2]));
    assert!(plan(&desired, &held, &keys).is_done());
}

#[test]
fn what_is_registered_during_a_change_gets_both_tokens() {
    let (desired, keys) = (wants(&[1, 2]), keys(2, &[1, 2]));
    let held: Held = [(id(1), holding(&[1]))].into();
    let plan = plan(&desired, &held, &keys);
    assert_eq!(versions(&plan.puts[&id(2)]), [1, 2]);
}

#[test]
fn an_instance_that_is_behind_undoes_nothing() {
    let mut behind = keys(1, &[1, 2]);
    let held: Held = [(id(1), holding(&[1, 2])), (id(2), holding(&[2]))].into();
    assert!(plan(&wants(&[1, 2]), &held, &behind).is_done());
    // It can still add, under the old key, as long as the partner has that.
    let adds = plan(&wants(&[1, 2, 3]), &held, &behind);
    assert_eq!(adds.deliver, None);
    assert_eq!(adds.puts.keys().copied().collect::<Vec<_>>(), [id(3)]);
    assert_eq!(versions(&adds.puts[&id(3)]), [1]);
    behind.delivered = [2, 3].into();
    let stuck = plan(&wants(&[1, 2, 3]), &held, &behind);
    assert!(stuck.puts.is_empty());
    assert_eq!(stuck.out_of_reach, [id(3)].into());
}

#[test]
fn a_version_that_nobody_delivered_counts_for_nothing() {
    let held: Held = [(id(1), holding(&[1, 999]))].into();
    let plan = plan(&wants(&[1]), &held, &keys(1, &[1]));
    assert_eq!(versions(&plan.puts[&id(1)]), [1]);
}

#[test]
fn a_partner_that_may_hold_nothing_gets_no_key() {
    let held: Held = [(id(1), holding(&[1]))].into();
    let plan = plan(&Desired::default(), &held, &keys(2, &[1]));
    assert_eq!(plan.deletes, [id(1)].into());
    assert_eq!((plan.deliver, plan.puts.len()), (None, 0));
}

#[test]
fn the_log_alone_says_what_stands_where() {
    let (gatekeeper, at) = (partner("gatekeeper"), now());
    let mut standings = Standings::default();
    let mut tell = |effect, reason: &str| {
        let changed = crate::event::ProvisioningChanged {
            partner: gatekeeper.clone(),
            effect,
            reason: reason.to_owned(),
        };
        standings.fold(&sunrise(), &changed, at);
        let shown = states(&standings, &sunrise(), &gatekeeper, &wants(&[1]));
        shown
            .into_iter()
            .map(|(id, shown)| (id.0.as_u128(), shown.state, shown.reason))
            .collect::<Vec<_>>()
    };
    let put = |number, versions: &[u32]| Effect::Put {
        credential: id(number),
        holding: holding(versions),
    };
    let told = tell(Effect::Withheld { credential: None }, "WEAK");
    assert_eq!(told, [(1, State::Pending, Some("WEAK".to_owned()))]);
    tell(Effect::TokenKeyDelivered { key_version: 1 }, "");
    let told = tell(put(1, &[1]), "MISSING");
    assert_eq!(told, [(1, State::InForce, None)]);
    let told = tell(put(2, &[1]), "MISSING");
    assert_eq!(told[1], (2, State::BeingRemoved, None));
    let told = tell(Effect::Deleted { credential: id(2) }, "REVOKED");
    assert_eq!(told.len(), 1);
}

prop_compose! {
    fn any_holding()(
        devices in prop::collection::btree_set(0..3u8, 1..3),
        key_versions in prop::collection::btree_set(0..6u32, 0..3),
    ) -> Holding {
        let devices = devices.iter().map(|n| format!("sunrise.d{n}").parse().unwrap());
        let content = Content::new(CredentialKind::Plate, Window::default(), devices);
        Holding { content, key_versions }
    }
}

fn any_held() -> impl Strategy<Value = Held> {
    prop::collection::btree_map((0..8u128).prop_map(id), any_holding(), 0..8)
}

proptest! {
    #[test]
    fn whatever_is_held_becomes_what_is_desired(
        held in any_held(),
        wanted in any_held(),
        newest in 1..5u32,
        delivered in prop::collection::btree_set(1..5u32, 0..3),
    ) {
        let credentials = wanted.into_iter().map(|(id, it)| (id, it.content)).collect();
        let desired = Desired { may_hold: true, credentials, until: None };
        let mut keys = keys(newest, &[]);
        keys.delivered = delivered.into_iter().filter(|version| *version <= newest).collect();
        let mut held = held;
        let mut rounds = 0;
        loop {
            let next = plan(&desired, &held, &keys);
            if next.is_done() {
                break;
            }
            apply(&next, &mut held, &mut keys);
            rounds += 1;
            prop_assert!(rounds <= 3, "it goes on: {next:?}");
        }
        let contents: BTreeMap<_, _> = held.iter().map(|(id, it)| (*id, it.content.clone())).collect();
        prop_assert_eq!(contents, desired.credentials);
        let newest: BTreeSet<u32> = [newest].into();
        prop_assert!(held.values().all(|it| it.key_versions == newest));
    }

    #[test]
    fn while_the_key_changes_each_credential_keeps_a_token_that_works(
        held in any_held(),
        done in prop::collection::vec(any::<bool>(), 8),
    ) {
        let desired = Desired {
            may_hold: true,
            credentials: held.iter().map(|(id, it)| (*id, it.content.clone())).collect(),
            until: None,
        };
        let mut held: Held = held.into_iter().map(|(id, it)| {
            (id, Holding { key_versions: [1].into(), ..it })
        }).collect();
        let mut keys = keys(2, &[1]);
        // Only some of each plan gets done; the cameras know both keys.
        for _ in 0..4 {
            let mut next = plan(&desired, &held, &keys);
            let mut turn = done.iter().cycle();
            let before = held.clone();
            next.puts.retain(|_, _| *turn.next().unwrap());
            apply(&next, &mut held, &mut keys);
            let old_alone = before.values().any(|it| !it.key_versions.contains(&2));
            for (id, it) in &held {
                prop_assert!(before.contains_key(id));
                let kept_old = it.key_versions.contains(&1);
                prop_assert!(kept_old || !old_alone, "the old token went too early");
            }
        }
    }

    #[test]
    fn two_instances_with_different_keys_come_to_rest(
        held in any_held(),
        wanted in any_held(),
        turns in prop::collection::vec(any::<bool>(), 12),
    ) {
        let credentials = wanted.into_iter().map(|(id, it)| (id, it.content)).collect();
        let desired = Desired { may_hold: true, credentials, until: None };
        let (mut held, mut delivered) = (held, BTreeSet::from([1]));
        let turn = |newest: u32, held: &mut Held, delivered: &mut BTreeSet<u32>| {
            let mut own = keys(newest, &[]);
            own.delivered.clone_from(delivered);
            let next = plan(&desired, held, &own);
            apply(&next, held, &mut own);
            delivered.clone_from(&own.delivered);
            next.is_done()
        };
        for ahead in turns {
            turn(if ahead { 2 } else { 1 }, &mut held, &mut delivered);
        }
        for _ in 0..3 {
            turn(2, &mut held, &mut delivered);
        }
        prop_assert!(turn(2, &mut held, &mut delivered));
        prop_assert!(turn(1, &mut held, &mut delivered));
    }
}
