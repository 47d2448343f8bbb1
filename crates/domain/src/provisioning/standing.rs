//! What the log says about the partners: every effect is a record, so that every instance, and
//! whoever reads the log later, knows what was put where.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{Desired, Held};
use crate::event::{Effect, ProvisioningChanged};
use crate::id::{ComplexId, CredentialId, PartnerId};

/// How many delivered versions are remembered: as many as a partner keeps.
const KEPT: usize = 2;

/// What a partner got in a complex, as far as the log says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Versions of the token key that it keeps.
    pub keys: BTreeSet<u32>,
    /// Credentials that were put and not deleted.
    pub held: Held,
    /// When each of them was last put.
    put_at: BTreeMap<CredentialId, Timestamp>,
    /// Why nothing goes out at present, and since when.
    pub withheld: Option<(String, Timestamp)>,
    /// The same of single credentials.
    pub withheld_of: BTreeMap<CredentialId, (String, Timestamp)>,
}

impl Standing {
    /// Folds an effect that was recorded at `at`.
    pub fn fold(&mut self, effect: &Effect, reason: &str, at: Timestamp) {
        match effect {
            Effect::TokenKeyDelivered { key_version } => {
                self.keys.insert(*key_version);
                while self.keys.len() > KEPT {
                    self.keys.pop_first();
                }
                self.withheld = None;
            }
            Effect::Put {
                credential,
                holding,
            } => {
                self.held.insert(*credential, holding.clone());
                self.put_at.insert(*credential, at);
                self.withheld_of.remove(credential);
                self.withheld = None;
            }
            Effect::Deleted { credential } | Effect::ForeignDeleted { credential } => {
                self.withheld = None;
                self.held.remove(credential);
                self.put_at.remove(credential);
                self.withheld_of.remove(credential);
            }
            Effect::Withheld { credential: None } => {
                self.withheld = Some((reason.to_owned(), at));
            }
            Effect::Withheld {
                credential: Some(credential),
            } => {
                let told = (reason.to_owned(), at);
                self.withheld_of.insert(*credential, told);
            }
        }
    }

    /// Why a credential is kept back, and since when.
    pub fn reason(&self, credential: CredentialId) -> Option<&(String, Timestamp)> {
        let own = self.withheld_of.get(&credential);
        own.or(self.withheld.as_ref())
    }
}

/// Every partner's standing in every complex.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    standings: HashMap<ComplexId, BTreeMap<PartnerId, Standing>>,
    changed_at: HashMap<(ComplexId, CredentialId), Timestamp>,
}

impl Standings {
    /// Folds a record.
    pub fn fold(&mut self, complex: &ComplexId, changed: &ProvisioningChanged, at: Timestamp) {
        let partners = self.standings.entry(complex.clone()).or_default();
        let standing = partners.entry(changed.partner.clone()).or_default();
        standing.fold(&changed.effect, &changed.reason, at);
    }

    /// A credential was registered or changed.
    pub fn credential_changed(
        &mut self,
        complex: &ComplexId,
        credential: CredentialId,
        at: Timestamp,
    ) {
        self.changed_at.insert((complex.clone(), credential), at);
    }

    /// When a credential was last registered or changed.
    pub fn changed_at(&self, complex: &ComplexId, credential: CredentialId) -> Option<Timestamp> {
        self.changed_at.get(&(complex.clone(), credential)).copied()
    }

    /// A partner's standing in a complex.
    pub fn get(&self, complex: &ComplexId, partner: &PartnerId) -> Option<&Standing> {
        self.standings.get(complex)?.get(partner)
    }

    /// The partners that ever got something in a complex.
    pub fn partners(&self, complex: &ComplexId) -> impl Iterator<Item = &PartnerId> {
        let partners = self.standings.get(complex).into_iter();
        partners.flat_map(BTreeMap::keys)
    }

    /// Where anybody ever got something.
    pub fn complexes(&self) -> impl Iterator<Item = &ComplexId> {
        self.standings.keys()
    }
}

/// How a credential is at a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It opens as it should.
    InForce,
    /// It should open, and doesn't yet, or not as it should.
    Pending,
    /// It shouldn't open any more, and is not known to be deleted yet.
    BeingRemoved,
}

impl State {
    /// Every state.
    pub const ALL: [State; 3] = [State::InForce, State::Pending, State::BeingRemoved];

    /// Name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            State::InForce => "in_force",
            State::Pending => "pending",
            State::BeingRemoved => "being_removed",
        }
    }
}

/// A credential, as it is at a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// How it is.
    pub state: State,
    /// Since when, as far as the log says.
    pub since: Option<Timestamp>,
    /// Why it is pending, where that has been told.
    pub reason: Option<String>,
    /// Versions of the token key under which it has tokens.
    pub key_versions: BTreeSet<u32>,
}

/// How each credential is that the partner should hold or holds.
pub fn states(
    standings: &Standings,
    complex: &ComplexId,
    partner: &PartnerId,
    desired: &Desired,
) -> BTreeMap<CredentialId, Shown> {
    let none = Standing::default();
    let standing = standings.get(complex, partner).unwrap_or(&none);
    let wanted = desired.credentials.keys();
    let ids: BTreeSet<_> = wanted.chain(standing.held.keys()).copied().collect();
    let shown = ids.into_iter().map(|id| {
        let (want, holding) = (desired.credentials.get(&id), standing.held.get(&id));
        let state = match (want, holding) {
            (Some(want), Some(holding)) if holding.content == *want => State::InForce,
            (Some(_), _) => State::Pending,
            (None, _) => State::BeingRemoved,
        };
        let told = standing.reason(id).filter(|_| state != State::InForce);
        let since = match state {
            State::InForce => standing.put_at.get(&id).copied(),
            _ => standings
                .changed_at(complex, id)
                .or(told.map(|(_, at)| *at)),
        };
        let shown = Shown {
            state,
            since,
            reason: told.map(|(reason, _)| reason.clone()),
            key_versions: holding
                .map(|it| it.key_versions.clone())
                .unwrap_or_default(),
        };
        (id, shown)
    });
    shown.collect()
}
