//! The domain's vocabularies and those of the contract are the same: numbers and names.

#![allow(clippy::unwrap_used)]

use domain::vocabulary as domain_words;
use proto::events as wire;

macro_rules! same {
    ($name:ident, $wire:ident, $prefix:literal) => {
        for value in domain_words::$name::ALL {
            let other = wire::$wire::try_from(value.number()).unwrap();
            assert_eq!(
                other.as_str_name(),
                format!("{}_{}", $prefix, value.as_str())
            );
            assert_eq!(
                domain_words::$name::from_number(value.number()),
                Some(*value)
            );
        }
        // Nothing in the contract that the domain lacks, but for 0, which is no value.
        let known = (0..256)
            .filter(|n| wire::$wire::try_from(*n).is_ok())
            .count();
        assert_eq!(known, domain_words::$name::ALL.len() + 1, stringify!($name));
        assert_eq!(domain_words::$name::from_number(0), None);
    };
}

#[test]
fn every_vocabulary_is_the_contracts() {
    same!(Operation, Operation, "OPERATION");
    same!(DeviceKind, DeviceKind, "DEVICE_KIND");
    same!(Verdict, Verdict, "VERDICT");
    same!(Reason, Reason, "REASON");
    same!(Outcome, Outcome, "OUTCOME");
    same!(ActorKind, ActorKind, "ACTOR_KIND");
    same!(Method, Method, "METHOD");
    same!(Automation, Automation, "AUTOMATION");
    same!(LegalBasisKind, LegalBasisKind, "LEGAL_BASIS_KIND");
    same!(Observation, Observation, "OBSERVATION");
    same!(Resolution, Resolution, "RESOLUTION");
    same!(LockState, LockState, "LOCK_STATE");
    same!(DoorPosition, DoorPosition, "DOOR_POSITION");
    same!(Power, Power, "POWER");
    same!(GrantRole, GrantRole, "GRANT_ROLE");
    same!(CredentialKind, CredentialKind, "CREDENTIAL_KIND");
    same!(
        ProvisioningEffect,
        ProvisioningEffect,
        "PROVISIONING_EFFECT"
    );
    same!(GapReason, GapReason, "GAP_REASON");
}

#[test]
fn what_the_bff_is_told_has_the_same_numbers() {
    use proto::access;
    let mut same = 0;
    for kind in domain_words::DeviceKind::ALL {
        let other = access::DeviceKind::try_from(kind.number()).unwrap();
        assert_eq!(other.as_str_name(), kind.as_str());
        same += 1;
    }
    for operation in domain_words::Operation::ALL {
        let other = access::Operation::try_from(operation.number()).unwrap();
        assert_eq!(other.as_str_name(), operation.as_str());
        same += 1;
    }
    for outcome in domain_words::Outcome::ALL {
        let other = access::Outcome::try_from(outcome.number()).unwrap();
        assert_eq!(other.as_str_name(), outcome.as_str());
        same += 1;
    }
    assert_eq!(same, 10);
}
