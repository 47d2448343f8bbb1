//! Credentials as put, kept and listed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::token::Token;
use super::window::Window;
use crate::ids::{ComplexId, CredentialId, DeviceId};
use crate::store::{Key, Store, StoreError, Table, Tx};
use crate::token_key;

/// What tokens were computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialKind {
    Plate,
    Face,
}

/// A token under one key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyedToken {
    pub(crate) key_version: u32,
    pub(crate) token: Token,
}

/// A credential as put; unknown members are refused, so that nothing about a person slips in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    pub(crate) kind: CredentialKind,
    pub(crate) tokens: Vec<KeyedToken>,
    pub(crate) window: Window,
    pub(crate) devices: Vec<DeviceId>,
}

impl Credential {
    /// A plate's, at any time.
    pub(crate) fn of_plate(key_version: u32, token: Token, devices: Vec<DeviceId>) -> Self {
        Self {
            kind: CredentialKind::Plate,
            tokens: vec![KeyedToken { key_version, token }],
            window: Window::always(),
            devices,
        }
    }

    /// Whether it is as the contract says; names the field and what is expected.
    pub(crate) fn check(
        &self,
        knows: impl Fn(&DeviceId) -> bool,
    ) -> Result<(), (&'static str, &'static str)> {
        let versions: Vec<u32> = self.tokens.iter().map(|token| token.key_version).collect();
        match versions[..] {
            [one] if one > 0 => {}
            [one, two] if one > 0 && two > 0 && one != two => {}
            _ => return Err(("/tokens", "one or two, of different key versions from 1 on")),
        }
        self.window.check()?;
        if !(1..=256).contains(&self.devices.len()) {
            return Err(("/devices", "1 to 256"));
        }
        for (index, device) in self.devices.iter().enumerate() {
            if !knows(device) {
                return Err(("/devices", "devices of this complex only"));
            }
            if self.devices[..index].contains(device) {
                return Err(("/devices", "each device once"));
            }
        }
        Ok(())
    }
}

/// A credential as kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: CredentialId,
    pub(crate) credential: Credential,
    pub(crate) updated_at: Timestamp,
}

/// A credential as listed: without its tokens.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    credential: CredentialId,
    kind: CredentialKind,
    key_versions: Vec<u32>,
    window: Window,
    devices: Vec<DeviceId>,
    updated_at: Timestamp,
}

impl From<Stored> for Listed {
    fn from(stored: Stored) -> Self {
        let Credential {
            kind,
            tokens,
            window,
            devices,
        } = stored.credential;
        Self {
            credential: stored.id,
            kind,
            key_versions: tokens.iter().map(|token| token.key_version).collect(),
            window,
            devices,
            updated_at: stored.updated_at,
        }
    }
}

/// A page of credentials.
#[derive(Debug, Serialize)]
pub(crate) struct CredentialPage {
    credentials: Vec<Listed>,
    next: Option<String>,
}

/// What came of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    UnknownKeyVersion,
}

/// The credentials of all complexes.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) store: Store,
}

impl Credentials {
    /// Puts a credential in place of what the id held; durable when this returns.
    pub(crate) async fn put(
        &self,
        complex: ComplexId,
        id: CredentialId,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Put, StoreError> {
        let put = self.store.run(move |tx| {
            let held = token_key::held(tx, &complex)?;
            let known =
                |token: &KeyedToken| held.iter().any(|key| key.version == token.key_version);
            if !credential.tokens.iter().all(known) {
                return Ok(Put::UnknownKeyVersion);
            }
            let stored = Stored {
                id,
                credential,
                updated_at: now,
            };
            tx.put(
                Table::Credentials,
                complex.as_str(),
                &tx.hidden(id.as_bytes()),
                None,
                &stored,
            )?;
            Ok(Put::Done)
        });
        put.await
    }

    /// Deletes a credential, if it is there.
    pub(crate) async fn delete(
        &self,
        complex: ComplexId,
        id: CredentialId,
    ) -> Result<bool, StoreError> {
        self.store
            .run(move |tx| {
                tx.delete(
                    Table::Credentials,
                    complex.as_str(),
                    &tx.hidden(id.as_bytes()),
                )
            })
            .await
    }

    /// Lists a page after a cursor; nothing if the cursor is malformed.
    pub(crate) async fn list(
        &self,
        complex: ComplexId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<CredentialPage>, StoreError> {
        let after = match after.map(|text| BASE64URL.decode(text)) {
            None => Key::plain(b""),
            Some(Ok(bytes)) if bytes.len() == 32 => Key::plain(&bytes),
            Some(_) => return Ok(None),
        };
        let found = self
            .store
            .run(move |tx| tx.scan::<Stored>(Table::Credentials, complex.as_str(), &after, limit));
        let found = found.await?;
        let full = found.len() == limit;
        let last = found
            .last()
            .map(|(key, _)| BASE64URL.encode(key.as_bytes()));
        let credentials = found.into_iter().map(|(_, stored)| stored.into()).collect();
        Ok(Some(CredentialPage {
            credentials,
            next: last.filter(|_| full),
        }))
    }
}

/// All credentials of a complex, by id.
pub(crate) fn all(tx: &Tx<'_>, complex: &ComplexId) -> Result<Vec<Stored>, StoreError> {
    let found = tx.scan::<Stored>(
        Table::Credentials,
        complex.as_str(),
        &Key::plain(b""),
        usize::MAX,
    )?;
    let mut all: Vec<Stored> = found.into_iter().map(|(_, stored)| stored).collect();
    all.sort_by_key(|stored| stored.id);
    Ok(all)
}
