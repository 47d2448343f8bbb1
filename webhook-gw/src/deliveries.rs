//! The last deliveries of each partner as they were answered, so that its engineers see by
//! themselves what became of them. In memory, of this instance, since it started.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use domain::PartnerId;
use jiff::Timestamp;
use standardwebhooks::HEADER_WEBHOOK_ID;

use crate::gateway::Verdict;

/// Longest id of a message that is kept.
const MAX_MESSAGE_ID: usize = 128;

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it came.
    pub at: Timestamp,
    /// The partner's id of the message, if it is one.
    pub message: Option<String>,
    /// How it was answered.
    pub status: StatusCode,
    /// Why it was refused whole; none if it was not.
    pub reason: Option<&'static str>,
    /// What became of each event.
    pub verdicts: Vec<Verdict>,
}

/// The last of each partner.
#[derive(Debug)]
pub struct Deliveries {
    since: Timestamp,
    kept: usize,
    of: Mutex<HashMap<PartnerId, VecDeque<Delivery>>>,
}

impl Deliveries {
    /// Keeps `kept` of each partner, from now on.
    pub fn new(kept: usize, now: Timestamp) -> Self {
        Self {
            since: now,
            kept,
            of: Mutex::default(),
        }
    }

    /// From when on they are kept.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Keeps one, in place of the oldest where there is no more room.
    pub fn keep(&self, partner: &PartnerId, delivery: Delivery) {
        let mut of = self.lock();
        let of = match of.get_mut(partner) {
            Some(of) => of,
            None => of.entry(partner.clone()).or_default(),
        };
        of.push_front(delivery);
        of.truncate(self.kept);
    }

    /// A partner's own, newest first.
    pub fn of(&self, partner: &PartnerId) -> Vec<Delivery> {
        let of = self.lock();
        of.get(partner).into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PartnerId, VecDeque<Delivery>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of a message as it may be shown to whoever sent it.
pub fn message_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
    let fits = (1..=MAX_MESSAGE_ID).contains(&id.len());
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn delivery(message: &str) -> Delivery {
        Delivery {
            at: Timestamp::UNIX_EPOCH,
            message: Some(message.to_owned()),
            status: StatusCode::OK,
            reason: None,
            verdicts: Vec::new(),
        }
    }

    #[test]
    fn a_partner_sees_its_own_newest_first_and_so_many() {
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let deliveries = Deliveries::new(2, Timestamp::UNIX_EPOCH);
        for message in ["a", "b", "c"] {
            deliveries.keep(&one, delivery(message));
        }
        deliveries.keep(&other, delivery("theirs"));
        assert_eq!(deliveries.of(&one), [delivery("c"), delivery("b")]);
        assert_eq!(deliveries.of(&other), [delivery("theirs")]);
        assert_eq!(deliveries.of(&"nobody".parse().unwrap()), []);
    }
}
