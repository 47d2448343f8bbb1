//! One person's login: the tokens, which never leave the server, and their renewal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use authn::token::UserId;
use tokio::sync::Mutex;

use crate::error::{RenewError, whole};
use crate::random;
use crate::tokens::Tokens;
use crate::web::Issuer;

/// A token that ends sooner than this is renewed first.
const SOON: Duration = Duration::from_secs(30);

/// A login that goes on.
pub struct Session {
    issuer: Arc<Issuer>,
    subject: UserId,
    csrf: String,
    ended: AtomicBool,
    /// Held while a renewal runs: there is one at a time.
    held: Mutex<Held>,
}

struct Held {
    access_token: String,
    ends: Option<Instant>,
    refresh_token: Option<String>,
    id_token: String,
}

/// Why there is no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Only a new login helps.
    #[error("the session has ended; log in again")]
    Ended,
    /// The issuer can't be reached; nothing was lost.
    #[error("the issuer can't be reached; try again shortly")]
    Unavailable,
}

impl Session {
    /// Of what a login gave, its ID token checked.
    pub(crate) fn new(
        issuer: Arc<Issuer>,
        subject: UserId,
        id_token: String,
        tokens: Tokens,
    ) -> Self {
        Self {
            issuer,
            subject,
            csrf: random::text(),
            ended: AtomicBool::new(false),
            held: Mutex::new(Held {
                ends: ends(&tokens),
                access_token: tokens.access_token,
                refresh_token: tokens.refresh_token,
                id_token,
            }),
        }
    }

    /// Who has logged in.
    pub fn subject(&self) -> &UserId {
        &self.subject
    }

    /// What each form of this session's pages has in its field `csrf`, and nobody else's page knows.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// A token for calls on this person's behalf, renewed where it is about to end. A renewal that
    /// fails once the issuer may have seen it ends the session: the refresh token is spent.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn access_token(self: &Arc<Self>) -> Result<String, SessionError> {
        let this = Arc::clone(self);
        // It goes on when the caller hangs up, or the new refresh token would be lost.
        let fresh = tokio::spawn(async move { this.fresh().await });
        fresh.await.unwrap_or(Err(SessionError::Ended))
    }

    async fn fresh(&self) -> Result<String, SessionError> {
        let mut held = self.held.lock().await;
        if self.has_ended() {
            return Err(SessionError::Ended);
        }
        let soon = Instant::now() + SOON;
        if held.ends.is_none_or(|ends| ends > soon) {
            return Ok(held.access_token.clone());
        }
        match self.renewed(&held).await {
            Ok((tokens, id_token)) => {
                held.ends = ends(&tokens);
                held.access_token = tokens.access_token;
                held.refresh_token = tokens.refresh_token.or(held.refresh_token.take());
                held.id_token = id_token.unwrap_or(std::mem::take(&mut held.id_token));
                count("renewed");
                Ok(held.access_token.clone())
            }
            Err(SessionError::Unavailable) => Err(SessionError::Unavailable),
            Err(SessionError::Ended) => {
                self.end();
                count("ended");
                Err(SessionError::Ended)
            }
        }
    }

    async fn renewed(&self, held: &Held) -> Result<(Tokens, Option<String>), SessionError> {
        let refresh_token = held.refresh_token.as_ref().ok_or(SessionError::Ended)?;
        let provider = self.issuer.provider().await;
        let provider = provider.map_err(|_| SessionError::Unavailable)?;
        let tokens = provider.renew(refresh_token).await.map_err(|error| {
            if let RenewError::Failed(error) = &error {
                let error_text = whole(error);
                tracing::warn!(error = error_text, "a session's token can't be renewed");
                if error.never_sent() {
                    return SessionError::Unavailable;
                }
            }
            SessionError::Ended
        })?;
        // OpenID Connect Core 1.0, section 12.2: it may come with an ID token, of the same person.
        if let Some(id_token) = &tokens.id_token {
            let checked = self.issuer.verifier.verify(id_token).await;
            if !checked.is_ok_and(|checked| checked.subject == self.subject) {
                tracing::warn!("a renewal gave an ID token that is not good");
                return Err(SessionError::Ended);
            }
        }
        let id_token = tokens.id_token.clone();
        Ok((tokens, id_token))
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What the issuer knows the login by.
    pub(crate) async fn id_token(&self) -> String {
        self.held.lock().await.id_token.clone()
    }
}

fn ends(tokens: &Tokens) -> Option<Instant> {
    tokens.expires_in.map(|lives| Instant::now() + lives)
}

fn count(result: &'static str) {
    metrics::counter!("web_token_renewals_total", "result" => result).increment(1);
}
