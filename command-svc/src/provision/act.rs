//! Does what a plan says, and records what was done: deletes first and whatever the attestation
//! says; then the key, then credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use domain::CredentialId;
use domain::event::Effect;
use domain::provisioning::{NotHeld, Plan, Put, verdict};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::place::{Place, Trusted};
use super::tries::Thing;
use super::{Pair, Provisioner, Why, Work};

impl Provisioner {
    /// Does what a plan says. Whether to look again: something was done, and nothing failed.
    pub(super) async fn carry_out(
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
            warn!(%complex, %partner, %credential, "the partner held what nobody registered");
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
