//! A circuit breaker (M. Nygard, Release It!): after too many failures calls are refused for a
//! while, then one call tries whether it goes again. Pure: the clock is the caller's.
//!
//! Our own, since whether a call may be made is asked before its decision is recorded and how it
//! ended is known much later; libraries wrap the call itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// How many of the last calls are looked at; it stays closed until there were so many.
    pub(super) window: usize,
    /// How many of them may fail.
    pub(super) failures: usize,
    /// How long it stays open before a call is tried.
    pub(super) pause: Duration,
}

/// What it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circuit {
    /// Every call.
    Closed,
    /// None until then.
    Open(Instant),
    /// One call, which is under way since then.
    Trying(Instant),
}

/// One circuit.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: Rules,
    last: VecDeque<bool>,
    circuit: Circuit,
}

impl Breaker {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            last: VecDeque::with_capacity(rules.window),
            circuit: Circuit::Closed,
        }
    }

    /// Asks for a call. Refused: how long it stays so, at least.
    pub(super) fn ask(&mut self, now: Instant) -> Result<(), Duration> {
        match self.circuit {
            Circuit::Closed => Ok(()),
            Circuit::Open(until) if now < until => Err(until - now),
            // Whoever tried and never told is gone.
            Circuit::Trying(since) if now < since + self.rules.pause => {
                Err(since + self.rules.pause - now)
            }
            Circuit::Open(_) | Circuit::Trying(_) => {
                self.circuit = Circuit::Trying(now);
                Ok(())
            }
        }
    }

    /// A call has ended.
    pub(super) fn ended(&mut self, well: bool, now: Instant) {
        match self.circuit {
            Circuit::Open(_) => {}
            Circuit::Trying(_) if well => {
                self.last.clear();
                self.circuit = Circuit::Closed;
            }
            Circuit::Trying(_) => self.circuit = Circuit::Open(now + self.rules.pause),
            Circuit::Closed => {
                if self.last.len() == self.rules.window {
                    self.last.pop_front();
                }
                self.last.push_back(well);
                let failed = self.last.iter().filter(|well| !**well).count();
                if self.last.len() == self.rules.window && failed > self.rules.failures {
                    self.circuit = Circuit::Open(now + self.rules.pause);
                }
            }
        }
    }

    /// What it lets through now.
    pub(super) fn circuit(&self) -> Circuit {
        self.circuit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        window: 4,
        failures: 2,
        pause: Duration::from_secs(5),
    };

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(RULES);
        for well in [false, true, false, false] {
            assert_eq!(breaker.ask(now), Ok(()));
            breaker.ended(well, now);
        }
        breaker
    }

    #[test]
    fn it_opens_when_more_fail_than_may() {
        let now = Instant::now();
        assert_eq!(opened(now).ask(now), Err(RULES.pause));
        let mut fair = Breaker::new(RULES);
        for well in [false, true, false, true, true, false, true, false] {
            fair.ended(well, now);
            assert_eq!(fair.ask(now), Ok(()), "half of them fail");
        }
    }

    #[test]
    fn a_few_calls_say_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULES);
        for _ in 0..3 {
            breaker.ended(false, now);
        }
        assert_eq!(breaker.ask(now), Ok(()));
    }

    #[test]
    fn after_the_pause_one_call_tries() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += RULES.pause;
        assert_eq!(breaker.ask(now), Ok(()));
        assert!(breaker.ask(now).is_err(), "one at a time");
        breaker.ended(false, now);
        assert_eq!(breaker.ask(now), Err(RULES.pause), "open again");
        now += RULES.pause;
        assert_eq!(breaker.ask(now), Ok(()));
        breaker.ended(true, now);
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }

    #[test]
    fn a_try_that_never_tells_does_not_keep_it_open() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        now += RULES.pause;
        assert_eq!(breaker.ask(now), Ok(()));
        now += RULES.pause;
        assert_eq!(breaker.ask(now), Ok(()));
    }

    #[test]
    fn what_ends_while_it_is_open_changes_nothing() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.ended(true, now);
        assert!(breaker.ask(now).is_err());
    }
}
