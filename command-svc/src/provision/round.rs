//! One round at a partner: look, compare, do what is missing, record what was done. Deletes come
//! first and whatever the attestation says; then the key, then credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use domain::CredentialId;
use domain::event::Effect;
use domain::provisioning::{Desired, Held, NotHeld, Plan, Put, desired, plan, verdict};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};
use tracing::info;

use super::place::{Place, Trusted};
use super::tries::Thing;
use super::{CALL, Desk, Pair, Provisioner, Status, Why, Work};

/// How often a round goes on with what its own effects, or others', left to be done.
const PHASES: usize = 6;

/// What keeps things back, until it is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// Whatever is asked of the partner.
    pub(super) partner: Option<Why>,
    /// What takes an attestation.
    pub(super) attestation: Option<Why>,
    /// Single credentials.
    pub(super) of: BTreeMap<CredentialId, Why>,
}

impl Faults {
    fn all(&self) -> Option<Why> {
        self.partner.or(self.attestation)
    }
}

/// How a round ended.
pub(super) struct Round {
    /// The partner has said what it holds.
    pub(super) listed: bool,
    /// When something that failed is due again.
    pub(super) retry: Option<Instant>,
    /// When time alone changes what is desired.
    pub(super) until: Option<Timestamp>,
}

impl Provisioner {
    /// Brings a partner nearer to what it should hold; with `full`, from what it says it holds.
    pub(super) async fn round(&self, pair: &Pair, desk: &Desk, full: bool) -> Round {
        let mut work = desk.work.lock().await;
        let mut listed = false;
        let due = work.tries.is_due(Thing::Partner, Instant::now());
        if due {
            match self.attempt(pair, &mut work, full, &mut listed).await {
                Ok(()) => {
                    work.tries.done(Thing::Partner);
                    work.faults.partner = None;
                }
                Err(why) => {
                    self.failed(&mut work, Thing::Partner);
                    work.faults.partner = Some(why);
                }
            }
        }
        let desired = self.desired(pair);
        self.tell(pair, &work, &desired).await;
        let status = |status: &mut Status| {
            status.tried_at = Some(Timestamp::now());
            status.why = work.faults.all();
            status.why_of.clone_from(&work.faults.of);
            if listed {
                status.reconciled_at = Some(Timestamp::now());
            }
        };
        status(&mut desk.status());
        let failed = work.faults.partner.filter(|_| due);
        self.count(pair, &desired, listed, failed);
        Round {
            listed,
            retry: work.tries.next(),
            until: desired.until,
        }
    }

    fn failed(&self, work: &mut Work, thing: Thing) {
        let longest = self.config.longest_pause;
        work.tries.failed(thing, Instant::now(), longest);
    }

    /// What the partner should hold now, as far as this instance knows.
    pub(super) fn desired(&self, (complex, partner): &Pair) -> Desired {
        let state = self.registrar.knowledge.lock();
        desired(&state.registry, complex, partner, Timestamp::now())
    }

    /// Whether this instance knows what should be. One that doesn't must touch nothing.
    fn knows(&self, (complex, _): &Pair) -> Result<(), Why> {
        if !self.registrar.tails.knows_registry() {
            return Err(Why::Stale);
        }
        if self.registrar.knowledge.lock().is_refused(complex) {
            return Err(Why::RegistryUnreadable);
        }
        Ok(())
    }

    /// An error is about the partner as a whole.
    async fn attempt(
        &self,
        pair: &Pair,
        work: &mut Work,
        full: bool,
        listed: &mut bool,
    ) -> Result<(), Why> {
        self.knows(pair)?;
        let place = Place::closing(self, pair)?;
        if full || work.held.is_none() {
            work.held = None;
            let held = place.list().await?;
            // Whatever another instance had put before was registered before. Only who has read that
            // far can tell what is foreign.
            timeout(CALL, self.registrar.tails.caught_up())
                .await
                .map_err(|_| Why::Stale)?;
            self.knows(pair)?;
            self.adopt(pair, &held).await?;
            work.held = Some(held);
            *listed = true;
        }
        for _ in 0..PHASES {
            self.knows(pair)?;
            let plan = self.plan(pair, work);
            if !self.carry_out(&place, pair, work, plan).await? {
                break;
            }
        }
        Ok(())
    }

    /// What is to be done and is due.
    fn plan(&self, pair: &Pair, work: &mut Work) -> Plan {
        let (desired, now) = (self.desired(pair), Instant::now());
        let held = work.held.clone().unwrap_or_default();
        let mut keys = self.keys(pair, &held);
        if work.lost_keys > 0 {
            // The partner lost what it was given: all anew, at last with the newest alone.
            keys.delivered.clear();
        }
        if work.lost_keys > 1 {
            keys.known = [keys.newest].into();
        }
        let mut plan = plan(&desired, &held, &keys);
        let wanted = |id: CredentialId| desired.credentials.contains_key(&id);
        work.tries.keep(|id| wanted(id) || held.contains_key(&id));
        work.faults
            .of
            .retain(|id, _| wanted(*id) || held.contains_key(id));
        for id in std::mem::take(&mut plan.out_of_reach) {
            work.faults.of.insert(id, Why::KeyOutOfReach);
        }
        let tries = &work.tries;
        plan.deletes
            .retain(|id| tries.is_due(Thing::Credential(*id), now));
        let trusting = tries.is_due(Thing::Attestation, now);
        plan.deliver = plan.deliver.filter(|_| trusting);
        plan.puts
            .retain(|id, put| trusting && tries.is_put_due(*id, &put.holding.content, now));
        plan
    }

    /// Does what a plan says. Whether to look again: something was done, and nothing failed.
    async fn carry_out(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        work: &mut Work,
        plan: Plan,
    ) -> Result<bool, Why> {
        if plan.is_done() {
            return Ok(false);
        }
        let mut well = self.delete(place, pair, work, plan.deletes).await?;
        if plan.deliver.is_none() && plan.puts.is_empty() {
            return Ok(well);
        }
        let trusted = match self.trusted(place, plan.deliver, pair).await {
            Ok(trusted) => trusted,
            Err(why) if why.stops_all() => return Err(why),
            Err(why) => {
                self.failed(work, Thing::Attestation);
                work.faults.attestation = Some(why);
                return Ok(false);
            }
        };
        work.tries.done(Thing::Attestation);
        work.faults.attestation = None;
        well &= self.put(place, pair, work, &trusted, plan.puts).await?;
        Ok(well)
    }

    /// The partner, trusted, and with the newest key.
    async fn trusted(
        &self,
        place: &Place<'_>,
        deliver: Option<u32>,
        pair: &Pair,
    ) -> Result<Trusted, Why> {
        let trusted = place.attested().await?;
        if let Some(version) = deliver {
            place.deliver(&trusted, version).await?;
            // Other instances must know of it before they see tokens under it.
            self.record_key(pair, version).await?;
        }
        Ok(trusted)
    }

    /// Deletes credentials; whether all went well.
    async fn delete(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        work: &mut Work,
        deletes: BTreeSet<CredentialId>,
    ) -> Result<bool, Why> {
        let stop = AtomicBool::new(false);
        let done = stream::iter(deletes).map(|id| {
            let stop = &stop;
            async move {
                let Some(reason) = self.not_held(pair, id).filter(|_| !is_set(stop)) else {
                    return (id, Ok(false));
                };
                let deleted = self.delete_one(place, pair, id, reason).await;
                set_if(stop, &deleted);
                (id, deleted.map(|()| true))
            }
        });
        let done: Vec<_> = done.buffer_unordered(self.config.calls).collect().await;
        let (mut well, mut stopped) = (true, None);
        for (id, result) in done {
            match result {
                Ok(true) => {
                    work.held.get_or_insert_default().remove(&id);
                    work.tries.done(Thing::Credential(id));
                    work.faults.of.remove(&id);
                }
                Ok(false) => {}
                Err(why) if why.stops_all() => stopped = Some(why),
                Err(why) => {
                    well = false;
                    self.failed(work, Thing::Credential(id));
                    work.faults.of.insert(id, why);
                }
            }
        }
        after(work, stopped).map(|()| well)
    }

    async fn delete_one(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        credential: CredentialId,
        reason: NotHeld,
    ) -> Result<(), Why> {
        place.delete(credential).await?;
        let (complex, partner) = pair;
        let effect = if reason == NotHeld::NotRegistered {
            metrics::counter!("provisioning_foreign_removed_total", "partner" => partner.to_string())
                .increment(1);
            tracing::warn!(%complex, %partner, %credential, "the partner held what nobody registered");
            Effect::ForeignDeleted { credential }
        } else {
            Effect::Deleted { credential }
        };
        info!(%complex, %partner, %credential, reason = reason.as_str(), "credential deleted");
        self.record(pair, effect, reason.as_str()).await
    }

    /// Puts credentials; whether all went well.
    async fn put(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        work: &mut Work,
        trusted: &Trusted,
        puts: BTreeMap<CredentialId, Put>,
    ) -> Result<bool, Why> {
        let stop = AtomicBool::new(false);
        let done = stream::iter(puts).map(|(id, put)| {
            let stop = &stop;
            async move {
                if is_set(stop) || !self.still_wants(pair, id, &put) {
                    return (id, put, Ok(false));
                }
                let result = self.put_one(place, pair, trusted, id, &put).await;
                set_if(stop, &result);
                (id, put, result.map(|()| true))
            }
        });
        let done: Vec<_> = done.buffer_unordered(self.config.calls).collect().await;
        let (mut well, mut lost, mut stopped) = (true, false, None);
        for (id, put, result) in done {
            match result {
                Ok(true) => {
                    work.held.get_or_insert_default().insert(id, put.holding);
                    work.tries.done(Thing::Credential(id));
                    work.faults.of.remove(&id);
                }
                Ok(false) => {}
                // Tried again at once with the keys delivered anew, if that has not been done.
                Err(Why::KeyLost) if work.lost_keys < 2 => lost = true,
                Err(why) if why.stops_all() => stopped = Some(why),
                Err(why) => {
                    well = false;
                    let (now, longest) = (Instant::now(), self.config.longest_pause);
                    work.tries
                        .put_failed(id, &put.holding.content, now, longest);
                    work.faults.of.insert(id, why);
                }
            }
        }
        work.lost_keys = if lost { work.lost_keys + 1 } else { 0 };
        after(work, stopped).map(|()| well)
    }

    fn still_wants(&self, (complex, partner): &Pair, id: CredentialId, put: &Put) -> bool {
        let (state, now) = (self.registrar.knowledge.lock(), Timestamp::now());
        let wanted = verdict(&state.registry, complex, partner, id, now);
        wanted.as_ref() == Ok(&put.holding.content)
    }

    async fn put_one(
        &self,
        place: &Place<'_>,
        pair: &Pair,
        trusted: &Trusted,
        credential: CredentialId,
        put: &Put,
    ) -> Result<(), Why> {
        place.put(trusted, credential, &put.holding).await?;
        let (reason, holding) = (put.reason.as_str(), put.holding.clone());
        let (complex, partner) = pair;
        info!(%complex, %partner, %credential, reason, "credential put");
        let effect = Effect::Put {
            credential,
            holding,
        };
        self.record(pair, effect, reason).await
    }

    /// The log must say what the partner was found to hold: a record may have been lost with the
    /// process that was to write it, and a partner may lose what it held.
    async fn adopt(&self, pair: &Pair, held: &Held) -> Result<(), Why> {
        let (desired, (complex, partner)) = (self.desired(pair), pair);
        let told = {
            let state = self.registrar.knowledge.lock();
            let standing = state.standings.get(complex, partner);
            standing.map(|it| it.held.clone()).unwrap_or_default()
        };
        for (id, holding) in held {
            let right = desired.credentials.get(id) == Some(&holding.content);
            if right && told.get(id) != Some(holding) {
                let effect = Effect::Put {
                    credential: *id,
                    holding: holding.clone(),
                };
                self.record(pair, effect, "FOUND").await?;
            }
        }
        for id in told.keys() {
            if !held.contains_key(id) && !desired.credentials.contains_key(id) {
                let effect = Effect::Deleted { credential: *id };
                self.record(pair, effect, "FOUND_MISSING").await?;
            }
        }
        Ok(())
    }

    /// Records what is kept back, once for each reason.
    async fn tell(&self, pair: &Pair, work: &Work, desired: &Desired) {
        let (complex, partner) = pair;
        let standing = {
            let state = self.registrar.knowledge.lock();
            let standing = state.standings.get(complex, partner);
            standing.cloned().unwrap_or_default()
        };
        let held = work.held.as_ref().unwrap_or(&standing.held);
        let left = plan(desired, held, &self.keys(pair, held));
        let worth =
            |thing, why: Why| why.is_told() && (!why.is_fleeting() || work.tries.count(thing) > 1);
        let mut told = Vec::new();
        if let Some(why) = work.faults.all() {
            let thing = match work.faults.partner {
                Some(_) => Thing::Partner,
                None => Thing::Attestation,
            };
            let before = standing
                .withheld
                .as_ref()
                .map(|(reason, _)| reason.as_str());
            if !left.is_done() && worth(thing, why) && before != Some(why.as_str()) {
                told.push((None, why));
            }
        }
        for (id, why) in &work.faults.of {
            let before = standing
                .withheld_of
                .get(id)
                .map(|(reason, _)| reason.as_str());
            if worth(Thing::Credential(*id), *why) && before != Some(why.as_str()) {
                told.push((Some(*id), *why));
            }
        }
        for (credential, why) in told {
            let reason = why.as_str();
            info!(%complex, %partner, ?credential, reason, "kept back from the partner");
            let effect = Effect::Withheld { credential };
            if self.record(pair, effect, reason).await.is_err() {
                break;
            }
        }
    }
}

/// After calls of which one showed that more would meet the same: it is no single credential's fault,
/// and what is held is in doubt.
fn after(work: &mut Work, stopped: Option<Why>) -> Result<(), Why> {
    match stopped {
        Some(why) => {
            work.held = None;
            Err(why)
        }
        None => Ok(()),
    }
}

fn is_set(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}

fn set_if<T>(stop: &AtomicBool, result: &Result<T, Why>) {
    if result.as_ref().is_err_and(|why| why.stops_all()) {
        stop.store(true, Ordering::Relaxed);
    }
}
