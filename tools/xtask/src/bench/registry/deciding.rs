//! Decisions, beside bare look-ups.

use std::hint::black_box;
use std::time::Instant as Clock;

use anyhow::{Result, ensure};
use domain::commands::Commands;
use domain::decide::Asker;
use domain::registry::Registry;
use domain::vocabulary::Verdict;
use domain::{CommandId, Instant, OpenCommand, decide};
use hdrhistogram::Histogram;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Bare;
use super::site::{self, Site};

/// Decisions of one round.
const DECISIONS: usize = 200_000;
/// A step that visits everybody, far from whoever was visited last.
const STRIDE: usize = 7_919_001;

/// Times of one side in one round.
pub(super) struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    fn add(&mut self, since: Clock) {
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos);
    }

    /// A quantile in microseconds.
    pub(super) fn us(&self, at: f64) -> f64 {
        self.0.value_at_quantile(at) as f64 / 1000.0
    }
}

/// One round of each side, by turns.
///
/// # Errors
/// Nobody was let in, or everybody.
pub(super) fn round(
    site: &Site,
    registry: &Registry,
    bare: &Bare,
    round: usize,
) -> Result<(Times, Times)> {
    let now = Timestamp::now();
    let at = Instant {
        now,
        utc_offset: 3 * 3600,
    };
    let commands = Commands::default();
    let (mut ours, mut theirs) = (Times::new()?, Times::new()?);
    let mut allowed = 0;
    for number in 0..DECISIONS {
        let person = (round + 1) * number % STRIDE * STRIDE % site.people();
        let device = site.device(person, number % 4 == 0);
        let command = OpenCommand {
            id: CommandId(Uuid::from_u128(number as u128)),
            complex: device.complex(),
            device,
            operation: domain::vocabulary::Operation::OpenDoor,
            asker: Asker::Owner(Site::subject(person)),
            caller: "spiffe://smarthome/bff/mobile".parse()?,
            request_digest: [0; 32],
            key_time: now,
            expires_at: now + SignedDuration::from_secs(20),
            auth_time: None,
            acr: None,
        };
        let start = Clock::now();
        let decision = black_box(decide(registry, &commands, &command, at));
        ours.add(start);
        allowed += usize::from(decision.verdict == Verdict::Allow);

        let key = site::id(person * 2);
        let start = Clock::now();
        black_box(bare.get(&key));
        theirs.add(start);
    }
    ensure!(
        (DECISIONS / 2..DECISIONS).contains(&allowed),
        "{allowed} of {DECISIONS} were let in"
    );
    Ok((ours, theirs))
}
