//! The gate before one partner: so many calls at once (a bulkhead), and none while it fails (a
//! circuit breaker). So a slow or broken partner holds up nobody's doors but its own.

mod breaker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::PartnerId;
use domain::event::CommandCompleted;
use domain::vocabulary::{Outcome, Reason};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{info, warn};

use self::breaker::{Breaker, Circuit, Rules};
use crate::refusal::Refusal;

/// Bounds on what one partner may hold up.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// Commands at the partner at once.
    pub in_flight: usize,
    /// How many of the last calls are looked at.
    pub window: usize,
    /// Refuse for a while when more of them failed than this.
    pub failures: usize,
    /// For how long, until one call tries again.
    #[serde(with = "service::config::duration")]
    pub pause: Duration,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            in_flight: 256,
            window: 20,
            failures: 10,
            pause: Duration::from_secs(5),
        }
    }
}

impl GateConfig {
    /// What is wrong with it.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.in_flight == 0 || self.window == 0 || self.failures >= self.window {
            return Err(
                "limits.partner: in_flight and window must be at least 1, failures below window"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// The gate before one partner.
pub(crate) struct Gate {
    partner: PartnerId,
    places: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
}

/// A place at the partner, until dropped.
pub(crate) struct Place {
    gate: Arc<Gate>,
    _permit: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new(partner: PartnerId, config: GateConfig) -> Arc<Self> {
        let rules = Rules {
            window: config.window,
            failures: config.failures,
            pause: config.pause,
        };
        Arc::new(Self {
            partner,
            places: Arc::new(Semaphore::new(config.in_flight)),
            breaker: Mutex::new(Breaker::new(rules)),
        })
    }

    /// Asks for a place, before anything is recorded.
    ///
    /// # Errors
    /// The partner has as many commands as it may, or fails at present.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Place, Refusal> {
        let permit = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Refusal::PartnerBusy)?;
        self.breaker()
            .ask(Instant::now())
            .map_err(|retry| Refusal::PartnerFailing { retry })?;
        Ok(Place {
            gate: Arc::clone(self),
            _permit: permit,
        })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Tells what came of the call.
    pub(crate) fn ended(self, completed: &CommandCompleted) {
        let Some(well) = answered(completed) else {
            return;
        };
        let partner = &self.gate.partner;
        let mut breaker = self.gate.breaker();
        let before = breaker.circuit();
        breaker.ended(well, Instant::now());
        let after = breaker.circuit();
        drop(breaker);
        let open = matches!(after, Circuit::Open(_));
        metrics::gauge!("partner_circuit_open", "partner" => partner.to_string())
            .set(f64::from(u8::from(open)));
        match (before, after) {
            (Circuit::Closed, Circuit::Open(_)) => {
                warn!(%partner, "the partner fails too often; its commands are refused for a while");
            }
            (Circuit::Trying(_), Circuit::Closed) => info!(%partner, "the partner answers again"),
            _ => {}
        }
    }
}

/// Whether the partner answered the call itself; none where no call was made.
fn answered(completed: &CommandCompleted) -> Option<bool> {
    match completed.reason {
        _ if completed.fenced => Some(false),
        Reason::PartnerUnreachable
        | Reason::PartnerSilent
        | Reason::PartnerUnintelligible
        | Reason::PartnerOverloaded => Some(false),
        Reason::PartnerExecuted | Reason::PartnerRejected | Reason::DeviceOffline => Some(true),
        _ if completed.outcome == Outcome::Unknown => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::CommandId;
    use uuid::Uuid;

    use super::*;
    use crate::act;

    fn gate(in_flight: usize) -> Arc<Gate> {
        let config = GateConfig {
            in_flight,
            window: 2,
            failures: 1,
            ..GateConfig::default()
        };
        Gate::new("gatekeeper".parse().unwrap(), config)
    }

    fn ended_with(reason: Reason) -> CommandCompleted {
        CommandCompleted {
            reason,
            ..act::completed(CommandId(Uuid::from_u128(1)))
        }
    }

    #[test]
    fn places_are_given_back() {
        let gate = gate(1);
        let place = gate.enter().unwrap();
        assert_eq!(gate.enter().err(), Some(Refusal::PartnerBusy));
        place.ended(&ended_with(Reason::PartnerExecuted));
        drop(gate.enter().unwrap());
        gate.enter().unwrap();
    }

    #[test]
    fn a_partner_that_fails_is_left_alone_for_a_while() {
        let gate = gate(8);
        for _ in 0..2 {
            let place = gate.enter().unwrap();
            place.ended(&ended_with(Reason::PartnerSilent));
        }
        let refused = gate.enter().err().unwrap();
        assert!(matches!(refused, Refusal::PartnerFailing { retry } if retry > Duration::ZERO));
        assert_eq!(gate.places.available_permits(), 8, "no place is lost");
    }

    #[test]
    fn what_never_reached_the_partner_says_nothing_of_it() {
        for reason in [
            Reason::CommandExpired,
            Reason::Cooldown,
            Reason::OutOfPerimeter,
        ] {
            assert_eq!(answered(&ended_with(reason)), None);
        }
    }
}
