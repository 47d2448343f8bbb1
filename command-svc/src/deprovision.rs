//! Credentials that a partner must no longer hold: deleted there, and seen to be gone.

use std::collections::BTreeSet;

use domain::{ComplexId, CredentialId};
use partner::{CallError, ClosingClient, PartnerClient};
use tokio::time::Instant;

/// Has the partner delete those of `credentials` that it holds. How many it holds afterwards.
///
/// # Errors
/// [`CallError`]: what it holds is not known.
pub(crate) async fn delete(
    client: &PartnerClient,
    complex: &ComplexId,
    credentials: &BTreeSet<CredentialId>,
    deadline: Instant,
) -> Result<usize, CallError> {
    let closing = client.closing(complex);
    let held = held(&closing, credentials, deadline).await?;
    if held.is_empty() {
        return Ok(0);
    }
    for credential in held {
        closing.delete_credential(credential, deadline).await?;
    }
    Ok(self::held(&closing, credentials, deadline).await?.len())
}

/// Those of `credentials` that the partner says it holds.
async fn held(
    closing: &ClosingClient,
    credentials: &BTreeSet<CredentialId>,
    deadline: Instant,
) -> Result<Vec<CredentialId>, CallError> {
    let (mut held, mut after) = (Vec::new(), None);
    loop {
        let page = closing.list_credentials(after.as_ref(), deadline).await?;
        let ids = page.credentials.iter().map(|held| held.id);
        held.extend(ids.filter(|id| credentials.contains(id)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(held),
        }
    }
}
