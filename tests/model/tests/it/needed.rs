//! Take one part of the design away, and a property breaks; the shortest way is printed.

use model::scenario::{EXPIRED, FORGOTTEN, FRESH, KEY_OLD, Scenario, VOID};
use model::{Ingredients, Model, Property, explore};

use crate::spaces::{COOLDOWN, DUPLICATES, FAULTS, PASS, REVOCATION};

/// One request and one fault.
const ONE: Scenario = Scenario {
    name: "one request, one fault",
    faults: 1,
    crashes: 0,
    hand_overs: 0,
    outage: false,
    clock_behind: false,
    rejections: false,
    ..FAULTS
};

/// Duplicates and one fault.
const PAIR: Scenario = Scenario {
    name: "duplicates, one fault",
    crashes: 0,
    clock_behind: false,
    ..DUPLICATES
};

fn breaks(with: Ingredients, scenario: Scenario, properties: &[Property]) {
    let model = Model::new(scenario, with);
    for property in properties {
        let found = explore(&model, &[*property]);
        let missing = with.missing().join(" and ");
        match found.counterexample {
            Some(trace) => {
                assert_eq!(trace.property, *property);
                println!("{trace}");
            }
            None => panic!(
                "without {missing}, {property:?} holds in all {} states",
                found.states
            ),
        }
    }
}

macro_rules! needed {
    ($($name:ident: without $($part:ident),+ in $scenario:expr => $($property:ident),+;)*) => {
        $(
            #[test]
            fn $name() {
                let with = Ingredients { $($part: false,)+ ..Ingredients::DESIGNED };
                breaks(with, $scenario, &[$(Property::$property),+]);
            }
        )*
    };
}

needed! {
    // The claim.
    read_back: without read_back in PAIR => LosersNeverAct, OutcomeIsTrue;
    losers_follow: without losers_follow in PAIR => LosersNeverAct, OutcomeIsTrue;
    denials_claim: without denials_claim in REVOCATION => AnswerIsTrue;
    second_decision: without second_decision in COOLDOWN => CooldownHolds;
    acknowledged_before_acting: without acknowledged_before_acting in ONE => UnavailableIsFinal;
    acting_on_nothing: without acknowledged_before_acting, read_back in ONE => DurableBeforeCall;
    fresh_tails: without fresh_tails in REVOCATION => RevocationHolds;

    // Keys grow old.
    forgets_as_read: without forgets_as_read in Scenario {
        phases: &[FRESH, EXPIRED, KEY_OLD, VOID], ..PAIR
    } => LosersNeverAct;
    late_appends_void: without late_appends_void in PAIR => LosersNeverAct;
    key_age_limit: without key_age_limit, late_appends_void in Scenario {
        faults: 0, ..PAIR
    } => OneOpening;

    // One call, and the fence.
    expiry_check: without expiry_check in ONE => CallsInTime;
    sent_once: without sent_once in Scenario { crashes: 1, ..ONE } => OutcomeIsTrue;
    fence_on_doubt: without fence_on_doubt in ONE => OutcomeIsTrue, AnswerIsTrue;
    bare_404_is_doubt: without bare_404_is_doubt in ONE => OutcomeIsTrue;

    // The reconciler.
    reconciler_fences: without reconciler_fences in ONE => OutcomeIsTrue;
    reconciler_waits: without reconciler_waits in Scenario { faults: 0, ..ONE } => NoDoorLost;
    reconciler_gives_up: without reconciler_gives_up in Scenario {
        outage: true, ..ONE
    } => OutcomeIsTrue;
    commit_below_open: without commit_below_open in Scenario { hand_overs: 1, ..ONE } => Settled;
    unknown_provisional: without unknown_provisional in Scenario { faults: 2, ..ONE } => Settled;
    first_definite_rules: without first_definite_rules, reconciler_fences in ONE => OutcomeStays;

    // The partner.
    partner_refuses_expired: without partner_refuses_expired in ONE => OpensInTime;
    partner_remembers_answered: without partner_remembers_answered in ONE => OneOpening;
    partner_remembers_unseen: without partner_remembers_unseen in ONE => OutcomeIsTrue;
    partner_memory_lasts: without partner_memory_lasts in ONE => OutcomeIsTrue;

    // Uses of a pass.
    use_before_call: without use_before_call in PASS => PassLimitHolds;
    use_read_back: without use_read_back in PASS => PassLimitHolds;
    late_uses_void: without late_uses_void in Scenario { hand_overs: 1, ..PASS } => UsesExact;
    reconciler_returns: without reconciler_returns in Scenario {
        faults: 0, crashes: 1, ..PASS
    } => UsesExact;
    commit_not_young: without commit_not_young in Scenario { hand_overs: 1, ..PASS } => UsesExact;
}

/// Parts that another stands behind: alone, nothing of what is checked breaks without them.
mod doubled {
    use super::*;

    fn holds(with: Ingredients, scenario: Scenario) {
        let found = explore(&Model::new(scenario, with), Property::ALL);
        if let Some(trace) = found.counterexample {
            panic!("{trace}");
        }
        let missing = with.missing().join(" and ");
        println!(
            "without {missing}: holds in {} states ({})",
            found.states, scenario.name
        );
    }

    /// What is asked for with too old a key is appended too late, and void.
    #[test]
    fn key_age_limit() {
        let with = Ingredients {
            key_age_limit: false,
            ..Ingredients::DESIGNED
        };
        let last_request = FORGOTTEN;
        holds(
            with,
            Scenario {
                last_request,
                ..PAIR
            },
        );
    }

    /// Definite outcomes that contradict each other are not written at all.
    #[test]
    fn first_definite_rules() {
        let with = Ingredients {
            first_definite_rules: false,
            ..Ingredients::DESIGNED
        };
        holds(
            with,
            Scenario {
                faults: 2,
                crashes: 1,
                ..ONE
            },
        );
    }
}
