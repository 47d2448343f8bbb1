//! What isn't known is refused.

use domain::decide::Asker;
use domain::registry::Registry;
use domain::vocabulary::{Reason, Verdict};
use domain::{ComplexId, PassId, SubjectRef};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use uuid::Uuid;

use crate::cases::{Case, allowed, allowed_cases, answer, cases};

const NOBODY: Uuid = Uuid::from_u128(0xffff);

/// Whatever is taken out of the registry, nothing opens that didn't before.
fn less_never_opens(case: &Case) -> Result<(), TestCaseError> {
    let before: Vec<bool> = case
        .asks
        .iter()
        .map(|ask| allowed(&case.world, ask))
        .collect();
    for (complex, key) in case.world.keys() {
        let less = case.world.without(&complex, &key);
        for (ask, before) in case.asks.iter().zip(&before) {
            prop_assert!(
                *before || !allowed(&less, ask),
                "without {key:?} of {complex}"
            );
        }
    }
    Ok(())
}

/// The seed of a world in which a grant's last state names a place that its first one doesn't.
#[test]
fn a_place_that_is_gone_takes_every_state_of_a_grant_with_it() {
    less_never_opens(&Case::of(17_449_519_147_609_882_702)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn to_know_less_never_opens(case in cases()) {
        less_never_opens(&case)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_empty_registry_opens_nothing(case in cases()) {
        for ask in &case.asks {
            let decision = ask.decide(&Registry::default(), &case.world.commands());
            prop_assert_eq!(decision.verdict, Verdict::Deny);
            let unknown = [Reason::NoGrant, Reason::CommandExpired];
            prop_assert!(unknown.contains(&decision.reason), "{}", decision.reason);
        }
    }

    /// An unknown device and somebody without a right get the same answer, with nothing in it.
    #[test]
    fn who_has_no_right_learns_nothing((world, ask) in allowed_cases()) {
        let nothing = |ask: &oracle::Ask| {
            let decision = answer(&world, ask);
            let seen = (decision.partner, decision.perimeter_version, decision.recent_openings);
            (decision.reason, decision.right, seen, decision.uses_left, decision.cooldown_ms)
        };
        let refused = (Reason::NoGrant, None, (None, 0, Vec::new()), None, 0);
        let mut unknown = ask.clone();
        unknown.command.device = format!("{}.nowhere", ask.command.complex).parse().unwrap();
        prop_assert_eq!(nothing(&unknown), refused.clone());
        unknown.command.device = "nowhere.gate".parse().unwrap();
        unknown.command.complex = ComplexId::unassigned();
        prop_assert_eq!(nothing(&unknown), refused.clone());
        for asker in [Asker::Owner(SubjectRef(NOBODY)), Asker::Guest(PassId(NOBODY))] {
            let mut stranger = ask.clone();
            stranger.command.asker = asker;
            prop_assert_eq!(nothing(&stranger), refused.clone());
        }
    }
}
