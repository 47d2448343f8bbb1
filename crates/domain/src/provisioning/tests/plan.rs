//! From what is held to what should be.

use super::*;
use crate::event::Effect;

fn content(devices: &[&str]) -> Content {
    let devices = devices.iter().map(|id| id.parse().unwrap());
    Content::new(CredentialKind::Plate, Window::default(), "", devices)
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

pub(super) fn keys(newest: u32, delivered: &[u32]) -> Keys {
    Keys {
        newest,
        known: (1..=newest).collect(),
        delivered: delivered.iter().copied().collect(),
    }
}

/// What the partner holds, and what was delivered, once a plan is done.
pub(super) fn apply(plan: &Plan, held: &mut Held, keys: &mut Keys) {
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
