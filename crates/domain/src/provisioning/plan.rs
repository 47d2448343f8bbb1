//! From what a partner holds to what it should hold.
//!
//! A new version of the token key comes in three phases, each told from what the partner holds, so
//! that nothing has to be remembered: credentials without a token under it get one beside the old;
//! once every credential has one, the old goes. No credential ever goes back, so two instances that
//! know different newest versions can't undo each other's work for ever.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Held, Holding};
use crate::id::CredentialId;

/// How many versions of a token key a partner keeps: the newest ones.
const KEPT: usize = 2;

/// Versions of the token key of a complex at a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The newest that this instance can make tokens under.
    pub newest: u32,
    /// All that it can make tokens under.
    pub known: BTreeSet<u32>,
    /// Those that the log says were delivered.
    pub delivered: BTreeSet<u32>,
}

impl Keys {
    /// Whether another instance has delivered a newer version than this one knows.
    pub fn is_behind(&self) -> bool {
        self.delivered
            .last()
            .is_some_and(|delivered| *delivered > self.newest)
    }

    /// What the partner keeps once the newest is delivered: also what it shows to have, where the
    /// log doesn't say so.
    fn kept(&self, held: &Held) -> BTreeSet<u32> {
        let shown = held.values().flat_map(|holding| &holding.key_versions);
        let shown = shown.filter(|version| self.known.contains(version));
        let mut kept: BTreeSet<u32> = self.delivered.iter().chain(shown).copied().collect();
        if !self.is_behind() {
            kept.insert(self.newest);
        }
        while kept.len() > KEPT {
            kept.pop_first();
        }
        kept
    }
}

/// Why a credential is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutReason {
    /// The partner does not hold it.
    Missing,
    /// The partner holds something else.
    Changed,
    /// It holds tokens under other versions of the key.
    KeyRotation,
}

impl PutReason {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            PutReason::Missing => "MISSING",
            PutReason::Changed => "CHANGED",
            PutReason::KeyRotation => "KEY_ROTATION",
        }
    }
}

/// A credential to put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// What the partner is to hold.
    pub holding: Holding,
    /// Why.
    pub reason: PutReason,
}

/// What is to be done at a partner: deletes first, then the key, then puts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Credentials to delete.
    pub deletes: BTreeSet<CredentialId>,
    /// Version of the token key to deliver.
    pub deliver: Option<u32>,
    /// Credentials to put.
    pub puts: BTreeMap<CredentialId, Put>,
    /// Credentials that this instance can't put, as it lacks every key that the partner keeps.
    pub out_of_reach: BTreeSet<CredentialId>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_done(&self) -> bool {
        *self == Self::default()
    }
}

/// What brings a partner that holds `held` nearer to `desired`. Once it is done, and asked for anew,
/// the next phase of a change of keys comes; after the last there is nothing left to do.
pub fn plan(desired: &Desired, held: &Held, keys: &Keys) -> Plan {
    let unwanted = held
        .keys()
        .filter(|id| !desired.credentials.contains_key(id));
    let deliver = desired.may_hold && !keys.is_behind() && !keys.delivered.contains(&keys.newest);
    let mut plan = Plan {
        deletes: unwanted.copied().collect(),
        deliver: deliver.then_some(keys.newest),
        ..Plan::default()
    };
    let rotation = Rotation::of(desired, held, keys);
    for (id, content) in &desired.credentials {
        let holding = held.get(id);
        let reason = match holding {
            None => PutReason::Missing,
            Some(holding) if holding.content != *content => PutReason::Changed,
            Some(_) => PutReason::KeyRotation,
        };
        let key_versions = match holding {
            Some(holding) if reason == PutReason::KeyRotation && keys.is_behind() => {
                // Whoever is ahead sees to it.
                holding.key_versions.clone()
            }
            _ => rotation.versions(holding),
        };
        if holding.is_some_and(|holding| {
            reason == PutReason::KeyRotation && holding.key_versions == key_versions
        }) {
            continue;
        }
        if key_versions.is_empty() {
            plan.out_of_reach.insert(*id);
            continue;
        }
        let holding = Holding {
            content: content.clone(),
            key_versions,
        };
        plan.puts.insert(*id, Put { holding, reason });
    }
    plan
}

/// Where a change of the token key stands.
struct Rotation<'a> {
    keys: &'a Keys,
    kept: BTreeSet<u32>,
    /// Every credential that the partner holds has a token under the newest version.
    all_have_newest: bool,
    /// The version before, where some credential has a token under it.
    old: Option<u32>,
}

impl<'a> Rotation<'a> {
    fn of(desired: &Desired, held: &Held, keys: &'a Keys) -> Self {
        let kept = keys.kept(held);
        let wanted = held
            .iter()
            .filter(|(id, _)| desired.credentials.contains_key(id));
        let versions: Vec<_> = wanted.map(|(_, holding)| &holding.key_versions).collect();
        let usable = |version: &&u32| {
            **version < keys.newest && keys.known.contains(version) && kept.contains(version)
        };
        Self {
            all_have_newest: versions.iter().all(|it| it.contains(&keys.newest)),
            old: versions
                .iter()
                .flat_map(|it| it.iter())
                .filter(usable)
                .max()
                .copied(),
            keys,
            kept,
        }
    }

    /// Versions under which a credential gets tokens; none where it can get none.
    fn versions(&self, holding: Option<&Holding>) -> BTreeSet<u32> {
        let newest = self.keys.newest;
        if !self.kept.contains(&newest) {
            return BTreeSet::new();
        }
        let present = holding.map(|holding| &holding.key_versions);
        let old = match present {
            _ if self.all_have_newest || self.keys.is_behind() => None,
            // It has gone on already, and does not go back.
            Some(present) if present.contains(&newest) => {
                self.old.filter(|old| present.contains(old))
            }
            // Its own old token goes on working, where its key is still there.
            Some(present) => self.old.filter(|old| present.contains(old)),
            None => self.old,
        };
        old.into_iter().chain([newest]).collect()
    }
}
