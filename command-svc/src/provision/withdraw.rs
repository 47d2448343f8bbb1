//! What is sealed goes once no partner holds it and none may: faces without a legal basis, plates that
//! were revoked, and those of passes that are over.
//!
//! Whatever is still sealed is still owed, at every instance and after every restart, and nothing else
//! is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::registry::{Credential, Holder, Registry};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId};
use jiff::Timestamp;
use privacy::SubjectKey;
use tokio::time::sleep;
use tracing::{info, warn};

use super::Provisioner;
use super::sealed::{item, keeper};

/// How often it is looked for what may go. Partners are told of a withdrawal at once, by others.
const SWEEP: Duration = Duration::from_secs(3);

/// Erases what is sealed and no longer needed; never returns.
pub(crate) async fn run(provisioner: Arc<Provisioner>) {
    loop {
        if provisioner.registrar.tails.knows_registry() {
            provisioner.erase_withdrawn().await;
        }
        sleep(SWEEP).await;
    }
}

impl Provisioner {
    async fn erase_withdrawn(&self) {
        let mut left = 0;
        for (complex, owed) in self.withdrawn() {
            let held = match self.held_in(&complex).await {
                Ok(held) => held,
                Err(refusal) => {
                    warn!(%complex, %refusal, "what was withdrawn can't be erased yet");
                    left += owed.len();
                    continue;
                }
            };
            for (credential, key) in owed {
                let gone = !held.contains(&credential);
                if gone && self.directory.erase(&key).await.is_ok() {
                    info!(%complex, %credential, "no partner holds it: sealed item erased");
                } else {
                    left += 1;
                }
            }
        }
        metrics::gauge!("credentials_to_withdraw").set(left as f64);
    }

    /// What no partner may hold and is still sealed, by complex.
    fn withdrawn(&self) -> BTreeMap<ComplexId, Vec<(CredentialId, SubjectKey)>> {
        let now = Timestamp::now();
        let registry = self.registrar.copy();
        let all = registry.every_credential();
        let over = all.filter(|(complex, it)| is_over(&registry, complex, it, now));
        let mut by_complex: BTreeMap<ComplexId, Vec<_>> = BTreeMap::new();
        for (complex, it) in over {
            if let Some((key, _)) = self.directory.item(keeper(it.holder), item(it.kind, it.id)) {
                let of = by_complex.entry(complex.clone()).or_default();
                of.push((it.id, key));
            }
        }
        by_complex
    }
}

/// Whether a credential is not wanted any more, for good. The plate of somebody who moved out is kept
/// until it is revoked: the same person may come back.
fn is_over(
    registry: &Registry,
    complex: &ComplexId,
    credential: &Credential,
    now: Timestamp,
) -> bool {
    match (credential.kind, credential.holder) {
        (CredentialKind::Plate, Holder::Subject(_)) => credential.revoked,
        _ => !registry.may_hold(complex, credential, now),
    }
}
