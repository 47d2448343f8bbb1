//! What the log is told besides the effects themselves: what a partner was found to hold, and what
//! is kept back from it.

use domain::event::Effect;
use domain::provisioning::{Desired, Held, plan};
use tracing::info;

use super::tries::Thing;
use super::{Pair, Provisioner, Why, Work};

impl Provisioner {
    /// The log must say what the partner was found to hold: a record may have been lost with the
    /// process that was to write it, and a partner may lose what it held.
    pub(super) async fn adopt(&self, pair: &Pair, held: &Held) -> Result<(), Why> {
        let (desired, (complex, partner)) = (self.desired(pair), pair);
        let told = {
            let state = self.registrar.knowledge.lock();
            let standing = state.registry.standings().get(complex, partner);
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
    pub(super) async fn tell(&self, pair: &Pair, work: &Work, desired: &Desired) {
        let (complex, partner) = pair;
        let standing = {
            let state = self.registrar.knowledge.lock();
            let standing = state.registry.standings().get(complex, partner);
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
