//! One round at a partner: look, compare, and do what is missing, as far as it is due.

use std::collections::BTreeMap;

use domain::CredentialId;
use domain::provisioning::{Desired, Plan, desired, plan};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use super::place::Place;
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
    pub(super) fn all(&self) -> Option<Why> {
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

    pub(super) fn failed(&self, work: &mut Work, thing: Thing) {
        let longest = self.config.longest_pause;
        work.tries.failed(thing, Instant::now(), longest);
    }

    /// What the partner should hold now, as far as this instance knows.
    pub(super) fn desired(&self, (complex, partner): &Pair) -> Desired {
        let registry = self.registrar.copy();
        desired(&registry, complex, partner, Timestamp::now())
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
}
