//! Tokens that are kept until they have expired: a partner has to refuse them then.

use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use crate::session::Session;
use crate::token::Token;

/// The tokens that are kept for one perimeter: the last one that has expired, and the next. In
/// memory only; after a restart another one is kept.
#[derive(Default)]
pub struct Kept {
    expired: Option<KeptToken>,
    ageing: Option<KeptToken>,
}

struct KeptToken {
    header: HeaderValue,
    /// Of the certificate that it is bound to: with another it would be refused for that.
    generation: u64,
    /// From here on it must be refused; none for never.
    due: Option<Instant>,
}

impl Kept {
    /// When the first token will have expired, as long as none has.
    pub fn due(&self) -> Option<Instant> {
        match &self.expired {
            Some(_) => None,
            None => self.ageing.as_ref()?.due,
        }
    }

    /// A token that has expired, if there is one by now.
    pub(super) fn expired(&mut self, session: &Session, now: Instant) -> Option<HeaderValue> {
        for slot in [&mut self.expired, &mut self.ageing] {
            slot.take_if(|kept| kept.generation != session.generation);
        }
        let is_due = |kept: &mut KeptToken| kept.due.is_some_and(|due| due <= now);
        if let Some(token) = self.ageing.take_if(is_due) {
            self.expired = Some(token);
        }
        self.expired.as_ref().map(|kept| kept.header.clone())
    }

    /// Keeps `token`, unless one is waiting already. `leeway` is how much later than it says a
    /// partner may refuse it: clocks differ.
    pub(super) fn keep(&mut self, session: &Session, token: &Token, leeway: Duration) {
        self.ageing.get_or_insert_with(|| KeptToken {
            header: token.header(),
            generation: session.generation,
            due: token.expired.and_then(|at| at.checked_add(leeway)),
        });
    }
}
