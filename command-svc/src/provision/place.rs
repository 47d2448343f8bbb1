//! One partner in one complex, and what can be asked of it. The one place that puts credentials
//! and their contents into the partner's contract, and reads them from it.

use std::sync::Arc;

use domain::provisioning::{Content, Held, Holding};
use domain::window::Window;
use domain::{CredentialId, DeviceId};
use jiff::Timestamp;
use partner::{
    AttestationPolicy, Attested, CallError, ClosingClient, CredentialToPut, HeldCredential,
    PartnerClient, PerimeterClient,
};
use privacy::CredentialToken;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::{error, warn};

use super::sealed::NotKnown;
use super::{CALL, Pair, Provisioner, Why};

/// The most credentials that a partner's list is read of: far above what a complex has.
const MOST: usize = 100_000;

/// One partner in one complex.
pub(super) struct Place<'a> {
    provisioner: &'a Provisioner,
    pair: &'a Pair,
    client: &'a PartnerClient,
    closing: ClosingClient,
    room: &'a Arc<Semaphore>,
}

/// A partner whose attestation was just found good.
pub(super) struct Trusted {
    within: PerimeterClient,
    attested: Attested,
}

impl<'a> Place<'a> {
    /// For what is asked whatever the perimeter.
    pub(super) fn closing(provisioner: &'a Provisioner, pair: &'a Pair) -> Result<Self, Why> {
        let (complex, partner) = pair;
        let client = provisioner
            .partners
            .get(partner)
            .ok_or(Why::NotConfigured)?;
        let room = provisioner.rooms.get(partner).ok_or(Why::NotConfigured)?;
        Ok(Self {
            provisioner,
            pair,
            client,
            closing: client.closing(complex),
            room,
        })
    }

    /// One of the partner's few places, for one call.
    async fn room(&self) -> Result<SemaphorePermit<'_>, Why> {
        // It is never closed.
        self.room.acquire().await.map_err(|_| Why::Unavailable)
    }

    fn told(&self, what: &'static str, error: CallError) -> Why {
        let (complex, partner) = self.pair;
        let why = Why::from(error.clone());
        warn!(%complex, %partner, %error, "{what}");
        why
    }

    /// All that the partner holds.
    pub(super) async fn list(&self) -> Result<Held, Why> {
        let (mut held, mut after) = (Held::new(), None);
        loop {
            let _room = self.room().await?;
            let page = self
                .closing
                .list_credentials(after.as_ref(), Instant::now() + CALL)
                .await
                .map_err(|error| self.told("the partner does not say what it holds", error))?;
            let empty = page.credentials.is_empty();
            held.extend(page.credentials.into_iter().map(holding));
            if page.next.is_none() {
                return Ok(held);
            }
            // A partner whose list never ends holds up only itself, and not for ever.
            if empty || page.next == after || held.len() > MOST {
                return Err(self.told("its list does not end", CallError::Unintelligible));
            }
            after = page.next;
        }
    }

    /// The partner, if its attestation is there, valid, its own and strong enough.
    pub(super) async fn attested(&self) -> Result<Trusted, Why> {
        let (complex, partner) = self.pair;
        let now = Timestamp::now();
        let (pinned, perimeter) = {
            let state = self.provisioner.registrar.knowledge.lock();
            let registered = state.registry.partner(partner).ok_or(Why::Refused)?;
            let (_, perimeter) = state
                .registry
                .perimeter(complex, partner)
                .ok_or(Why::Refused)?;
            (registered.attestation_key.clone(), perimeter.clone())
        };
        let within = self
            .client
            .within(&perimeter, now)
            .map_err(|_| Why::Refused)?;
        let _room = self.room().await?;
        let attestation = self.client.attestation(Instant::now() + CALL).await;
        let attestation = attestation.map_err(|error| {
            let missing = !error.is_transient() || error == CallError::Unintelligible;
            let why = self.told("no attestation can be had", error);
            if missing {
                Why::AttestationMissing
            } else {
                why
            }
        })?;
        let attested = attestation
            .verify(partner, &pinned, &AttestationPolicy::default(), now)
            .map_err(Why::Attestation)?;
        Ok(Trusted { within, attested })
    }

    /// Gives the partner the token key of a version.
    pub(super) async fn deliver(&self, trusted: &Trusted, version: u32) -> Result<(), Why> {
        let (complex, partner) = self.pair;
        let key = self.provisioner.tokens.token_key(complex, partner, version);
        let key = key.map_err(|error| {
            error!(%error, "a token key can't be derived");
            Why::KeyOutOfReach
        })?;
        let _room = self.room().await?;
        trusted
            .within
            .put_token_key(&trusted.attested, &key, Instant::now() + CALL)
            .await
            .map_err(|error| self.told("the partner does not take the token key", error))
    }

    /// Puts a credential.
    pub(super) async fn put(
        &self,
        trusted: &Trusted,
        id: CredentialId,
        holding: &Holding,
    ) -> Result<(), Why> {
        let tokens = self.tokens(id, holding)?;
        let devices: Vec<DeviceId> = holding.content.devices.iter().cloned().collect();
        let put = CredentialToPut {
            id,
            tokens: &tokens,
            window: &holding.content.window,
            time_zone: &holding.content.time_zone,
            devices: &devices,
        };
        let _room = self.room().await?;
        trusted
            .within
            .put_credential(&trusted.attested, &put, Instant::now() + CALL)
            .await
            .map_err(|error| self.told("the partner does not take a credential", error))
    }

    /// Deletes a credential.
    pub(super) async fn delete(&self, id: CredentialId) -> Result<(), Why> {
        let _room = self.room().await?;
        self.closing
            .delete_credential(id, Instant::now() + CALL)
            .await
            .map_err(|error| self.told("the partner does not delete a credential", error))
    }

    /// The credential's tokens, made anew of what is sealed.
    fn tokens(&self, id: CredentialId, holding: &Holding) -> Result<Vec<CredentialToken>, Why> {
        let (complex, partner) = self.pair;
        let holder = {
            let state = self.provisioner.registrar.knowledge.lock();
            let credential = state.registry.credential(complex, &id);
            credential.ok_or(Why::Refused)?.1.holder
        };
        let origin = self
            .provisioner
            .origin(holder, holding.content.kind, id)
            .map_err(|unknown| match unknown {
                NotKnown::NotSealed => Why::NotSealed,
                NotKnown::NoKey | NotKnown::Unreadable => Why::Unreadable,
            })?;
        let roots = &self.provisioner.tokens;
        let versions = holding.key_versions.iter();
        let tokens = versions.map(|version| {
            let key = roots.token_key(complex, partner, *version);
            key.map(|key| origin.token(&key))
                .map_err(|_| Why::KeyOutOfReach)
        });
        tokens.collect()
    }
}

/// What the partner says that it holds, in our words.
fn holding(held: HeldCredential) -> (CredentialId, Holding) {
    let window = Window {
        not_before: held.not_before,
        not_after: held.not_after,
        weekdays: held.weekdays,
        minutes: held.minutes,
    };
    let zone = held.time_zone.as_deref().unwrap_or_default();
    let content = Content::new(held.kind, window, zone, held.devices);
    let key_versions = held.key_versions.into_iter().collect();
    (
        held.id,
        Holding {
            content,
            key_versions,
        },
    )
}
