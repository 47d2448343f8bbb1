//! How far a right reaches: its holder, its devices, its complex.

use domain::decide::Asker;
use domain::registry::{Change, ChangeSet, Entity, Refused};
use domain::{ChangeSetId, ComplexId};
use oracle::{Ask, World};
use proptest::prelude::*;
use uuid::Uuid;

use crate::cases::{allowed, allowed_cases, answer, cases};

/// Whether a decision about `ask` may look at this.
fn is_related(world: &World, ask: &Ask, complex: &ComplexId, entity: &Entity) -> bool {
    let here = *complex == ask.command.device.complex();
    let pass = world.entities.iter().find_map(|(c, entity)| match entity {
        Entity::GuestPass(pass) if c == complex && Asker::Guest(pass.id) == ask.command.asker => {
            Some(pass)
        }
        _ => None,
    });
    let host = pass.and_then(|pass| {
        let mut grants = world.entities.iter();
        grants.find_map(|(c, entity)| match entity {
            Entity::Grant(grant) if c == complex && grant.id == pass.grant => Some(grant.subject),
            _ => None,
        })
    });
    match entity {
        Entity::Partner(_) => true,
        Entity::Complex(_) | Entity::Credential(_) => false,
        Entity::Device(device) => device.id == ask.command.device,
        Entity::Perimeter(_) => here,
        Entity::Resident(resident) => {
            let own = Asker::Owner(resident.subject) == ask.command.asker;
            here && (own || host == Some(resident.subject))
        }
        Entity::Grant(grant) => {
            let own = Asker::Owner(grant.subject) == ask.command.asker;
            here && (own || pass.is_some_and(|pass| pass.grant == grant.id))
        }
        Entity::GuestPass(other) => here && Asker::Guest(other.id) == ask.command.asker,
        Entity::Building(_) | Entity::Entrance(_) => here,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Other people's rights, other devices, other complexes: nothing of it is in a decision.
    #[test]
    fn what_is_unrelated_makes_no_difference(case in cases()) {
        for ask in &case.asks {
            let mut related = case.world.clone();
            related.entities.retain(|(complex, entity)| {
                is_related(&case.world, ask, complex, entity)
            });
            prop_assert_eq!(answer(&related, ask), answer(&case.world, ask));
        }
    }

    /// All the rights in the world elsewhere don't open a device.
    #[test]
    fn a_right_never_reaches_outside_its_complex((world, ask) in allowed_cases()) {
        let complex = ask.command.device.complex();
        let mut elsewhere = world.clone();
        elsewhere.entities.retain(|(c, entity)| {
            *c != complex || !matches!(entity, Entity::Grant(_))
        });
        prop_assert!(!allowed(&elsewhere, &ask));
        let mut elsewhere = world.clone();
        elsewhere.entities.retain(|(c, _)| *c != complex);
        prop_assert!(!allowed(&elsewhere, &ask));
    }

    /// Whatever opens to a guest opens to the resident who let them in.
    #[test]
    fn a_pass_opens_no_more_than_its_grant((world, ask) in allowed_cases()) {
        let registry = world.registry().unwrap();
        let complex = ask.command.device.complex();
        if let Asker::Guest(pass) = ask.command.asker {
            let (_, pass) = registry.pass(&complex, &pass).unwrap();
            let (_, grant) = registry.grant(&complex, &pass.grant).unwrap();
            let mut host = ask.clone();
            host.command.asker = Asker::Owner(grant.subject);
            prop_assert!(allowed(&world, &host));
        }
    }

    /// Nobody registers a right to another complex's device.
    #[test]
    fn a_right_to_another_complexes_device_is_refused(case in cases()) {
        let mut registry = case.world.registry().unwrap();
        for (complex, entity) in &case.world.entities {
            let foreign = match entity {
                Entity::Device(_) | Entity::Perimeter(_) | Entity::Complex(_) => true,
                Entity::Grant(grant) => !grant.is_everywhere(),
                Entity::GuestPass(_) | Entity::Building(_) | Entity::Entrance(_) => true,
                _ => false,
            };
            if !foreign {
                continue;
            }
            let others = case.world.sites.iter().map(|site| &site.complex);
            for other in others.filter(|other| *other != complex) {
                let set = ChangeSet {
                    id: ChangeSetId(Uuid::new_v5(&Uuid::NAMESPACE_URL, other.as_str().as_bytes())),
                    note: String::new(),
                    changes: vec![Change { expected_version: 0, entity: entity.clone() }],
                };
                let checked = registry.check(other, &set);
                prop_assert!(matches!(checked, Err(Refused::Invalid { .. })), "{checked:?}");
                let before = registry.entities(other).count();
                prop_assert!(registry.fold(other, set).is_err());
                prop_assert_eq!(registry.entities(other).count(), before);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A window that is said to be within another never holds where that doesn't.
    #[test]
    fn a_window_within_another_ends_where_that_does(case in cases(), offset in -50_000..50_000) {
        let windows: Vec<_> = case.world.entities.iter().filter_map(|(_, e)| match e {
            Entity::Grant(grant) => Some(&grant.window),
            Entity::GuestPass(pass) => Some(&pass.window),
            _ => None,
        }).collect();
        let now = case.world.base;
        let instants: Vec<_> = case.asks.iter().map(|ask| ask.at.now.max(now)).collect();
        for pair in windows.windows(2) {
            let [inner, outer] = *pair else { continue };
            for (inner, outer) in [(inner, outer), (outer, inner), (inner, inner)] {
                if inner.is_within(outer, now) {
                    for at in &instants {
                        let holds = inner.contains(*at, offset);
                        prop_assert!(!holds || outer.contains(*at, offset), "{at} {inner:?} {outer:?}");
                    }
                }
            }
        }
    }
}
