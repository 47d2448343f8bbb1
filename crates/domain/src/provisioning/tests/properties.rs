//! Whatever is held, whoever is at work.

use proptest::prelude::*;

use super::plan::{apply, keys};
use super::*;

prop_compose! {
    fn any_holding()(
        devices in prop::collection::btree_set(0..3u8, 1..3),
        key_versions in prop::collection::btree_set(0..6u32, 0..3),
    ) -> Holding {
        let devices = devices.iter().map(|n| format!("sunrise.d{n}").parse().unwrap());
        let content = Content::new(CredentialKind::Plate, Window::default(), "", devices);
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
