//! What the log says about the partners: every effect is a record, so that every instance, and
//! whoever reads the log later, knows what was put where.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

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

    /// Effects that fold into it, with reasons and times.
    fn effects(&self) -> Vec<(Effect, String, Timestamp)> {
        let epoch = Timestamp::UNIX_EPOCH;
        let untold = |effect, at| (effect, String::new(), at);
        // Leaves nothing behind but that there is a standing.
        let credential = CredentialId(Uuid::nil());
        let mut effects = vec![untold(Effect::Deleted { credential }, epoch)];
        effects.extend(self.keys.iter().map(|key_version| {
            let key_version = *key_version;
            untold(Effect::TokenKeyDelivered { key_version }, epoch)
        }));
        effects.extend(self.held.iter().map(|(credential, holding)| {
            let at = self.put_at.get(credential).copied();
            let (credential, holding) = (*credential, holding.clone());
            untold(
                Effect::Put {
                    credential,
                    holding,
                },
                at.unwrap_or(epoch),
            )
        }));
        effects.extend(self.withheld_of.iter().map(|(credential, (reason, at))| {
            let credential = Some(*credential);
            (Effect::Withheld { credential }, reason.clone(), *at)
        }));
        effects.extend(self.withheld.iter().map(|(reason, at)| {
            let credential = None;
            (Effect::Withheld { credential }, reason.clone(), *at)
        }));
        effects
    }

    /// Why a credential is kept back, and since when.
    pub fn reason(&self, credential: CredentialId) -> Option<&(String, Timestamp)> {
        let own = self.withheld_of.get(&credential);
        own.or(self.withheld.as_ref())
    }
}

/// Every partner's standing in every complex. A copy shares what neither of the two changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings(HashMap<ComplexId, Arc<OfComplex>>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfComplex {
    partners: BTreeMap<PartnerId, Standing>,
    changed_at: HashMap<CredentialId, Timestamp>,
    /// When those were registered that were changed since.
    registered_at: HashMap<CredentialId, Timestamp>,
}

impl Standings {
    fn of(&mut self, complex: &ComplexId) -> &mut OfComplex {
        Arc::make_mut(self.0.entry(complex.clone()).or_default())
    }

    /// Folds a record.
    pub fn fold(&mut self, complex: &ComplexId, changed: &ProvisioningChanged, at: Timestamp) {
        let partners = &mut self.of(complex).partners;
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
        let of = self.of(complex);
        if let Some(before) = of.changed_at.insert(credential, at) {
            of.registered_at.entry(credential).or_insert(before);
        }
    }

    /// When a credential was registered.
    pub fn registered_at(
        &self,
        complex: &ComplexId,
        credential: CredentialId,
    ) -> Option<Timestamp> {
        let of = self.0.get(complex)?;
        let known = of.registered_at.get(&credential);
        known.or_else(|| of.changed_at.get(&credential)).copied()
    }

    /// When a credential was last registered or changed.
    pub fn changed_at(&self, complex: &ComplexId, credential: CredentialId) -> Option<Timestamp> {
        self.0.get(complex)?.changed_at.get(&credential).copied()
    }

    /// When each credential of a complex was registered, then when each was last changed: in this
    /// order they fold into the same.
    pub fn changes(&self, complex: &ComplexId) -> impl Iterator<Item = (CredentialId, Timestamp)> {
        let of = self.0.get(complex).into_iter();
        let all = of.flat_map(|of| of.registered_at.iter().chain(&of.changed_at));
        all.map(|(credential, at)| (*credential, *at))
    }

    /// Records that fold into what a complex's partners got, with their times.
    pub fn records(&self, complex: &ComplexId) -> Vec<(ProvisioningChanged, Timestamp)> {
        let partners = self.0.get(complex).into_iter().flat_map(|of| &of.partners);
        let records = partners.flat_map(|(partner, standing)| {
            let record = |(effect, reason, at)| {
                let partner = partner.clone();
                (
                    ProvisioningChanged {
                        partner,
                        effect,
                        reason,
                    },
                    at,
                )
            };
            standing.effects().into_iter().map(record)
        });
        records.collect()
    }

    /// A partner's standing in a complex.
    pub fn get(&self, complex: &ComplexId, partner: &PartnerId) -> Option<&Standing> {
        self.0.get(complex)?.partners.get(partner)
    }

    /// The partners that ever got something in a complex.
    pub fn partners(&self, complex: &ComplexId) -> impl Iterator<Item = &PartnerId> {
        let partners = self.0.get(complex).into_iter();
        partners.flat_map(|of| of.partners.keys())
    }

    /// Where credentials were ever registered, or anybody ever got something.
    pub fn complexes(&self) -> impl Iterator<Item = &ComplexId> {
        self.0.keys()
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
