//! Authorization codes and refresh tokens: what was granted, in memory and bounded in number.
//!
//! A code works once, for 60 seconds (RFC 6749, section 4.1.2); the first attempt spends it, right or
//! wrong. A login's refresh tokens form a family of which only the newest works: an older one, or a
//! code presented again, means that somebody copied it, and ends the family (RFC 9700, section 4.14.2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::refusal::{Code as Oauth, Refusal};
use crate::scope::Scope;
use crate::secret;

const CODE_TTL: Duration = Duration::from_secs(60);
const MOST_CODES: usize = 10_000;
const MOST_FAMILIES: usize = 10_000;

/// Who logged in, when, at which client, and what was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) scope: Scope,
    pub(crate) auth_time: Timestamp,
    pub(crate) nonce: Option<String>,
}

/// What a code is bound to besides its client.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) redirect_uri: String,
    /// The S256 challenge (RFC 7636, section 4.2).
    pub(crate) challenge: String,
}

/// What a client presents for tokens with a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) code: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

/// A successful exchange.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) login: Arc<Login>,
    /// Names the login (OpenID Connect Front-Channel Logout 1.0, `sid`).
    pub(crate) session: Uuid,
    pub(crate) refresh_token: String,
}

struct Code {
    login: Arc<Login>,
    binding: Binding,
    expires_at: Timestamp,
    /// The family that it began; kept as long as that lives, to notice a second presentation.
    redeemed: Option<Uuid>,
}

struct Family {
    login: Arc<Login>,
    newest: String,
    expires_at: Timestamp,
}

/// All that is granted at the moment.
pub(crate) struct Grants {
    refresh_ttl: Duration,
    codes: HashMap<String, Code>,
    families: HashMap<Uuid, Family>,
}

impl Grants {
    pub(crate) fn new(refresh_ttl: Duration) -> Self {
        Self {
            refresh_ttl,
            codes: HashMap::new(),
            families: HashMap::new(),
        }
    }

    /// A new code for this login.
    pub(crate) fn issue_code(
        &mut self,
        login: Login,
        binding: Binding,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        if self.codes.len() >= MOST_CODES || self.families.len() >= MOST_FAMILIES {
            self.forget(now);
        }
        if self.codes.len() >= MOST_CODES || self.families.len() >= MOST_FAMILIES {
            return Err(Refusal::new(
                Oauth::TemporarilyUnavailable,
                "as many logins are open as this issuer holds; try again later",
            ));
        }
        let code = secret::random()?;
        let entry = Code {
            login: Arc::new(login),
            binding,
            expires_at: now + CODE_TTL,
            redeemed: None,
        };
        self.codes.insert(secret::digest(&code), entry);
        Ok(code)
    }

    /// Exchanges a code.
    pub(crate) fn redeem(
        &mut self,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let refused = Refusal::new(
            Oauth::InvalidGrant,
            "the code is unknown, spent, expired, or bound to another client, redirect_uri or \
             code_challenge",
        );
        let key = secret::digest(presented.code);
        let mut code = self.codes.remove(&key).ok_or(refused)?;
        if let Some(session) = code.redeemed {
            self.families.remove(&session);
            return Err(refused);
        }
        let bound = code.login.client_id == presented.client_id
            && code.binding.redirect_uri == presented.redirect_uri
            && secret::same(&code.binding.challenge, &secret::digest(presented.verifier));
        if now >= code.expires_at || !bound {
            return Err(refused);
        }
        let session = Uuid::new_v4();
        let (refresh_token, newest) = refresh_token(session)?;
        let family = Family {
            login: Arc::clone(&code.login),
            newest,
            expires_at: now + self.refresh_ttl,
        };
        self.families.insert(session, family);
        code.redeemed = Some(session);
        let login = Arc::clone(&code.login);
        self.codes.insert(key, code);
        Ok(Granted {
            login,
            session,
            refresh_token,
        })
    }

    /// Exchanges a refresh token for the next one. `scope` narrows what the caller is given, never
    /// what the family holds (RFC 6749, section 6).
    pub(crate) fn refresh(
        &mut self,
        token: &str,
        client_id: &str,
        scope: Option<&Scope>,
        now: Timestamp,
    ) -> Result<Granted, Refusal> {
        let refused = Refusal::new(
            Oauth::InvalidGrant,
            "the refresh token is unknown, expired, used before, or another client's",
        );
        let session = session_of(token).ok_or(refused)?;
        let family = self.families.get_mut(&session).ok_or(refused)?;
        let reused = !secret::same(&family.newest, &secret::digest(token));
        if reused || now >= family.expires_at {
            self.families.remove(&session);
            return Err(refused);
        }
        if family.login.client_id != client_id {
            return Err(refused);
        }
        if scope.is_some_and(|scope| !scope.is_subset(&family.login.scope)) {
            return Err(Refusal::new(
                Oauth::InvalidScope,
                "the scope exceeds what was granted at the login",
            ));
        }
        let (refresh_token, newest) = refresh_token(session)?;
        family.newest = newest;
        Ok(Granted {
            login: Arc::clone(&family.login),
            session,
            refresh_token,
        })
    }

    /// Ends a login: its refresh tokens work no more.
    pub(crate) fn end(&mut self, session: Uuid) {
        self.families.remove(&session);
    }

    fn forget(&mut self, now: Timestamp) {
        self.families.retain(|_, family| now < family.expires_at);
        let families = &self.families;
        self.codes.retain(|_, code| match code.redeemed {
            None => now < code.expires_at,
            Some(session) => families.contains_key(&session),
        });
    }
}

/// A refresh token names its family, so that an old one is known for what it is without being kept.
fn refresh_token(session: Uuid) -> Result<(String, String), Refusal> {
    let token = format!("{session}.{}", secret::random()?);
    let digest = secret::digest(&token);
    Ok((token, digest))
}

fn session_of(token: &str) -> Option<Uuid> {
    let (session, _) = token.split_once('.')?;
    session.parse().ok()
}

#[cfg(test)]
mod tests;
