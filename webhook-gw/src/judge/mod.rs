//! The judgement: may this partner say this, and what do we record of it?
//!
//! Pure and total: the clock's reading and the event's id come in from outside.

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use domain::event::{
    AccessObserved, Actor, Body, DeviceSequence, DeviceStatus, Event, LogPosition,
};
use domain::registry::{Holder, Registry};
use domain::vocabulary::{ActorKind, Method};
use domain::{ComplexId, DeviceId, EventId, PartnerId};
use eventlog::{Topic, partitioner::partition_of};
use jiff::{SignedDuration, Timestamp};

use crate::event::{
    AccessReport, CloudEvent, Fault, PartnerEvent, RejectReason, Report, StatusReport,
};

/// How far a device's clock may be ahead of ours.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// What is known of the world when an event is judged.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Its next offset in each partition.
    pub positions: &'a [u64],
    /// After how long an event counts as late.
    pub lateness: SignedDuration,
}

/// How an event reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The id of our record of it.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
}

/// The verdict on one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It is recorded as what happened.
    Accepted(Box<Event>),
    /// It is recorded as something that was refused.
    Rejected(Rejection),
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What is wrong, and where.
    pub fault: Fault,
    /// Its place in the order of one of the partner's own devices, if it has one: the refusal
    /// closes the gap that the event would leave there.
    pub order: Option<(DeviceId, DeviceSequence)>,
}

/// Judges one event of a verified partner.
pub fn judge(
    world: World<'_>,
    partner: &PartnerId,
    event: &CloudEvent<'_>,
    arrival: Arrival,
) -> Judgement {
    match admit(world, partner, event, arrival.at) {
        Ok(told) => Judgement::Accepted(Box::new(record(world, partner, told, arrival))),
        Err(fault) => {
            let runs = |device: &DeviceId| runs_device(world.registry, partner, device);
            let order = event.device_order().filter(|(device, _)| runs(device));
            Judgement::Rejected(Rejection { fault, order })
        }
    }
}

fn admit(
    world: World<'_>,
    partner: &PartnerId,
    event: &CloudEvent<'_>,
    now: Timestamp,
) -> Result<PartnerEvent, Fault> {
    if event.source.strip_prefix("urn:smarthome:partner:") != Some(partner.as_str()) {
        return Err(Fault::at(RejectReason::WrongSource, "", "source"));
    }
    let told = PartnerEvent::read(event)?;
    let fault = |reason, field| Fault::at(reason, "/data", field);
    if told.at > now + MAX_AHEAD {
        return Err(fault(RejectReason::InTheFuture, told.kind.time_field()));
    }
    // The perimeter comes first: outside of it nobody learns which devices there are.
    if !world.registry.in_perimeter(partner, &told.complex, told.at) {
        return Err(fault(RejectReason::OutOfPerimeter, "complex"));
    }
    if !runs_device(world.registry, partner, &told.device) {
        return Err(fault(RejectReason::OutOfPerimeter, "device"));
    }
    Ok(told)
}

fn runs_device(registry: &Registry, partner: &PartnerId, device: &DeviceId) -> bool {
    registry
        .device(device)
        .is_some_and(|device| device.partner == *partner)
}

fn record(world: World<'_>, partner: &PartnerId, told: PartnerEvent, arrival: Arrival) -> Event {
    let correlation = match &told.report {
        Report::Access(AccessReport {
            command: Some(command),
            ..
        }) => command.to_string(),
        _ => told.id.to_string(),
    };
    let (actor, body) = match &told.report {
        Report::Access(report) => access(world, partner, &told, report, arrival.at),
        Report::Status(report) => status(partner, &told, report, arrival.at),
    };
    Event {
        id: arrival.id,
        occurred_at: told.at,
        complex: told.complex,
        device: Some(told.device),
        actor,
        correlation,
        body,
    }
}

fn access(
    world: World<'_>,
    partner: &PartnerId,
    told: &PartnerEvent,
    report: &AccessReport,
    received_at: Timestamp,
) -> (Actor, Body) {
    let (resolution, holder) = match report.method {
        // Who opened remotely stands in the command's own records.
        Some(Method::Remote) => world.registry.resolve(&told.complex, None, told.at),
        _ => world
            .registry
            .resolve(&told.complex, report.credential, told.at),
    };
    let (kind, subject) = match holder {
        Some(Holder::Subject(subject)) => (ActorKind::AtDevice, Some(subject.0)),
        Some(Holder::Pass(pass)) => (ActorKind::Guest, Some(pass.0)),
        None => (ActorKind::AtDevice, None),
    };
    let body = Body::AccessObserved(AccessObserved {
        partner: partner.clone(),
        partner_event_id: told.id.to_string(),
        digest: told.digest,
        observation: report.observation,
        method: report.method,
        credential: report.credential,
        resolution,
        registry_position: position(&told.complex, world.positions),
        command: report.command,
        sequence: told.sequence,
        received_at,
        late: told.at < received_at - world.lateness,
    });
    (
        Actor {
            kind,
            subject,
            caller: partner.to_string(),
        },
        body,
    )
}

fn status(
    partner: &PartnerId,
    told: &PartnerEvent,
    report: &StatusReport,
    received_at: Timestamp,
) -> (Actor, Body) {
    let body = Body::DeviceStatus(DeviceStatus {
        partner: partner.clone(),
        partner_event_id: told.id.to_string(),
        digest: told.digest,
        online: report.online,
        lock: report.lock,
        door: report.door,
        power: report.power,
        tamper: report.tamper,
        battery_percent: report.battery_percent,
        firmware: report.firmware.clone(),
        observed_at: told.at,
        sequence: told.sequence,
        received_at,
    });
    (
        Actor {
            kind: ActorKind::AtDevice,
            subject: None,
            caller: partner.to_string(),
        },
        body,
    )
}

/// The next registry offset of the complex's partition.
fn position(complex: &ComplexId, positions: &[u64]) -> LogPosition {
    let count = u32::try_from(positions.len())
        .ok()
        .and_then(NonZeroU32::new);
    let partition = count.map_or(0, |count| {
        partition_of(Topic::RegistryEvents, complex.as_str().as_bytes(), count)
    });
    let offset = usize::try_from(partition)
        .ok()
        .and_then(|index| positions.get(index));
    LogPosition {
        partition,
        offset: offset.copied().unwrap_or_default(),
    }
}
