//! Takes from the partners what they may no longer hold: faces without a legal basis, and plates of
//! passes that are over.
//!
//! What is sealed is erased last. So whatever is still sealed is still owed, at every instance and
//! after every restart, and nothing else is asked for twice.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::registry::{Credential, Holder, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId, PartnerId, SubjectRef};
use jiff::Timestamp;
use partner::ClosingClient;
use privacy::{Item, SubjectKey};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::partners::Partners;
use crate::provision::CALL;
use crate::refusal::Refusal;
use crate::subjects::Directory;

/// How often it is looked for what ended by itself, or could not be deleted the last time.
const SWEEP: Duration = Duration::from_secs(5);
/// Pause before what is known now is fresh enough.
const CATCH_UP: Duration = Duration::from_millis(200);

/// Deletes at the partners.
pub(crate) struct Withdrawals {
    /// The registry.
    pub knowledge: Arc<Knowledge>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// What is sealed.
    pub directory: Arc<Directory>,
    /// Who may hold something.
    pub partners: Partners,
    /// What is on its way out.
    pub going: Arc<Going>,
}

/// Credentials between their deletion at the partner and the erasure of what is sealed. Whoever puts
/// one in between puts what nothing would be left of to delete it by.
#[derive(Default)]
pub(crate) struct Going(Mutex<HashSet<CredentialId>>);

impl Going {
    fn lock(&self) -> MutexGuard<'_, HashSet<CredentialId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is one of them.
    pub(crate) fn has(&self, id: CredentialId) -> bool {
        self.lock().contains(&id)
    }
}

/// A credential that must go.
#[derive(Debug, PartialEq, Eq)]
struct Owed {
    complex: ComplexId,
    id: CredentialId,
    subject: SubjectRef,
    item: Item,
    /// Who runs its devices.
    partners: BTreeSet<PartnerId>,
}

impl Withdrawals {
    /// Deletes whenever the registry changes, and now and then; never returns.
    pub(crate) async fn run(self) {
        let changed: Arc<Notify> = Arc::clone(&self.knowledge.lock().changed);
        loop {
            let _ = timeout(SWEEP, changed.notified()).await;
            while !self.tails.knows_registry() {
                sleep(CATCH_UP).await;
            }
            self.sweep().await;
        }
    }

    async fn sweep(&self) {
        let owed = owed(&self.knowledge.lock().registry, Timestamp::now());
        let sealed = owed.into_iter().filter_map(|owed| {
            let (key, _) = self.directory.item(owed.subject, owed.item)?;
            Some((owed, key))
        });
        let sealed: Vec<(Owed, SubjectKey)> = sealed.collect();
        let (mut silent, mut left) = (HashSet::new(), 0);
        for (owed, key) in sealed {
            self.going.lock().insert(owed.id);
            let gone = self.gone(&owed, &mut silent).await;
            let erased = gone && self.directory.erase(&key).await.is_ok();
            self.going.lock().remove(&owed.id);
            if !erased {
                left += 1;
                continue;
            }
            let (complex, credential) = (owed.complex, owed.id);
            info!(%complex, %credential, "credential deleted at the partner, sealed item erased");
        }
        metrics::gauge!("credentials_to_withdraw").set(f64::from(left));
    }

    /// Whether all its partners hold it no more. One that could not be asked is not asked again
    /// in this sweep.
    async fn gone(&self, owed: &Owed, silent: &mut HashSet<PartnerId>) -> bool {
        let mut gone = true;
        for partner in &owed.partners {
            let client = self.partners.get(partner);
            let Some(client) = client.filter(|_| !silent.contains(partner)) else {
                gone = false;
                continue;
            };
            let closing = client.closing(&owed.complex);
            if let Err(refusal) = delete(&closing, owed.id).await {
                let complex = &owed.complex;
                warn!(%complex, %partner, %refusal, "a credential can't be deleted yet");
                silent.insert(partner.clone());
                gone = false;
            }
        }
        gone
    }
}

/// Deletes one credential at one partner.
///
/// # Errors
/// The partner did not say that it holds it no more.
pub(crate) async fn delete(partner: &ClosingClient, id: CredentialId) -> Result<(), Refusal> {
    let deleted = partner.delete_credential(id, Instant::now() + CALL).await;
    deleted.map_err(|error| Refusal::PartnerUnavailable(error.to_string()))
}

/// What no partner may hold any more, whether or not one still does. Plates of residents are not
/// looked at.
fn owed(registry: &Registry, now: Timestamp) -> Vec<Owed> {
    let all = registry.credentials();
    let ours = all.filter(|(_, credential)| {
        credential.kind == CredentialKind::Face || matches!(credential.holder, Holder::Pass(_))
    });
    ours.filter(|(complex, credential)| !registry.may_hold(complex, credential, now))
        .map(|(complex, credential)| {
            let devices = credential.devices.iter();
            let partners = devices.filter_map(|id| registry.device(id));
            Owed {
                complex: complex.clone(),
                id: credential.id,
                subject: keeper(credential),
                item: match credential.kind {
                    CredentialKind::Plate => Item::Plate(credential.id),
                    CredentialKind::Face => Item::Face(credential.id),
                },
                partners: partners.map(|device| device.partner.clone()).collect(),
            }
        })
        .collect()
}

/// Under whom its item is sealed.
fn keeper(credential: &Credential) -> SubjectRef {
    match credential.holder {
        Holder::Subject(subject) => subject,
        Holder::Pass(pass) => SubjectRef(pass.0),
    }
}
