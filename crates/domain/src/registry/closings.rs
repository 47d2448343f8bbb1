//! When perimeters were closed: what happened before that, its partner may still tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Perimeter;
use crate::id::{ComplexId, PartnerId};

/// By complex and partner; only of perimeters that are closed. A copy shares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Closings(Arc<BTreeMap<(ComplexId, PartnerId), Timestamp>>);

impl Closings {
    /// A perimeter is in this state since `at`.
    pub(super) fn fold(&mut self, perimeter: &Perimeter, at: Timestamp) {
        let key = (perimeter.complex.clone(), perimeter.partner.clone());
        match (perimeter.closed, self.0.contains_key(&key)) {
            (true, false) => {
                Arc::make_mut(&mut self.0).insert(key, at);
            }
            (false, true) => {
                Arc::make_mut(&mut self.0).remove(&key);
            }
            _ => {}
        }
    }

    /// Puts a closing back.
    pub(super) fn restore(&mut self, complex: &ComplexId, partner: PartnerId, at: Timestamp) {
        Arc::make_mut(&mut self.0).insert((complex.clone(), partner), at);
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&ComplexId, &PartnerId, Timestamp)> {
        let all = self.0.iter();
        all.map(|((complex, partner), at)| (complex, partner, *at))
    }

    /// Whether a perimeter was in force at `at`. One that is closed now was until it was closed.
    pub(super) fn was_in_force(&self, perimeter: &Perimeter, at: Timestamp) -> bool {
        let key = (perimeter.complex.clone(), perimeter.partner.clone());
        let before = self.0.get(&key).is_some_and(|closed| at < *closed);
        perimeter.in_force(at) || before && perimeter.in_window(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;
    use crate::id::ChangeSetId;
    use crate::registry::{Change, ChangeSet, Entity, Registry};

    const FROM: &str = "2026-01-01T00:00:00Z";
    const BEFORE: &str = "2026-05-31T23:59:59Z";
    const CLOSED: &str = "2026-06-01T00:00:00Z";
    const LATER: &str = "2026-07-01T00:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Puts the perimeter into a state at these times, one after the other.
    fn folded(states: &[(bool, &str)]) -> Registry {
        let mut registry = Registry::default();
        let complex: ComplexId = "sunrise".parse().unwrap();
        for (version, (closed, at)) in (0..).zip(states) {
            let perimeter = Perimeter {
                partner: "gatekeeper".parse().unwrap(),
                complex: complex.clone(),
                operations: Vec::new(),
                credentials: false,
                not_before: Some(time(FROM)),
                not_after: None,
                closed: *closed,
            };
            let set = ChangeSet {
                id: ChangeSetId(Uuid::from_u128(version.into())),
                note: String::new(),
                changes: vec![Change {
                    expected_version: version,
                    entity: Entity::Perimeter(perimeter),
                }],
            };
            registry.fold_at(&complex, set, time(at)).unwrap();
        }
        registry
    }

    fn told(registry: &Registry, at: &str) -> bool {
        let (partner, complex) = ("gatekeeper".parse().unwrap(), "sunrise".parse().unwrap());
        registry.in_perimeter(&partner, &complex, time(at))
    }

    #[test]
    fn a_closed_perimeter_was_one_until_it_was_closed() {
        let registry = folded(&[(false, FROM), (true, CLOSED)]);
        assert!(told(&registry, BEFORE));
        assert!(!told(&registry, CLOSED), "from that moment on");
        assert!(!told(&registry, "2025-12-31T23:59:59Z"), "not yet then");
        // Another change of it while it is closed changes nothing.
        let again = folded(&[(false, FROM), (true, CLOSED), (true, LATER)]);
        assert!(told(&again, BEFORE) && !told(&again, CLOSED));
        let open = folded(&[(false, FROM), (true, CLOSED), (false, LATER)]);
        assert!(told(&open, LATER));
        // Nobody knows whether one that came closed ever was one.
        assert!(!told(&folded(&[(true, CLOSED)]), CLOSED));
    }

    #[test]
    fn put_together_again_it_is_known_too() {
        let registry = folded(&[(false, FROM), (true, CLOSED)]);
        let mut again = Registry::default();
        for (complex, part) in registry.parts() {
            again.restore(complex, part);
        }
        assert_eq!(again, registry);
        assert!(told(&again, BEFORE) && !told(&again, CLOSED));
    }
}
