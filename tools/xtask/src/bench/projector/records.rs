//! What happens in some complexes: openings by app with what the partner saw of them, cars that a
//! barrier knows, refusals, reports of devices.

use authn::record::RecordSigner;
use domain::event::{
    AccessDecided, AccessObserved, Actor, Body, CommandCompleted, DecisionInputs, DeviceSequence,
    DeviceStatus, Event, LogPosition, RequestContext,
};
use domain::vocabulary::{
    ActorKind, DoorPosition, LockState, Method, Observation, Operation, Outcome, Reason,
    Resolution, Verdict,
};
use domain::{CommandId, CredentialId, DeviceId, EventId, PartnerId};
use eventlog::{NewRecord, Topic};
use harness::fixtures;
use harness::site::PARTNER;
use harness::site::roles::BFF_SAN;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Complexes beside those of the fixtures.
const OTHERS: usize = 5;
/// Devices of a complex.
const DEVICES: usize = 16;
/// Residents of a complex.
pub(super) const RESIDENTS: usize = 400;
/// Records that one turn makes, in [`Life::turn`].
const TURN: usize = 10;

/// The complexes with what has happened in them so far.
pub(super) struct Life {
    signer: RecordSigner,
    partner: PartnerId,
    /// Of each device: how many events and reports it has sent.
    sent: Vec<u64>,
    turns: usize,
}

impl Life {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// Never in practice: the partner's id is one.
    pub(super) fn new(signer: RecordSigner) -> anyhow::Result<Self> {
        Ok(Self {
            signer,
            partner: PARTNER.parse()?,
            sent: vec![0; complexes() * DEVICES],
            turns: 0,
        })
    }

    /// About so many records, in the order in which they come about.
    ///
    /// # Errors
    /// The cryptographic library fails.
    pub(super) fn go_on(&mut self, records: usize) -> anyhow::Result<Vec<(Topic, NewRecord)>> {
        let mut made = Vec::with_capacity(records + TURN);
        while made.len() < records {
            let turn = self.turns;
            self.turns += 1;
            self.turn(turn, &mut made)?;
        }
        Ok(made)
    }

    fn turn(&mut self, turn: usize, made: &mut Vec<(Topic, NewRecord)>) -> anyhow::Result<()> {
        let complex = turn % complexes();
        for part in 0..2 {
            let (device, resident) = self.anybody(complex, turn * 4 + part)?;
            let command = CommandId(Uuid::new_v4());
            let decided = decided(resident, command, Verdict::Allow);
            let decided = self.said(&device.0, resident, decided);
            made.push(self.signed(&decided)?);
            let completed = self.said(&device.0, resident, completed(command));
            made.push(self.signed(&completed)?);
            let seen = self.observed(device.1, Method::Remote, Some(command));
            made.push(unsigned(&self.reported(&device.0, None, seen)));
        }
        for part in 2..4 {
            let (device, resident) = self.anybody(complex, turn * 4 + part)?;
            let seen = self.observed(device.1, Method::Plate, None);
            made.push(unsigned(&self.reported(&device.0, Some(resident), seen)));
        }
        let (device, resident) = self.anybody(complex, turn * 7)?;
        let denied = decided(resident, CommandId(Uuid::new_v4()), Verdict::Deny);
        made.push(self.signed(&self.said(&device.0, resident, denied))?);
        let (device, _) = self.anybody(complex, turn * 11)?;
        let status = self.status(device.1);
        made.push(unsigned(&self.reported(&device.0, None, status)));
        Ok(())
    }

    /// A device, with its number among all, and a resident of a complex.
    fn anybody(&self, complex: usize, at: usize) -> anyhow::Result<((DeviceId, usize), Uuid)> {
        let number = mixed(at as u64) as usize;
        let device = number % DEVICES;
        let id = device_id(complex, device).parse()?;
        let resident = resident(complex, number / DEVICES % RESIDENTS);
        Ok(((id, complex * DEVICES + device), resident))
    }

    /// The device's next number.
    fn next(&mut self, device: usize) -> DeviceSequence {
        let next = self.sent.get_mut(device);
        let sequence = next.map_or(0, |next| {
            *next += 1;
            *next
        });
        DeviceSequence { epoch: 1, sequence }
    }

    fn said(&self, device: &DeviceId, resident: Uuid, body: Body) -> Event {
        event(device, ActorKind::Owner, Some(resident), BFF_SAN, body)
    }

    fn reported(&self, device: &DeviceId, resident: Option<Uuid>, body: Body) -> Event {
        let caller = self.partner.as_str();
        event(device, ActorKind::AtDevice, resident, caller, body)
    }

    fn signed(&self, event: &Event) -> anyhow::Result<(Topic, NewRecord)> {
        let (topic, source) = (Topic::AccessEvents, "urn:smarthome:command-svc");
        let record = records::to_signed_record(event, topic, None, source, &self.signer)?;
        Ok((topic, record))
    }

    fn observed(&mut self, device: usize, method: Method, command: Option<CommandId>) -> Body {
        let known = method == Method::Plate;
        Body::AccessObserved(AccessObserved {
            partner: self.partner.clone(),
            partner_event_id: Uuid::new_v4().to_string(),
            digest: digest(),
            observation: Observation::Granted,
            method: Some(method),
            credential: known.then(|| CredentialId(Uuid::new_v4())),
            resolution: match known {
                true => Resolution::Resolved,
                false => Resolution::NotIdentified,
            },
            registry_position: LogPosition::default(),
            command,
            sequence: self.next(device),
            received_at: Timestamp::now(),
            late: false,
        })
    }

    fn status(&mut self, device: usize) -> Body {
        Body::DeviceStatus(DeviceStatus {
            partner: self.partner.clone(),
            partner_event_id: Uuid::new_v4().to_string(),
            digest: digest(),
            online: true,
            lock: Some(LockState::Locked),
            door: Some(DoorPosition::Closed),
            power: None,
            tamper: Some(false),
            battery_percent: Some(80),
            firmware: "4.11.2".to_owned(),
            observed_at: Timestamp::now(),
            sequence: self.next(device),
            received_at: Timestamp::now(),
        })
    }
}

/// How many complexes there are.
pub(super) fn complexes() -> usize {
    fixtures::COMPLEXES.len() + OTHERS
}

/// A complex; the first ones are the fixtures', which its auditors may read.
pub(super) fn complex_id(complex: usize) -> String {
    let fixture = fixtures::COMPLEXES.get(complex);
    fixture.map_or_else(
        || format!("quarter-{complex}"),
        |fixture| fixture.id.to_owned(),
    )
}

/// A device of a complex; any number names one.
pub(super) fn device_id(complex: usize, device: usize) -> String {
    format!("{}.entrance-{}", complex_id(complex), device % DEVICES)
}

/// A resident of a complex.
pub(super) fn resident(complex: usize, resident: usize) -> Uuid {
    random_uuid((complex * RESIDENTS + resident) as u64)
}

/// Looks random, and is the same each time.
pub(super) fn random_uuid(number: u64) -> Uuid {
    let halves = (
        u128::from(mixed(2 * number)),
        u128::from(mixed(2 * number + 1)),
    );
    let bytes = (halves.0 << 64 | halves.1).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// SplitMix64.
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Of content that nobody has sent before.
fn digest() -> [u8; 32] {
    let mut digest = [0; 32];
    let (one, other) = digest.split_at_mut(16);
    one.copy_from_slice(Uuid::new_v4().as_bytes());
    other.copy_from_slice(Uuid::new_v4().as_bytes());
    digest
}

fn unsigned(event: &Event) -> (Topic, NewRecord) {
    let topic = match event.body {
        Body::DeviceStatus(_) => Topic::DeviceStatus,
        _ => Topic::AccessEvents,
    };
    let record = records::to_record(event, None, "urn:smarthome:webhook-gw");
    (topic, record)
}

fn event(
    device: &DeviceId,
    kind: ActorKind,
    subject: Option<Uuid>,
    caller: &str,
    body: Body,
) -> Event {
    let correlation = match &body {
        Body::AccessDecided(decided) => decided.command.to_string(),
        Body::CommandCompleted(completed) => completed.command.to_string(),
        Body::AccessObserved(observed) => observed.partner_event_id.clone(),
        _ => String::new(),
    };
    Event {
        id: EventId(Uuid::now_v7()),
        occurred_at: Timestamp::now(),
        complex: device.complex(),
        device: Some(device.clone()),
        actor: Actor {
            kind,
            subject,
            caller: caller.to_owned(),
        },
        correlation,
        body,
    }
}

fn decided(resident: Uuid, command: CommandId, verdict: Verdict) -> Body {
    let now = Timestamp::now();
    let position = LogPosition {
        partition: 1,
        offset: 123_456,
    };
    let allowed = verdict == Verdict::Allow;
    Body::AccessDecided(AccessDecided {
        command,
        request_digest: digest(),
        operation: Operation::OpenDoor,
        verdict,
        reason: match allowed {
            true => Reason::Granted,
            false => Reason::NoGrant,
        },
        expires_at: now + SignedDuration::from_secs(20),
        key_time: now,
        inputs: DecisionInputs {
            now,
            utc_offset: 10_800,
            registry_position: position,
            global_position: position,
            access_position: position,
            right: allowed.then_some((resident, 3)),
            partner: PARTNER.parse().ok(),
            perimeter_version: 2,
            recent_openings: Vec::new(),
            cooldown_ms: 0,
            auth_time: Some(now - SignedDuration::from_hours(5)),
            acr: None,
            uses_left: None,
            policy_version: 1,
        },
        context: RequestContext {
            app_version: "7.14.0".to_owned(),
            method: "button".to_owned(),
        },
    })
}

fn completed(command: CommandId) -> Body {
    Body::CommandCompleted(CommandCompleted {
        command,
        outcome: Outcome::Executed,
        reason: Reason::PartnerExecuted,
        partner_code: "opened".to_owned(),
        partner_ref: Uuid::new_v4().to_string(),
        latency_ms: 140,
        reconciled: false,
        fenced: false,
        second_inputs: None,
    })
}
