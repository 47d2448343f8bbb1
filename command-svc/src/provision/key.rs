//! Token keys, delivered at once because an operator asks.

use domain::event::Effect;
use domain::{ComplexId, PartnerId};
use tokio::time::timeout;
use tracing::info;

use super::place::Place;
use super::{CALL, Pair, Provisioner, Why};
use crate::refusal::Refusal;

impl Provisioner {
    /// Checks the partner's attestation and delivers the complex's newest token key, wrapped to the
    /// attested key.
    ///
    /// # Errors
    /// No perimeter, no good attestation, or the partner can't be reached.
    pub(crate) async fn deliver_token_key(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<u32, Refusal> {
        self.may_hold(complex, partner)?;
        let pair = (complex.clone(), partner.clone());
        let version = self.tokens.newest();
        let desk = self.desk(&pair);
        if !desk.status().here {
            // Whoever works on it delivers the key without being asked.
            let _ = timeout(self.config.wait, self.delivered(&pair, version)).await;
        }
        let place = Place::closing(self, &pair).map_err(Why::refusal)?;
        let work = timeout(CALL, desk.work.lock()).await;
        let _work = work.map_err(|_| Why::Unavailable.refusal())?;
        let trusted = place.attested().await.map_err(Why::refusal)?;
        place
            .deliver(&trusted, version)
            .await
            .map_err(Why::refusal)?;
        if !self.is_delivered(&pair, version) {
            self.record_key(&pair, version)
                .await
                .map_err(Why::refusal)?;
        }
        Ok(version)
    }

    /// Records a delivered key, and waits until that is folded here.
    pub(super) async fn record_key(&self, pair: &Pair, key_version: u32) -> Result<(), Why> {
        let (complex, partner) = pair;
        info!(%complex, %partner, key_version, "token key delivered");
        let effect = Effect::TokenKeyDelivered { key_version };
        self.record(pair, effect, "NEWEST").await?;
        timeout(CALL, self.delivered(pair, key_version))
            .await
            .map_err(|_| Why::Stale)
    }

    fn is_delivered(&self, (complex, partner): &Pair, version: u32) -> bool {
        let state = self.registrar.knowledge.lock();
        let standing = state.registry.standings().get(complex, partner);
        standing.is_some_and(|standing| standing.keys.contains(&version))
    }

    /// Waits until the log says that a version was delivered.
    async fn delivered(&self, pair: &Pair, version: u32) {
        self.folded(|| self.is_delivered(pair, version).then_some(()))
            .await;
    }

    /// Waits until the fold of the registry's topic answers.
    pub(super) async fn folded<T>(&self, read: impl Fn() -> Option<T>) -> T {
        let mut changes = self.registrar.knowledge.lock().registry_changes();
        loop {
            changes.borrow_and_update();
            if let Some(answer) = read() {
                return answer;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
