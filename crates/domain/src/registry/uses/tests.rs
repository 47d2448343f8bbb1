//! Given records that ask for uses and give them back, in every order, who has one.
#![allow(clippy::unwrap_used)]

use crate::commands::{KEY_WINDOW, LEEWAY};
use jiff::SignedDuration;
use uuid::Uuid;

use super::super::{Change, ChangeSet, Entity};
use super::*;
use crate::id::{ChangeSetId, GrantId};
use crate::window::Window;

const PASS: PassId = PassId(Uuid::from_u128(1));

fn complex() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn key_time() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn command(number: u128) -> CommandId {
    CommandId(Uuid::from_u128(number))
}

fn put(registry: &mut Registry, version: u64, max_uses: u32) {
    let pass = GuestPass {
        id: PASS,
        secret_hash: [7; 32],
        grant: GrantId(Uuid::from_u128(2)),
        devices: vec!["sunrise.gate".parse().unwrap()],
        window: Window::default(),
        revoked: false,
        max_uses,
    };
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(u128::from(version))),
        note: String::new(),
        changes: vec![Change {
            expected_version: version,
            entity: Entity::GuestPass(pass),
        }],
    };
    registry.fold(&complex(), set).unwrap();
}

fn given(max_uses: u32) -> Registry {
    let mut registry = Registry::default();
    put(&mut registry, 0, max_uses);
    registry
}

fn left(registry: &Registry) -> Option<u32> {
    let (_, pass) = registry.pass(&complex(), &PASS).unwrap();
    registry.uses_left(&complex(), pass)
}

fn consume_late(registry: &mut Registry, number: u128, late: SignedDuration) -> Consumption {
    let consumed = PassUseConsumed {
        pass: PASS,
        command: command(number),
        key_time: key_time(),
    };
    registry.fold_consumed(&complex(), &consumed, key_time() + late)
}

fn consume(registry: &mut Registry, number: u128) -> Consumption {
    consume_late(registry, number, SignedDuration::ZERO)
}

fn give_back(registry: &mut Registry, number: u128) -> bool {
    let returned = PassUseReturned {
        pass: PASS,
        command: command(number),
    };
    registry.fold_returned(&complex(), &returned)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Record {
    Consumed(u128),
    Returned(u128),
}

fn orders(records: &[Record]) -> Vec<Vec<Record>> {
    if records.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in records.iter().enumerate() {
        let mut rest = records.to_vec();
        rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

/// Three commands ask, one of them twice; two give back, one of them twice. Whatever the order,
/// a use is held only by who asked and got it, never by more than there are uses, and goes to
/// the first that asks while one is left.
#[test]
fn in_every_order_no_more_than_there_are_and_first_come_first_served() {
    use Record::{Consumed, Returned};
    let records = [
        Consumed(1),
        Consumed(1),
        Consumed(2),
        Consumed(3),
        Returned(1),
        Returned(1),
        Returned(2),
    ];
    for max_uses in 1..=3 {
        for order in orders(&records) {
            let mut registry = given(max_uses);
            let mut held: Vec<u128> = Vec::new();
            for record in &order {
                match *record {
                    Consumed(number) => {
                        let expected = if held.contains(&number) {
                            Consumption::Held
                        } else if held.len() < max_uses as usize {
                            held.push(number);
                            Consumption::Held
                        } else {
                            Consumption::Exhausted
                        };
                        assert_eq!(consume(&mut registry, number), expected, "{order:?}");
                    }
                    Returned(number) => {
                        let had = held.contains(&number);
                        held.retain(|other| *other != number);
                        assert_eq!(give_back(&mut registry, number), had, "{order:?}");
                    }
                }
                for number in 1..=3 {
                    let holds = registry.holds_use(&complex(), PASS, command(number));
                    assert_eq!(holds, held.contains(&number), "{order:?}");
                }
                let expected = max_uses - u32::try_from(held.len()).unwrap();
                assert_eq!(left(&registry), Some(expected), "{order:?}");
            }
        }
    }
}

#[test]
fn a_record_that_asks_too_late_is_void() {
    let last = KEY_WINDOW + LEEWAY;
    let mut registry = given(1);
    let late = last + SignedDuration::from_millis(1);
    assert_eq!(consume_late(&mut registry, 1, late), Consumption::Void);
    assert_eq!(left(&registry), Some(1));
    assert_eq!(consume_late(&mut registry, 1, last), Consumption::Held);
    assert_eq!(left(&registry), Some(0));
}

#[test]
fn another_complex_has_no_such_pass() {
    let mut registry = given(1);
    let consumed = PassUseConsumed {
        pass: PASS,
        command: command(1),
        key_time: key_time(),
    };
    let moonlight: ComplexId = "moonlight".parse().unwrap();
    let folded = registry.fold_consumed(&moonlight, &consumed, key_time());
    assert_eq!(folded, Consumption::Void);
    assert_eq!(left(&registry), Some(1));
}

#[test]
fn a_limit_may_change_and_what_was_used_stays_used() {
    let mut registry = given(2);
    consume(&mut registry, 1);
    consume(&mut registry, 2);
    put(&mut registry, 1, 1);
    assert_eq!(left(&registry), Some(0), "more was used than there is now");
    assert_eq!(consume(&mut registry, 3), Consumption::Exhausted);
    put(&mut registry, 2, 3);
    assert_eq!(left(&registry), Some(1));
    put(&mut registry, 3, 0);
    assert_eq!(left(&registry), None);
    assert_eq!(consume(&mut registry, 3), Consumption::Held);
}
