//! The decision: may this person open this device now?
//!
//! Pure and total. Rights are looked at before anything about the device is told apart, so
//! that whoever has no right learns nothing, not even that the device exists.

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
}

/// A right that holds, or why none does.
type Right = Result<(Uuid, u64), (Reason, Option<(Uuid, u64)>)>;

/// Judges `command` at `at`.
pub fn decide(
    registry: &Registry,
    commands: &Commands,
    command: &OpenCommand,
    at: Instant,
) -> Decision {
    let mut decision = Decision {
        verdict: Verdict::Deny,
        reason: Reason::NoGrant,
        right: None,
        partner: None,
        perimeter_version: 0,
        recent_openings: Vec::new(),
        cooldown_ms: 0,
    };
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
    if command.expires_at <= at.now || command.key_time + KEY_WINDOW < at.now {
        return Err(Reason::CommandExpired);
    }
    let device = registry.device(&command.device).ok_or(Reason::NoGrant)?;
    if command.complex != device.id.complex() {
        return Err(Reason::NoGrant);
    }
    let right = match command.asker {
        Asker::Owner(subject) => owners_right(registry, subject, &device.id, at),
        Asker::Guest(pass) => guests_right(registry, pass, &device.id, at),
    };
    match right {
        Ok(right) => seen.right = Some(right),
        Err((reason, right)) => {
            seen.right = right;
            return Err(reason);
        }
    }
    if !device.enabled {
        return Err(Reason::DeviceDisabled);
    }
    if !device.operations.contains(&command.operation) {
        return Err(Reason::OperationNotAllowed);
    }
    within_perimeter(registry, command, device, at, seen)?;
    cooled_down(commands, command, device, at, seen)
}

fn owners_right(registry: &Registry, subject: SubjectRef, device: &DeviceId, at: Instant) -> Right {
    let complex = device.complex();
    let mut best = (Reason::NoGrant, None);
    for (version, grant) in registry.grants_of(&complex, subject) {
        if !grant.covers(device) {
            continue;
        }
        let right = (grant.id.0, version);
        let resident = registry.resident(&complex, &subject);
        let reason = if grant.revoked || !resident.is_some_and(|(_, resident)| resident.active) {
            Reason::GrantRevoked
        } else if !grant.window.contains(at.now, at.utc_offset) {
            Reason::OutsideWindow
        } else {
            return Ok(right);
        };
        // The reason that is nearest to a yes is the one to tell.
        if best.0 != Reason::OutsideWindow {
            best = (reason, Some(right));
        }
    }
    Err(best)
}

/// A pass holds only while the grant that it is inside of holds too.
fn guests_right(registry: &Registry, pass: PassId, device: &DeviceId, at: Instant) -> Right {
    let complex = device.complex();
    let Some((version, pass)) = registry.pass(&complex, &pass) else {
        return Err((Reason::NoGrant, None));
    };
    let right = (pass.id.0, version);
    let refuse = |reason| Err((reason, Some(right)));
    let Some((_, grant)) = registry.grant(&complex, &pass.grant) else {
        return refuse(Reason::GrantRevoked);
    };
    if !pass.devices.contains(device) || !grant.covers(device) {
        return refuse(Reason::NoGrant);
    }
    let host = registry.resident(&complex, &grant.subject);
    if pass.revoked || grant.revoked || !host.is_some_and(|(_, resident)| resident.active) {
        return refuse(Reason::GrantRevoked);
    }
    if [&pass.window, &grant.window]
        .iter()
        .all(|window| window.contains(at.now, at.utc_offset))
    {
        Ok(right)
    } else {
        refuse(Reason::OutsideWindow)
    }
}

fn within_perimeter(
    registry: &Registry,
    command: &OpenCommand,
    device: &Device,
    at: Instant,
    seen: &mut Decision,
) -> Result<(), Reason> {
    let partner = registry
        .partner(&device.partner)
        .ok_or(Reason::PartnerSuspended)?;
    seen.partner = Some(partner.id.clone());
    if partner.suspended {
        return Err(Reason::PartnerSuspended);
    }
    let (version, perimeter) = registry
        .perimeter(&command.complex, &partner.id)
        .ok_or(Reason::OutOfPerimeter)?;
    seen.perimeter_version = version;
    if perimeter.permits(command.operation, at.now) {
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
    let since = at.now - SignedDuration::from_millis(i64::from(device.cooldown_ms));
    seen.recent_openings = commands.openings(&device.id, since, command.id);
    if seen.recent_openings.is_empty() {
        Ok(())
    } else {
        Err(Reason::Cooldown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::id::{ChangeSetId, GrantId};
    use crate::registry::{
        Change, ChangeSet, Complex, Entity, Grant, GuestPass, Partner, Perimeter, Resident,
    };
    use crate::vocabulary::{DeviceKind, GrantRole};
    use crate::window::Window;

    const NOW: &str = "2026-11-24T12:00:00Z";
    const OWNER: SubjectRef = SubjectRef(Uuid::from_u128(1));
    const GRANT: GrantId = GrantId(Uuid::from_u128(2));
    const PASS: PassId = PassId(Uuid::from_u128(3));

    /// Given: one complex with a gate, its partner, an owner and his guest. Each test changes
    /// one entity.
    fn given(change: impl Fn(&mut Entity)) -> Registry {
        let mut registry = Registry::default();
        let complex: ComplexId = "sunrise".parse().unwrap();
        let partner: PartnerId = "partner-a".parse().unwrap();
        let device: DeviceId = "sunrise.gate".parse().unwrap();
        let global = vec![Entity::Partner(Partner {
            id: partner.clone(),
            name: "A".to_owned(),
            suspended: false,
            webhook_san: "dns:a.example".to_owned(),
            attestation_key: vec![0; 32],
        })];
        let local = vec![
            Entity::Complex(Complex {
                id: complex.clone(),
                name: "Sunrise".to_owned(),
                time_zone: "Europe/Moscow".to_owned(),
            }),
            Entity::Device(Device {
                id: device.clone(),
                name: "Gate".to_owned(),
                kind: DeviceKind::Gate,
                operations: vec![Operation::OpenBarrier],
                partner: partner.clone(),
                enabled: true,
                cooldown_ms: 0,
            }),
            Entity::Perimeter(Perimeter {
                partner,
                complex: complex.clone(),
                operations: vec![Operation::OpenBarrier],
                credentials: true,
                not_before: None,
                not_after: None,
                closed: false,
            }),
            Entity::Resident(Resident {
                subject: OWNER,
                active: true,
            }),
            Entity::Grant(Grant {
                id: GRANT,
                subject: OWNER,
                role: GrantRole::Owner,
                devices: vec![],
                window: Window::default(),
                revoked: false,
            }),
            Entity::GuestPass(GuestPass {
                id: PASS,
                secret_hash: [7; 32],
                grant: GRANT,
                devices: vec![device],
                window: Window::default(),
                revoked: false,
            }),
        ];
        for (complex, entities) in [(ComplexId::global(), global), (complex, local)] {
            let changes = entities
                .into_iter()
                .map(|mut entity| {
                    change(&mut entity);
                    Change {
                        expected_version: 0,
                        entity,
                    }
                })
                .collect();
            let id = ChangeSetId(Uuid::from_u128(9));
            registry
                .fold(
                    &complex,
                    ChangeSet {
                        id,
                        note: String::new(),
                        changes,
                    },
                )
                .unwrap();
        }
        registry
    }

    /// When: the owner opens the gate.
    fn command(asker: Asker) -> OpenCommand {
        OpenCommand {
            id: CommandId(Uuid::from_u128(4)),
            complex: "sunrise".parse().unwrap(),
            device: "sunrise.gate".parse().unwrap(),
            operation: Operation::OpenBarrier,
            asker,
            caller: "bff".parse().unwrap(),
            request_digest: [0; 32],
            key_time: NOW.parse().unwrap(),
            expires_at: "2026-11-24T12:00:20Z".parse().unwrap(),
            auth_time: None,
        }
    }

    fn at() -> Instant {
        Instant {
            now: NOW.parse().unwrap(),
            utc_offset: 3 * 3600,
        }
    }

    fn then(registry: &Registry, command: &OpenCommand) -> Reason {
        let decision = decide(registry, &Commands::default(), command, at());
        let again = decide(registry, &Commands::default(), command, at());
        assert_eq!(decision, again);
        assert_eq!(
            decision.verdict == Verdict::Allow,
            decision.reason == Reason::Granted
        );
        decision.reason
    }

    fn both() -> [OpenCommand; 2] {
        [command(Asker::Owner(OWNER)), command(Asker::Guest(PASS))]
    }

    #[test]
    fn owner_and_guest_open_the_gate() {
        for command in both() {
            assert_eq!(then(&given(|_| {}), &command), Reason::Granted);
        }
    }

    #[test]
    fn a_stranger_learns_nothing() {
        let stranger = command(Asker::Owner(SubjectRef(Uuid::from_u128(99))));
        let mut unknown = command(Asker::Owner(OWNER));
        unknown.device = "sunrise.no-such-gate".parse().unwrap();
        unknown.complex = ComplexId::unassigned();
        let broken = given(|entity| match entity {
            Entity::Device(device) => device.enabled = false,
            Entity::Partner(partner) => partner.suspended = true,
            _ => {}
        });
        assert_eq!(then(&broken, &stranger), Reason::NoGrant);
        assert_eq!(then(&broken, &unknown), Reason::NoGrant);
    }

    #[test]
    fn a_withdrawn_grant_ends_its_passes_too() {
        for registry in [
            given(|entity| {
                if let Entity::Grant(grant) = entity {
                    grant.revoked = true;
                }
            }),
            given(|entity| {
                if let Entity::Resident(resident) = entity {
                    resident.active = false;
                }
            }),
        ] {
            for command in both() {
                assert_eq!(then(&registry, &command), Reason::GrantRevoked);
            }
        }
    }

    #[test]
    fn outside_its_window() {
        let registry = given(|entity| {
            if let Entity::Grant(grant) = entity {
                grant.window.minutes = (0, 60);
            }
        });
        for command in both() {
            assert_eq!(then(&registry, &command), Reason::OutsideWindow);
        }
    }

    #[test]
    fn device_operation_partner_and_perimeter() {
        type Given = (fn(&mut Entity), Reason);
        let cases: [Given; 6] = [
            (
                |e| {
                    if let Entity::Device(device) = e {
                        device.enabled = false;
                    }
                },
                Reason::DeviceDisabled,
            ),
            (
                |e| {
                    if let Entity::Device(device) = e {
                        device.operations = vec![Operation::OpenDoor];
                    }
                },
                Reason::OperationNotAllowed,
            ),
            (
                |e| {
                    if let Entity::Partner(partner) = e {
                        partner.suspended = true;
                    }
                },
                Reason::PartnerSuspended,
            ),
            (
                |e| {
                    if let Entity::Perimeter(perimeter) = e {
                        perimeter.operations.clear();
                    }
                },
                Reason::OutOfPerimeter,
            ),
            (
                |e| {
                    if let Entity::Perimeter(perimeter) = e {
                        perimeter.not_after = Some(NOW.parse().unwrap());
                    }
                },
                Reason::OutOfPerimeter,
            ),
            (
                |e| {
                    if let Entity::Perimeter(perimeter) = e {
                        perimeter.closed = true;
                    }
                },
                Reason::OutOfPerimeter,
            ),
        ];
        for (change, reason) in cases {
            for command in both() {
                assert_eq!(then(&given(change), &command), reason);
            }
        }
    }

    #[test]
    fn expired_commands_and_old_keys() {
        let registry = given(|_| {});
        let mut expired = command(Asker::Owner(OWNER));
        expired.expires_at = NOW.parse().unwrap();
        assert_eq!(then(&registry, &expired), Reason::CommandExpired);
        let mut old = command(Asker::Owner(OWNER));
        old.key_time = "2026-11-24T11:49:59Z".parse().unwrap();
        assert_eq!(then(&registry, &old), Reason::CommandExpired);
    }

    #[test]
    fn another_complex_under_the_same_device_is_refused() {
        let mut moved = command(Asker::Owner(OWNER));
        moved.complex = "moonlight".parse().unwrap();
        assert_eq!(then(&given(|_| {}), &moved), Reason::NoGrant);
    }
}
