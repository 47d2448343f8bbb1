//! The sessions that go on: bounded in number, and in time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::config::SessionLimits;
use crate::random::{self, Digest};
use crate::session::Session;

/// All of them, in memory: a process that is started anew asks everybody to log in again.
pub(crate) struct Sessions {
    limits: SessionLimits,
    by_id: Mutex<HashMap<Digest, Entry>>,
}

struct Entry {
    session: Arc<Session>,
    begun: Instant,
    used: Instant,
}

/// There is no room for another.
#[derive(Debug)]
pub(crate) struct Full;

impl Sessions {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self {
            limits,
            by_id: Mutex::default(),
        }
    }

    /// Keeps a session, under an id that is made for it here and only its browser is told.
    pub(crate) fn begin(&self, session: Arc<Session>, now: Instant) -> Result<String, Full> {
        let mut all = self.all();
        all.retain(|_, entry| self.lives(entry, now));
        let own = all
            .iter()
            .filter(|(_, entry)| entry.session.subject() == session.subject());
        if own.clone().count() >= self.limits.most_of_one {
            let oldest = own.min_by_key(|(_, entry)| entry.begun);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                all.remove(&oldest);
            }
        }
        if all.len() >= self.limits.most {
            return Err(Full);
        }
        let id = random::text();
        let entry = Entry {
            session,
            begun: now,
            used: now,
        };
        all.insert(random::digest(&id), entry);
        shown(&all);
        Ok(id)
    }

    /// The session of an id, which thereby is in use.
    pub(crate) fn find(&self, id: &str, now: Instant) -> Option<Arc<Session>> {
        let mut all = self.all();
        let id = random::digest(id);
        let entry = all.get_mut(&id)?;
        if !self.lives(entry, now) {
            all.remove(&id);
            shown(&all);
            return None;
        }
        entry.used = now;
        Some(Arc::clone(&entry.session))
    }

    /// Ends the session of an id.
    pub(crate) fn end(&self, id: &str) {
        let mut all = self.all();
        if let Some(entry) = all.remove(&random::digest(id)) {
            // Whoever holds it still gets no token from it any more.
            entry.session.end();
        }
        shown(&all);
    }

    fn lives(&self, entry: &Entry, now: Instant) -> bool {
        !entry.session.has_ended()
            && now.saturating_duration_since(entry.used) < self.limits.idle
            && now.saturating_duration_since(entry.begun) < self.limits.longest
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Digest, Entry>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(all: &HashMap<Digest, Entry>) {
    #[allow(clippy::cast_precision_loss)]
    metrics::gauge!("web_sessions").set(all.len() as f64);
}
