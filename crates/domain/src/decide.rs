//! The decision: may this person open this device now?
//!
//! Pure and total. Rights are looked at before anything about the device is told apart, so
//! that whoever has no right learns nothing, not even that the device exists.

mod openable;
mod rights;

pub use openable::{Openable, openable};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::commands::{Commands, KEY_WINDOW};
use crate::id::{CallerName, CommandId, ComplexId, DeviceId, PartnerId, PassId, SubjectRef};
use crate::registry::{Device, Registry};
use crate::vocabulary::{Operation, Reason, Verdict};

/// One clock reading, and what the complex's clocks show at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// The reading.
    pub now: Timestamp,
    /// UTC offset of the complex's zone at `now`, in seconds.
    pub utc_offset: i32,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// An owner, known by an access token.
    Owner(SubjectRef),
    /// The holder of a pass.
    Guest(PassId),
}

impl Asker {
    /// The reference that is recorded.
    pub fn subject(self) -> Uuid {
        match self {
            Asker::Owner(SubjectRef(id)) | Asker::Guest(PassId(id)) => id,
        }
    }
}

/// A well-formed open command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCommand {
    /// Its id.
    pub id: CommandId,
    /// Where it is recorded: the device's complex, or `unassigned`.
    pub complex: ComplexId,
    /// What to open.
    pub device: DeviceId,
    /// How.
    pub operation: Operation,
    /// Who asks.
    pub asker: Asker,
    /// Who speaks for them.
    pub caller: CallerName,
    /// SHA-256 over device and operation.
    pub request_digest: [u8; 32],
    /// Instant inside the idempotency key.
    pub key_time: Timestamp,
    /// Not to be carried out after this.
    pub expires_at: Timestamp,
    /// When the owner last logged in, where the token says so.
    pub auth_time: Option<Timestamp>,
    /// How, where the token says so: the authentication context class.
    pub acr: Option<String>,
}

/// The judgement with what it was made from, positions aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Allowed or denied.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The grant or pass that ruled, with its version.
    pub right: Option<(Uuid, u64)>,
    /// The partner that runs the device.
    pub partner: Option<PartnerId>,
    /// Version of the perimeter that was looked at; 0 for none.
    pub perimeter_version: u64,
    /// Openings within the device's cooldown.
    pub recent_openings: Vec<Timestamp>,
    /// The device's cooldown in milliseconds.
    pub cooldown_ms: u32,
    /// Uses left of the pass, where it is a limited one.
    pub uses_left: Option<u32>,
}

impl Decision {
    /// Nothing was seen.
    fn blank() -> Self {
        Self {
            verdict: Verdict::Deny,
            reason: Reason::NoGrant,
            right: None,
            partner: None,
            perimeter_version: 0,
            recent_openings: Vec::new(),
            cooldown_ms: 0,
            uses_left: None,
        }
    }
}

/// Judges `command` at `at`.
pub fn decide(
    registry: &Registry,
    commands: &Commands,
    command: &OpenCommand,
    at: Instant,
) -> Decision {
    let mut decision = Decision::blank();
    decision.reason = match judge(registry, commands, command, at, &mut decision) {
        Ok(()) => {
            decision.verdict = Verdict::Allow;
            Reason::Granted
        }
        Err(reason) => reason,
    };
    decision
}

fn judge(
    registry: &Registry,
    commands: &Commands,
    command: &OpenCommand,
    at: Instant,
    seen: &mut Decision,
) -> Result<(), Reason> {
    let key_age = at.now.duration_since(command.key_time);
    if command.expires_at <= at.now || key_age > KEY_WINDOW {
        return Err(Reason::CommandExpired);
    }
    let device = registry.device(&command.device).ok_or(Reason::NoGrant)?;
    if command.complex.as_str() != device.id.complex_text() {
        return Err(Reason::NoGrant);
    }
    let right = match command.asker {
        Asker::Owner(subject) => rights::owners(registry, subject, device, at),
        Asker::Guest(pass) => rights::guests(registry, pass, device, at, &mut seen.uses_left),
    };
    match right {
        Ok(right) => seen.right = Some(right),
        Err((reason, right)) => {
            seen.right = right;
            return Err(reason);
        }
    }
    operable(registry, device, command.operation, at, seen)?;
    // A guest has no login, whatever is said of one.
    let login = match command.asker {
        Asker::Owner(_) => (command.auth_time, command.acr.as_deref()),
        Asker::Guest(_) => (None, None),
    };
    let needed = device.step_up.as_ref();
    if needed.is_some_and(|step_up| !step_up.is_met(login.0, login.1, at.now)) {
        return Err(Reason::StepUpRequired);
    }
    cooled_down(commands, command, device, at, seen)
}

/// Whether anybody may carry `operation` out at `device`: it is switched on, has the operation,
/// and its partner may do it there.
fn operable(
    registry: &Registry,
    device: &Device,
    operation: Operation,
    at: Instant,
    seen: &mut Decision,
) -> Result<(), Reason> {
    if !device.enabled {
        return Err(Reason::DeviceDisabled);
    }
    if !device.operations.contains(&operation) {
        return Err(Reason::OperationNotAllowed);
    }
    let partner = registry
        .partner(&device.partner)
        .ok_or(Reason::PartnerSuspended)?;
    seen.partner = Some(partner.id.clone());
    if partner.suspended {
        return Err(Reason::PartnerSuspended);
    }
    let (version, perimeter) = registry
        .perimeter(&device.id.complex(), &partner.id)
        .ok_or(Reason::OutOfPerimeter)?;
    seen.perimeter_version = version;
    if perimeter.permits(operation, at.now) {
        Ok(())
    } else {
        Err(Reason::OutOfPerimeter)
    }
}

fn cooled_down(
    commands: &Commands,
    command: &OpenCommand,
    device: &Device,
    at: Instant,
    seen: &mut Decision,
) -> Result<(), Reason> {
    seen.cooldown_ms = device.cooldown_ms;
    if device.cooldown_ms == 0 {
        return Ok(());
    }
    let cooldown = SignedDuration::from_millis(i64::from(device.cooldown_ms));
    let since = at.now.checked_sub(cooldown).unwrap_or(Timestamp::MIN);
    seen.recent_openings = commands.openings(&device.id, since, command.id);
    if seen.recent_openings.is_empty() {
        Ok(())
    } else {
        Err(Reason::Cooldown)
    }
}

#[cfg(test)]
mod tests;
