//! What was sent, and how often its taking was acknowledged.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use jiff::Timestamp;
use uuid::Uuid;

/// The epoch of these events: no other sender's.
pub(super) const EPOCH: u64 = 1_000_000;

/// What an event must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An access event.
    Access,
    /// A status.
    Status,
    /// A sealed rejection.
    Bad,
}

impl Kind {
    /// By the event's place in its device's order.
    fn of(sequence: u64) -> Self {
        match sequence % 9 {
            3 | 7 => Self::Status,
            5 => Self::Bad,
            _ => Self::Access,
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) device: &'static str,
    pub(super) sequence: u64,
    /// As it was sent each time.
    pub(super) text: String,
    /// How often it was acknowledged.
    pub(super) acknowledged: usize,
}

impl Sent {
    /// The next event of a device.
    pub(super) fn new(device: &'static str, sequence: u64) -> Self {
        let (id, kind) = (Uuid::now_v7().to_string(), Kind::of(sequence));
        Self {
            text: event(&id, kind, device, sequence).to_string(),
            id,
            kind,
            device,
            sequence,
            acknowledged: 0,
        }
    }

    /// What the answer must say about it, at this place of its message.
    pub(super) fn verdict(&self, index: usize) -> Value {
        match self.kind {
            Kind::Access | Kind::Status => {
                json!({ "index": index, "id": self.id, "verdict": "accepted" })
            }
            Kind::Bad => json!({
                "index": index, "id": self.id, "verdict": "rejected",
                "reason": "undeclared_field", "path": "/data/owner_name",
            }),
        }
    }
}

/// The battery that a status of this place tells.
pub(super) fn battery(sequence: u64) -> u32 {
    u32::try_from(sequence % 101).unwrap_or_default()
}

fn event(id: &str, kind: Kind, device: &str, sequence: u64) -> Value {
    let (now, complex) = (Timestamp::now().to_string(), device.split('.').next());
    let (name, mut data) = match kind {
        Kind::Status => (
            "device.status",
            json!({
                "online": true, "lock_state": "locked", "door_position": "closed",
                "power": "mains", "tamper": false, "battery_percent": battery(sequence),
                "observed_at": now,
            }),
        ),
        Kind::Access | Kind::Bad => (
            ["access.granted", "access.denied"][usize::from(sequence.is_multiple_of(2))],
            json!({ "method": "fob", "occurred_at": now }),
        ),
    };
    data["complex"] = json!(complex);
    data["device"] = json!(device);
    data["epoch"] = json!(EPOCH);
    data["sequence"] = json!(sequence);
    if kind == Kind::Bad {
        data["owner_name"] = json!("Anna Petrova");
    }
    json!({
        "specversion": "1.0", "id": id, "source": "urn:smarthome:partner:gatekeeper",
        "type": name, "subject": device, "time": now,
        "datacontenttype": "application/json", "data": data,
    })
}

/// Everything that was sent.
#[derive(Default, Clone)]
pub(crate) struct Book {
    /// By the partner's event id.
    pub(super) sent: BTreeMap<String, Sent>,
    /// Ids of events that were forged.
    pub(super) forged: Vec<String>,
}

impl Book {
    pub(super) fn enter(&mut self, sent: Sent) {
        self.sent.insert(sent.id.clone(), sent);
    }

    pub(super) fn join(&mut self, other: Self) {
        self.sent.extend(other.sent);
    }

    /// Events of one kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Sent> {
        self.sent.values().filter(move |sent| sent.kind == kind)
    }

    /// Places of a device's events of one kind, in its order.
    pub(super) fn sequences(&self, device: &str, kind: Kind) -> Vec<u64> {
        let of = self.of(kind).filter(|sent| sent.device == device);
        let mut sequences: Vec<u64> = of.map(|sent| sent.sequence).collect();
        sequences.sort_unstable();
        sequences
    }
}
