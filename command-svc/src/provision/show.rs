//! How things are at the partners, for operators and metrics. What was done is told by the log, to
//! every instance; when it was looked at and when it is tried again, only by the one at work.

use std::collections::{BTreeMap, BTreeSet};

use domain::provisioning::{Desired, Shown, State, states};
use domain::{ComplexId, PartnerId};
use jiff::Timestamp;
use proto::access::{
    CredentialProvisioning, GetProvisioningResponse, PartnerProvisioning, ProvisioningState,
};

use super::{Pair, Provisioner, Why, not_held, why};
use crate::refusal::Refusal;

impl Provisioner {
    /// What partners hold in a complex, and what they should hold and don't.
    ///
    /// # Errors
    /// This instance lags, or there is no such complex.
    pub(crate) fn provisioning(
        &self,
        complex: &ComplexId,
    ) -> Result<GetProvisioningResponse, Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let known = self
            .registrar
            .knowledge
            .lock()
            .registry
            .complex(complex)
            .is_some();
        if !known {
            return Err(Refusal::NotFound("complex"));
        }
        let partners = self.partners_of(complex).into_iter();
        let partners = partners.map(|partner| self.at(complex, partner));
        Ok(GetProvisioningResponse {
            partners: partners.collect(),
        })
    }

    fn at(&self, complex: &ComplexId, partner: PartnerId) -> PartnerProvisioning {
        let pair = (complex.clone(), partner);
        let desired = self.desired(&pair);
        let status = self.desk(&pair).status().clone();
        let registry = self.registrar.copy();
        let standing = registry.standings().get(complex, &pair.1);
        let mut shown = states(registry.standings(), complex, &pair.1, &desired);
        // Of what nobody registered the log knows nothing before it is deleted.
        for id in status.why_of.keys() {
            shown.entry(*id).or_insert(Shown {
                state: State::BeingRemoved,
                since: None,
                reason: None,
                key_versions: BTreeSet::new(),
            });
        }
        let credentials = shown.into_iter().map(|(id, shown)| {
            let open = shown.state != State::InForce;
            let own = status.why_of.get(&id).or(status.why.as_ref());
            let own = own.map(|why| why.as_str().to_owned());
            let reason = if status.here { own } else { shown.reason };
            let reason = reason.or_else(|| {
                let not_held = not_held(&registry, &pair, id);
                not_held.map(|why| why.as_str().to_owned())
            });
            let reason = open.then(|| reason.unwrap_or_else(|| "QUEUED".to_owned()));
            CredentialProvisioning {
                credential_id: id.to_string(),
                state: to_wire(Some(shown.state)).into(),
                since: shown.since.map(records::timestamp_to_wire),
                to_do: reason
                    .as_deref()
                    .map(why::to_do)
                    .unwrap_or_default()
                    .to_owned(),
                reason: reason.unwrap_or_default(),
                next_attempt: next(open, status.next_attempt),
                key_versions: shown.key_versions.into_iter().collect(),
            }
        });
        let credentials: Vec<_> = credentials.collect();
        let reason = status.why.map(Why::as_str).unwrap_or_default();
        PartnerProvisioning {
            key_versions: standing
                .map(|it| it.keys.iter().copied().collect())
                .unwrap_or_default(),
            worked_on_here: status.here,
            reconciled_at: status.reconciled_at.map(records::timestamp_to_wire),
            credentials,
            to_do: if reason.is_empty() {
                ""
            } else {
                why::to_do(reason)
            }
            .to_owned(),
            reason: reason.to_owned(),
            next_attempt: next(status.why.is_some(), status.next_attempt),
            partner_id: pair.1.to_string(),
        }
    }

    /// Metrics after a round.
    pub(super) fn count(&self, pair: &Pair, desired: &Desired, listed: bool, why: Option<Why>) {
        let (complex, partner) = pair;
        let registry = self.registrar.copy();
        let shown = states(registry.standings(), complex, partner, desired);
        let mut counts = BTreeMap::new();
        for one in shown.values() {
            *counts.entry(one.state).or_insert(0u32) += 1;
        }
        gauges(pair, |state| {
            counts.get(&state).copied().unwrap_or_default()
        });
        let result = why.map_or("ok", Why::as_str);
        if listed || why.is_some() {
            metrics::counter!("provisioning_reconciliations_total",
                "partner" => partner.to_string(), "result" => result)
            .increment(1);
        }
    }

    /// Another instance works on it from now on.
    pub(super) fn dismissed(&self, pair: &Pair) {
        *self.desk(pair).status() = super::Status::default();
        gauges(pair, |_| 0);
    }
}

fn gauges((complex, partner): &Pair, count: impl Fn(State) -> u32) {
    for state in State::ALL {
        metrics::gauge!(
            "provisioning_credentials",
            "partner" => partner.to_string(),
            "complex" => complex.to_string(),
            "state" => state.as_str(),
        )
        .set(f64::from(count(state)));
    }
}

fn next(open: bool, at: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    at.filter(|_| open).map(records::timestamp_to_wire)
}

/// A state in the contract's words.
pub(crate) fn to_wire(state: Option<State>) -> ProvisioningState {
    match state {
        Some(State::InForce) => ProvisioningState::InForce,
        Some(State::Pending) => ProvisioningState::Pending,
        Some(State::BeingRemoved) => ProvisioningState::BeingRemoved,
        None => ProvisioningState::NotHeld,
    }
}
