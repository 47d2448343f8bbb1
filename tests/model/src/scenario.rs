//! What is explored: who asks what where, and how much may go wrong.

use domain::commands::{KEY_WINDOW, LEEWAY, MAX_EXPIRY};
use jiff::{SignedDuration, Timestamp};

/// A step of abstract time. Steps are further apart than any clock may be wrong.
pub type Phase = u8;

/// The key is new.
pub const FRESH: Phase = 0;
/// What was asked for at first has expired; the key may still be used.
pub const EXPIRED: Phase = 1;
/// The key is older than its window, by less than the leeway.
pub const KEY_OLD: Phase = 2;
/// Decisions appended now are void; settled commands are forgotten.
pub const VOID: Phase = 3;
/// The partner's memory has ended.
pub const FORGOTTEN: Phase = 4;

/// An instant in `phase`.
pub(crate) fn instant(phase: Phase) -> Timestamp {
    key_time()
        + match phase {
            FRESH => SignedDuration::from_secs(1),
            EXPIRED => SignedDuration::from_mins(5),
            KEY_OLD => KEY_WINDOW + LEEWAY / 2,
            VOID => KEY_WINDOW + LEEWAY * 3,
            _ => SignedDuration::from_hours(8 * 24),
        }
}

/// When what is asked for in `phase` expires: before the next one.
pub(crate) fn expiry(phase: Phase) -> Timestamp {
    instant(phase) + MAX_EXPIRY
}

/// The instant inside every idempotency key: 2026-11-24T12:00:00Z.
pub(crate) fn key_time() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_521_600)
}

/// One request of a client; it may come at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Which command it is; two requests of one command are duplicates.
    pub command: u8,
    /// At which instance it arrives.
    pub instance: u8,
}

/// A bounded space.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// For the report.
    pub name: &'static str,
    /// Who asks; at most four.
    pub requests: &'static [Request],
    /// Messages lost, appends failed, answers missing, requests duplicated: how many in all.
    pub faults: u8,
    /// The steps of time that are taken.
    pub phases: &'static [Phase],
    /// Crashes of an instance.
    pub crashes: u8,
    /// Times that a partition changes hands while its owner lives.
    pub hand_overs: u8,
    /// Whether nothing may run for a day, so that UNKNOWN becomes final.
    pub outage: bool,
    /// The second instance's clock is behind by nearly the leeway.
    pub clock_behind: bool,
    /// The device has a cooldown.
    pub cooldown: bool,
    /// The grant may be revoked.
    pub revocation: bool,
    /// The requests come by one guest pass with a single use.
    pub pass: bool,
    /// Requests may be on their way to the partner for any time, and twice.
    pub delays: bool,
    /// The partner's devices take their time; otherwise they open when the request arrives.
    pub slow: bool,
    /// The partner may say no.
    pub rejections: bool,
    /// The last phase in which somebody asks.
    pub last_request: Phase,
}

impl Scenario {
    /// How many commands there are.
    pub fn commands(&self) -> u8 {
        self.requests
            .iter()
            .map(|request| request.command + 1)
            .max()
            .unwrap_or(0)
    }

    /// What follows `phase`.
    pub(crate) fn after(&self, phase: Phase) -> Option<Phase> {
        self.phases.iter().copied().find(|next| *next > phase)
    }

    /// The phase that an instance's clock shows.
    pub fn clock(&self, instance: u8, phase: Phase) -> Phase {
        // A minute is the difference only while it is a matter of minutes.
        if self.clock_behind && instance == 1 && matches!(phase, EXPIRED | KEY_OLD) {
            phase - 1
        } else {
            phase
        }
    }
}
