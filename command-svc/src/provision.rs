//! Keys and credentials at the partners, kept as they should be.
//!
//! What a partner should hold is a function of the registry (`domain::provisioning`). Whoever owns a
//! complex, as the reconciler's consumer group says, keeps one worker for each partner there
//! ([`crew`]): it compares with what the partner says it holds, does what is missing, and records each
//! effect ([`round`]). Two at work at once repeat each other's calls, which changes nothing. An
//! instance that is asked about a complex answers from the records ([`show`]), whoever made them.

mod act;
mod add;
mod crew;
mod face;
mod guest_plate;
mod key;
mod place;
mod round;
pub(crate) mod sealed;
mod show;
mod tell;
mod tries;
mod why;
pub(crate) mod withdraw;
mod worker;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::event::{Actor, Body, Effect, Event, ProvisioningChanged};
use domain::provisioning::{Held, Keys, NotHeld};
use domain::registry::Registry;
use domain::vocabulary::ActorKind;
use domain::{ComplexId, CredentialId, EventId, PartnerId};
use eventlog::Topic;
use jiff::Timestamp;
use privacy::{FaceKeys, PlateKeys, TokenKeyRoots};
use serde::Deserialize;
use service::trace::TraceContext;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

pub(crate) use self::crew::Crew;
pub(crate) use self::show::to_wire;

use self::place::Place;
use self::round::Faults;
use self::tries::Tries;
use self::why::Why;
use crate::partners::Partners;
use crate::recorder::SOURCE;
use crate::refusal::Refusal;
use crate::registrar::Registrar;
use crate::subjects::Directory;

/// How long one call to a partner may take.
const CALL: Duration = Duration::from_secs(5);

/// How partners are kept as they should be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProvisioningConfig {
    /// Between two comparisons with all that a partner holds.
    #[serde(with = "service::config::duration")]
    pub interval: Duration,
    /// The longest pause between two tries at what failed.
    #[serde(with = "service::config::duration")]
    pub longest_pause: Duration,
    /// Calls at one partner at once, over all complexes.
    pub calls: usize,
    /// How long an operator who registers a credential waits for it to be in force.
    #[serde(with = "service::config::duration")]
    pub wait: Duration,
}

impl Default for ProvisioningConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10 * 60),
            longest_pause: Duration::from_secs(60),
            calls: 8,
            wait: Duration::from_secs(5),
        }
    }
}

impl ProvisioningConfig {
    /// What is wrong with it.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.calls == 0 || self.interval.is_zero() || self.longest_pause.is_zero() {
            return Err(
                "provisioning: calls, interval and longest_pause must be above zero".to_owned(),
            );
        }
        Ok(())
    }
}

/// One partner in one complex.
pub(crate) type Pair = (ComplexId, PartnerId);

/// Keeps at partners what they should hold.
pub(crate) struct Provisioner {
    config: ProvisioningConfig,
    registrar: Arc<Registrar>,
    directory: Arc<Directory>,
    partners: Partners,
    /// Seals plates.
    plates: PlateKeys,
    /// Seals references of faces; none where this instance may not.
    faces: Option<FaceKeys>,
    /// Makes tokens.
    tokens: TokenKeyRoots,
    /// Room for calls at each partner.
    rooms: HashMap<PartnerId, Arc<Semaphore>>,
    desks: Mutex<HashMap<Pair, Arc<Desk>>>,
}

/// What this instance knows of one pair. Whoever works on it holds `work`.
#[derive(Default)]
struct Desk {
    work: tokio::sync::Mutex<Work>,
    status: Mutex<Status>,
    wake: Notify,
}

/// What work on a pair goes by.
#[derive(Default)]
struct Work {
    /// What the partner holds; none until it has said so, and where that is in doubt.
    held: Option<Held>,
    tries: Tries,
    faults: Faults,
    /// How often in a row the partner has not known a key that it was given.
    lost_keys: u8,
}

/// How work on a pair stands, for those who ask.
#[derive(Debug, Clone, Default)]
struct Status {
    /// A worker of this instance has it.
    here: bool,
    reconciled_at: Option<Timestamp>,
    /// When the last round ended.
    tried_at: Option<Timestamp>,
    next_attempt: Option<Timestamp>,
    /// What keeps everything back.
    why: Option<Why>,
    /// What keeps single credentials back.
    why_of: BTreeMap<CredentialId, Why>,
}

impl Desk {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a provisioner is made of.
pub(crate) struct Parts {
    /// Writes the registry.
    pub registrar: Arc<Registrar>,
    /// Keeps sealed plates.
    pub directory: Arc<Directory>,
    /// The partners.
    pub partners: Partners,
    /// Seals plates.
    pub plates: PlateKeys,
    /// Seals references of faces; none where this instance may not.
    pub faces: Option<FaceKeys>,
    /// Makes tokens.
    pub tokens: TokenKeyRoots,
}

impl Provisioner {
    /// Nothing is sent yet.
    pub(crate) fn new(config: ProvisioningConfig, parts: Parts) -> Self {
        let ids = parts.partners.all().map(|client| client.partner().clone());
        let rooms = ids.map(|id| (id, Arc::new(Semaphore::new(config.calls))));
        Self {
            config,
            rooms: rooms.collect(),
            registrar: parts.registrar,
            directory: parts.directory,
            partners: parts.partners,
            plates: parts.plates,
            faces: parts.faces,
            tokens: parts.tokens,
            desks: Mutex::default(),
        }
    }

    fn desk(&self, pair: &Pair) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(desks.entry(pair.clone()).or_default())
    }

    /// What the partners hold in a complex, as they themselves say now. For those who erase: what
    /// the registry still wants comes back.
    ///
    /// # Errors
    /// A partner that could hold something can't be asked: then nothing is known.
    pub(crate) async fn held_in(
        &self,
        complex: &ComplexId,
    ) -> Result<BTreeSet<CredentialId>, Refusal> {
        if !self.registrar.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let mut all = BTreeSet::new();
        for partner in self.partners_of(complex) {
            let pair = (complex.clone(), partner);
            let place = Place::closing(self, &pair).map_err(Why::refusal)?;
            all.extend(place.list().await.map_err(Why::refusal)?.into_keys());
        }
        Ok(all)
    }

    /// The partners that have a perimeter in a complex, closed ones too, or ever got something there.
    fn partners_of(&self, complex: &ComplexId) -> Vec<PartnerId> {
        let state = self.registrar.knowledge.lock();
        let registered = state.registry.partners().map(|partner| &partner.id);
        let with_perimeter =
            registered.filter(|id| state.registry.perimeter(complex, id).is_some());
        let partners = with_perimeter.chain(state.registry.standings().partners(complex));
        let partners: BTreeSet<_> = partners.cloned().collect();
        partners.into_iter().collect()
    }

    /// The versions of a pair's token key, given what else may come up.
    fn keys(&self, (complex, partner): &Pair, held: &Held) -> Keys {
        let state = self.registrar.knowledge.lock();
        let standing = state.registry.standings().get(complex, partner);
        let delivered = standing.map(|it| it.keys.clone()).unwrap_or_default();
        drop(state);
        let newest = self.tokens.newest();
        let shown = held.values().flat_map(|holding| &holding.key_versions);
        let versions = shown.chain(&delivered).copied().chain([newest]);
        let known = versions
            .filter(|version| self.tokens.token_key(complex, partner, *version).is_ok())
            .collect();
        Keys {
            newest,
            known,
            delivered,
        }
    }

    /// Records what was done at a partner.
    async fn record(
        &self,
        (complex, partner): &Pair,
        effect: Effect,
        reason: &str,
    ) -> Result<(), Why> {
        let correlation = match &effect {
            Effect::Put { credential, .. }
            | Effect::Deleted { credential }
            | Effect::ForeignDeleted { credential }
            | Effect::Withheld {
                credential: Some(credential),
            } => credential.to_string(),
            Effect::TokenKeyDelivered { .. } | Effect::Withheld { credential: None } => {
                String::new()
            }
        };
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex: complex.clone(),
            device: None,
            actor: Actor {
                kind: ActorKind::Service,
                subject: None,
                caller: SOURCE.to_owned(),
            },
            correlation,
            body: Body::ProvisioningChanged(ProvisioningChanged {
                partner: partner.clone(),
                effect,
                reason: reason.to_owned(),
            }),
        };
        let trace = TraceContext::root();
        let recorder = &self.registrar.recorder;
        let recorded = recorder.record(Topic::RegistryEvents, &event, &trace).await;
        recorded.map(|_| ()).map_err(|_| Why::Log)
    }

    /// Why a credential should not be held; none where it should.
    fn not_held(&self, pair: &Pair, credential: CredentialId) -> Option<NotHeld> {
        let state = self.registrar.knowledge.lock();
        not_held(&state.registry, pair, credential)
    }
}

fn not_held(
    registry: &Registry,
    (complex, partner): &Pair,
    credential: CredentialId,
) -> Option<NotHeld> {
    let now = Timestamp::now();
    domain::provisioning::verdict(registry, complex, partner, credential, now).err()
}
