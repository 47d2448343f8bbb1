//! Access tokens: opaque and random, known here only by their hash, bound to a certificate.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::scope::ScopeSet;
use crate::ids::ComplexId;
use crate::store::{Key, Store, StoreError, Table};
use crate::vault::{KEY_BYTES, VaultError};

type Hash = [u8; 32];

/// What a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    hash: Hash,
    pub(super) client_id: String,
    pub(super) scopes: ScopeSet,
    pub(super) complex: Option<ComplexId>,
    /// SHA-256 of the certificate that the token is bound to.
    pub(super) thumbprint: [u8; 32],
    pub(super) expires_at: Timestamp,
}

/// The tokens in force.
pub(crate) struct Tokens {
    store: Store,
    known: RwLock<HashMap<Hash, TokenRecord>>,
}

impl Tokens {
    /// Reads the tokens that the last run gave out.
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        let found = store
            .run(|tx| tx.scan::<TokenRecord>(Table::AccessTokens, "", &Key::plain(b""), usize::MAX))
            .await?;
        let known = found
            .into_iter()
            .map(|(_, record)| (record.hash, record))
            .collect();
        Ok(Self {
            store,
            known: RwLock::new(known),
        })
    }

    /// Makes a token; it is kept before it is given out.
    pub(super) async fn issue(
        &self,
        granted: super::request::Granted,
        thumbprint: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<Zeroizing<String>, StoreError> {
        let mut random = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(random.as_mut_slice()).map_err(|_| VaultError::Crypto)?;
        let token = Zeroizing::new(BASE64URL.encode(random.as_slice()));
        let super::request::Granted {
            client_id,
            scopes,
            complex,
        } = granted;
        let hash = hash(&token);
        let record = TokenRecord {
            hash,
            client_id,
            scopes,
            complex,
            thumbprint,
            expires_at,
        };
        let kept = record.clone();
        self.store
            .run(move |tx| {
                tx.put(
                    Table::AccessTokens,
                    "",
                    &tx.hidden(&hash),
                    Some(expires_at),
                    &kept,
                )
            })
            .await?;
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(hash, record);
        Ok(token)
    }

    /// What a token stands for, if it is in force.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<TokenRecord> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&hash(token))
            .filter(|record| now < record.expires_at)
            .cloned()
    }

    /// Forgets tokens that have expired.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, record| now < record.expires_at);
    }
}

fn hash(token: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
