//! What one partner may take of us, so that none takes another's share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::PartnerId;
use serde::Deserialize;
use service::rate::{Rate, Rates};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Quota of one partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Requests.
    pub rate: Rate,
    /// Most requests in flight.
    pub max_in_flight: u32,
    /// Most connections; one more is closed after its handshake.
    pub max_connections: u32,
}

/// Most connections of all whose certificates name no partner that may send: they get answers that
/// say so, and no more.
const STRANGERS: usize = 16;

impl Default for Quota {
    fn default() -> Self {
        Self {
            rate: Rate::new(60_000, 2_000),
            max_in_flight: 128,
            max_connections: 128,
        }
    }
}

/// Why a partner has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// It asks too often.
    Rate {
        /// When it may again.
        wait: Duration,
    },
    /// It has too many requests in flight.
    InFlight,
}

/// Quotas of every partner that is configured.
pub struct Quotas {
    of: HashMap<PartnerId, Bounds>,
    strangers: Arc<Semaphore>,
}

struct Bounds {
    rate: Rates<()>,
    in_flight: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Quotas {
    /// With these quotas.
    pub fn new(of: impl IntoIterator<Item = (PartnerId, Quota)>) -> Self {
        let bounds = |quota: Quota| Bounds {
            rate: Rates::new(quota.rate),
            in_flight: Arc::new(Semaphore::new(quota.max_in_flight as usize)),
            connections: Arc::new(Semaphore::new(quota.max_connections as usize)),
        };
        Self {
            of: of
                .into_iter()
                .map(|(id, quota)| (id, bounds(quota)))
                .collect(),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
        }
    }

    /// A place among the partner's connections, for as long as it is kept; whoever is no partner, or
    /// none that is configured, shares a few places with all such. None: there is no place.
    pub fn connect(&self, partner: Option<&PartnerId>) -> Option<OwnedSemaphorePermit> {
        let bounds = partner.and_then(|partner| self.of.get(partner));
        let places = bounds.map_or(&self.strangers, |bounds| &bounds.connections);
        Arc::clone(places).try_acquire_owned().ok()
    }

    /// A place among the partner's requests in flight, for as long as it is kept. None for a partner
    /// that is not configured: nothing that it sends is taken.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn admit(&self, partner: &PartnerId) -> Result<Option<OwnedSemaphorePermit>, Exceeded> {
        let Some(bounds) = self.of.get(partner) else {
            return Ok(None);
        };
        bounds
            .rate
            .check(&())
            .map_err(|wait| Exceeded::Rate { wait })?;
        let place = Arc::clone(&bounds.in_flight).try_acquire_owned();
        place.map(Some).map_err(|_| Exceeded::InFlight)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_partner_takes_nothing_of_anothers() {
        let (one, other): (PartnerId, PartnerId) =
            ("one".parse().unwrap(), "other".parse().unwrap());
        let quota = Quota {
            rate: Rate::new(1, 3),
            max_in_flight: 1,
            max_connections: 2,
        };
        let quotas = Quotas::new([(one.clone(), quota), (other.clone(), quota)]);
        let place = quotas.admit(&one).unwrap();
        assert_eq!(quotas.admit(&one).unwrap_err(), Exceeded::InFlight);
        assert!(quotas.admit(&other).unwrap().is_some());
        drop(place);
        assert!(quotas.admit(&one).unwrap().is_some());
        assert!(matches!(quotas.admit(&one), Err(Exceeded::Rate { .. })));
        assert!(quotas.admit(&"nobody".parse().unwrap()).unwrap().is_none());

        let connect = |partner| quotas.connect(Some(partner));
        let both = (connect(&one).unwrap(), connect(&one).unwrap());
        assert!(connect(&one).is_none());
        assert!(connect(&other).is_some());
        drop(both);
        assert!(connect(&one).is_some());
        let strangers: Vec<_> = (0..STRANGERS).map(|_| quotas.connect(None)).collect();
        assert!(strangers.iter().all(Option::is_some));
        let nobody = "nobody".parse().unwrap();
        assert!(
            quotas.connect(Some(&nobody)).is_none(),
            "a stranger as well"
        );
        assert!(connect(&one).is_some());
    }
}
