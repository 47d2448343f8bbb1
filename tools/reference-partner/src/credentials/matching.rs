//! Which credential a plate or a face before a camera belongs to, if any.

use jiff::Timestamp;

use super::record::all;
use super::token::{Shown, Token};
use crate::ids::{ComplexId, CredentialId, DeviceId};
use crate::store::{StoreError, Tx};
use crate::token_key;

/// The credential that opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match(pub(crate) CredentialId);

/// Finds the credential that lets what is shown through this device now; of several, the first by
/// id.
pub(crate) fn find<S: Shown>(
    tx: &Tx<'_>,
    complex: &ComplexId,
    device: &DeviceId,
    shown: &S,
    now: Timestamp,
) -> Result<Option<Match>, StoreError> {
    let tokens: Vec<(u32, Token)> = token_key::held(tx, complex)?
        .iter()
        .map(|key| (key.version, shown.token(key.bytes())))
        .collect();
    let found = all(tx, complex)?.into_iter().find(|stored| {
        let credential = &stored.credential;
        let known = credential.tokens.iter().any(|keyed| {
            tokens
                .iter()
                .any(|(version, token)| keyed.key_version == *version && keyed.token.matches(token))
        });
        known
            && credential.kind == S::KIND
            && credential.devices.contains(device)
            && credential.window.contains(now)
    });
    Ok(found.map(|stored| Match(stored.id)))
}
