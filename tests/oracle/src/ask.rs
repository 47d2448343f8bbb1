//! One question.

use domain::commands::Commands;
use domain::registry::Registry;
use domain::{Decision, Instant, OpenCommand, decide};
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::world::World;

/// Somebody wants something opened, at some instant.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The command.
    pub command: OpenCommand,
    /// When, and what is passed for it.
    pub at: Instant,
    /// What the clocks at the device show then.
    pub local: DateTime,
}

impl Ask {
    /// `command` at `now`, by the clocks of its device's complex.
    pub fn new(world: &World, command: OpenCommand, now: Timestamp) -> Self {
        let zone = world.zone(&command.device);
        Self {
            command,
            at: Instant {
                now,
                utc_offset: zone.to_offset(now).seconds(),
            },
            local: zone.to_datetime(now),
        }
    }

    /// The service's answer.
    pub fn decide(&self, registry: &Registry, commands: &Commands) -> Decision {
        decide(registry, commands, &self.command, self.at)
    }
}
