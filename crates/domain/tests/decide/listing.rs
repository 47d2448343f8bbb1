//! What a person is told that they may open is what they may open.

use domain::decide::Asker;
use domain::openable;
use domain::vocabulary::{Operation, Reason};
use jiff::SignedDuration;
use oracle::Ask;
use proptest::prelude::*;

use crate::cases::cases;

/// The same person, at another device of the complex, by a new command.
fn at(ask: &Ask, device: &domain::DeviceId, operation: Operation, now: jiff::Timestamp) -> Ask {
    let mut other = ask.clone();
    other.command.device = device.clone();
    other.command.complex = device.complex();
    other.command.operation = operation;
    other.command.key_time = now;
    other.command.expires_at = now + SignedDuration::from_secs(60);
    other.at.now = now;
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_list_says_what_the_decision_says(case in cases()) {
        let registry = case.world.registry().unwrap();
        let commands = case.world.commands();
        for ask in &case.asks {
            let Asker::Owner(subject) = ask.command.asker else { continue };
            let complex = ask.command.device.complex();
            let login = (ask.command.auth_time, ask.command.acr.as_deref());
            let listed = openable(&registry, &complex, subject, login, ask.at);
            for device in registry.devices(&complex) {
                let entry = listed.iter().find(|entry| entry.device == device.id);
                for operation in Operation::ALL {
                    let now = at(ask, &device.id, *operation, ask.at.now);
                    let reason = now.decide(&registry, &commands).reason;
                    let entry = entry.filter(|entry| entry.operations.contains(operation));
                    let expected = match entry {
                        None => false,
                        Some(entry) if entry.step_up.is_some() => {
                            prop_assert_eq!(reason, Reason::StepUpRequired);
                            true
                        }
                        // A cooldown is not part of the list.
                        Some(_) => true,
                    };
                    let opens = [Reason::Granted, Reason::StepUpRequired, Reason::Cooldown];
                    prop_assert_eq!(expected, opens.contains(&reason), "{}", reason);
                    let Some(until) = entry.and_then(|entry| entry.until) else { continue };
                    let last = until - SignedDuration::from_nanos(1);
                    let later = at(ask, &device.id, *operation, last);
                    let reason = later.decide(&registry, &commands).reason;
                    prop_assert!(opens.contains(&reason), "{} at {}", reason, last);
                }
            }
        }
    }
}
