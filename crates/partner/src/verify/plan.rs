//! Each check as a request and the token that it is made with.

use domain::vocabulary::Operation;
use domain::{ComplexId, DeviceId};

use super::check::CheckName;
use super::target::Target;
use crate::scope::Scope;

/// What a request is authorised with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    /// Nothing.
    None,
    /// A text that never was a token.
    Garbage,
    /// A good token of this complex with one character changed.
    Tampered(Scope),
    /// A good token of this complex.
    Good(Scope),
    /// A token of this complex that was good.
    Expired,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Open a device.
    Open {
        complex: ComplexId,
        device: DeviceId,
        operation: Operation,
    },
    /// List the credentials that are held.
    List(ComplexId),
    /// Where a command stands.
    Status,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) name: CheckName,
    pub(super) bearer: Bearer,
    pub(super) ask: Ask,
}

/// The checks of a target, in the order in which they are asked.
pub(super) fn plan(target: &Target) -> Vec<Probe> {
    use Bearer::{Expired, Garbage, Good, None, Tampered};
    use CheckName as Name;

    let here = &target.perimeter.complex;
    let other = target.elsewhere.complex();
    let held = target.perimeter.credentials;
    let may = |operation| target.perimeter.operations.contains(&operation);
    let list = |complex: &ComplexId| Ask::List(complex.clone());
    let open = |operation| Ask::Open {
        complex: here.clone(),
        device: target.device(operation).clone(),
        operation,
    };
    let away = |complex: &ComplexId, operation| Ask::Open {
        complex: complex.clone(),
        device: target.elsewhere.clone(),
        operation,
    };
    let mut probes = Vec::new();
    let mut add = |name, bearer, ask| probes.push(Probe { name, bearer, ask });
    // What the perimeter lacks, no token is asked for.
    if let Some(&operation) = target.perimeter.operations.first() {
        let good = Good(Scope::of(operation));
        add(Name::OpenInOtherComplex, good, away(&other, operation));
        add(Name::OpenForeignDevice, good, away(here, operation));
        if may(Operation::OpenDoor) {
            let (token, barrier) = (Good(Scope::OpenDoors), open(Operation::OpenBarrier));
            add(Name::OpenBarrierWithDoorToken, token, barrier);
        }
        if may(Operation::OpenBarrier) {
            let (token, door) = (Good(Scope::OpenBarriers), open(Operation::OpenDoor));
            add(Name::OpenDoorWithBarrierToken, token, door);
        }
        let with = [
            (Name::OpenWithCommandsToken, Good(Scope::ReadCommands)),
            (Name::OpenWithAttestationToken, Good(Scope::ReadAttestation)),
            (Name::OpenWithoutCertificate, good),
            (Name::OpenWithExpiredToken, Expired),
            (Name::OpenWithGarbageToken, Garbage),
            (Name::OpenWithTamperedToken, Tampered(Scope::of(operation))),
            (Name::OpenWithoutToken, None),
        ];
        for (name, bearer) in with {
            add(name, bearer, open(operation));
        }
        add(Name::ListWithOpenToken, good, list(here));
    }
    if held {
        let good = Good(Scope::WriteCredentials);
        add(Name::ListInOtherComplex, good, list(&other));
    }
    let attestation = Good(Scope::ReadAttestation);
    add(Name::ListWithAttestationToken, attestation, list(here));
    add(Name::ReadWithoutToken, None, Ask::Status);
    probes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::verify::target::tests::target;

    #[test]
    fn a_perimeter_with_all_there_is_gets_every_check_once() {
        let names: Vec<CheckName> = plan(&target()).iter().map(|probe| probe.name).collect();
        let once: BTreeSet<CheckName> = names.iter().copied().collect();
        assert_eq!(once.len(), names.len());
        assert_eq!(once, CheckName::ALL.iter().copied().collect());
    }

    #[test]
    fn no_token_is_asked_for_that_the_perimeter_lacks() {
        let mut target = target();
        target.perimeter.operations = vec![Operation::OpenBarrier];
        target.perimeter.credentials = false;
        for probe in plan(&target) {
            let scope = match probe.bearer {
                Bearer::Good(scope) | Bearer::Tampered(scope) => scope,
                _ => continue,
            };
            assert!(
                !matches!(scope, Scope::OpenDoors | Scope::WriteCredentials),
                "{probe:?}"
            );
        }
        target.perimeter.operations.clear();
        assert!(
            plan(&target)
                .iter()
                .all(|probe| !matches!(probe.ask, Ask::Open { .. }))
        );
    }

    #[test]
    fn each_check_asks_for_something_that_its_token_is_not_for() {
        for probe in plan(&target()) {
            let Bearer::Good(scope) = probe.bearer else {
                continue;
            };
            let fits = match &probe.ask {
                Ask::Open {
                    complex,
                    device,
                    operation,
                } => {
                    complex.as_str() == "sunrise"
                        && device.complex() == *complex
                        && Scope::of(*operation) == scope
                }
                Ask::List(complex) => {
                    complex.as_str() == "sunrise" && scope == Scope::WriteCredentials
                }
                Ask::Status => scope == Scope::ReadCommands,
            };
            let bare = probe.name == CheckName::OpenWithoutCertificate;
            assert_eq!(fits, bare, "{probe:?}");
        }
    }
}
