//! Alarms: what the log says that somebody should look at.
//!
//! An alarm that rests on several records follows from the rows that these have left, whichever of
//! them stands first: what is looked for never changes once it is there (the decision that rules,
//! the first definite completion, the first record under a partner's event id), so more of the log
//! adds alarms and takes none back. That makes the table the same in any batches. The projection
//! looks when the last of the records is written; looking again finds the same.

use domain::id::{CommandId, DeviceId, EventId};
use domain::vocabulary::{Method, Observation, Outcome, Verdict};
use eventlog::{Position, Topic};
use jiff::Timestamp;
use proto::access::{AccessKind, Alarm, AlarmEvidence, AlarmKind, AuditPosition};
use records::timestamp_to_wire;

use super::commands::CommandRows;
use super::rows::{AccessRow, AlarmRow, ClaimRow, CompletionRow, ObservationRow};

/// What a record of a partner's event is, by what stands under the event's id.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// The first one: it is what counts.
    First,
    /// One that repeats another's content.
    Again,
    /// The first one with this content, behind another content: the access of that one's record, which
    /// counts.
    Otherwise(Box<AccessRow>),
}

impl Sent {
    /// What the first record with its content is, at this offset, where the access under its event id is
    /// this.
    pub(crate) fn of_first(first: AccessRow, offset: u64) -> Self {
        match first.offset == offset {
            true => Self::First,
            false => Self::Otherwise(Box::new(first)),
        }
    }
}

/// What one record of a partner's event leaves behind beyond its access.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// What it says of a command.
    pub observation: Option<ObservationRow>,
    /// The alarm that follows from it alone.
    pub alarm: Option<AlarmRow>,
}

/// What follows from a partner's event, with what stands under its id. A record that repeats
/// another leaves nothing.
pub fn of_event(row: &AccessRow, sent: &Sent) -> Seen {
    if row.record.kind() != AccessKind::Observed {
        return Seen::default();
    }
    match sent {
        Sent::First => {}
        Sent::Again => return Seen::default(),
        Sent::Otherwise(first) => {
            return Seen {
                alarm: about(row, AlarmKind::ConflictingDuplicate, Some(first)),
                observation: None,
            };
        }
    }
    let observation = Observation::from_number(row.record.observation);
    let remote = row.record.method == Method::Remote.number();
    let alarm = match (observation, remote && row.record.command_id.is_empty()) {
        (Some(Observation::ForcedOpen), _) => about(row, AlarmKind::ForcedOpen, None),
        (Some(Observation::HeldOpen), _) => about(row, AlarmKind::HeldOpen, None),
        (Some(Observation::Granted), true) => about(row, AlarmKind::UnattributedOpening, None),
        _ => None,
    };
    Seen {
        observation: observation.and_then(|seen| of_command_named(row, seen)),
        alarm,
    }
}

/// An alarm about the record of an access.
fn about(row: &AccessRow, kind: AlarmKind, other: Option<&AccessRow>) -> Option<AlarmRow> {
    let evidence = |row: &AccessRow| AlarmEvidence {
        event_id: row.record.event_id.clone(),
        leaf_index: row.record.leaf_index,
        audit_position: row.record.audit_position.clone(),
    };
    let evidence = [Some(row), other].into_iter().flatten().map(evidence);
    let (device, command) = (row.device.clone()?, row.record.command_id.clone());
    let what = (kind, row.occurred_at, row.offset);
    Some(AlarmRow::of(what, device, command, evidence.collect()))
}

fn of_command_named(row: &AccessRow, observation: Observation) -> Option<ObservationRow> {
    let command: CommandId = row.record.command_id.parse().ok()?;
    let partition = row.record.audit_position.as_ref()?.partition;
    Some(ObservationRow {
        complex: row.complex.clone(),
        command,
        position: Position {
            partition,
            offset: row.offset,
        },
        event: row.event,
        leaf: row.record.leaf_index,
        device: row.device.clone()?,
        observation,
        occurred_at: row.occurred_at,
    })
}

/// The alarms that follow from all that stands about one command.
pub fn of_command(rows: &CommandRows) -> Vec<AlarmRow> {
    let of = |seen: &ObservationRow| {
        if let Some(completion) = rows.contradicts(seen) {
            let evidence = (completion.event, completion.leaf, completion.offset);
            return Some(at_odds(seen, AlarmKind::Contradiction, Some(evidence)));
        }
        let let_in = seen.observation == Observation::Granted;
        (let_in && rows.allowed(seen).is_none()).then(|| {
            let ruling = rows.ruling_before(seen);
            let evidence = ruling.map(|claim| (claim.event, claim.leaf, claim.offset));
            at_odds(seen, AlarmKind::UnattributedOpening, evidence)
        })
    };
    rows.observations.iter().filter_map(of).collect()
}

/// An alarm about what a partner reports of a command, and a record that it is at odds with: event,
/// leaf and offset, in the same partition.
fn at_odds(seen: &ObservationRow, kind: AlarmKind, other: Option<(EventId, u64, u64)>) -> AlarmRow {
    let own = (seen.event, seen.leaf, seen.position.offset);
    let evidence = |(event, leaf, offset): (EventId, u64, u64)| AlarmEvidence {
        event_id: event.to_string(),
        leaf_index: leaf,
        audit_position: Some(AuditPosition {
            topic: Topic::AccessEvents.name().to_owned(),
            partition: seen.position.partition,
            offset,
        }),
    };
    let evidence = [Some(own), other].into_iter().flatten().map(evidence);
    let what = (kind, seen.occurred_at, seen.position.offset);
    let command = seen.command.to_string();
    AlarmRow::of(what, seen.device.clone(), command, evidence.collect())
}

impl CommandRows {
    /// The decision that ruled when the partner's event was recorded.
    fn ruling_before(&self, seen: &ObservationRow) -> Option<&ClaimRow> {
        self.winner()
            .filter(|claim| claim.offset < seen.position.offset)
    }

    /// The ALLOW that explains the partner's event: it rules, stands before it, and is about the
    /// same device.
    fn allowed(&self, seen: &ObservationRow) -> Option<&ClaimRow> {
        self.ruling_before(seen)
            .filter(|claim| claim.verdict == Verdict::Allow && claim.device == seen.device)
    }

    /// The completion that a partner's event contradicts: the effective one, wherever it stands.
    fn contradicts(&self, seen: &ObservationRow) -> Option<&CompletionRow> {
        let completion = self.definite_after(self.allowed(seen)?.offset)?;
        contradict(seen.observation, completion.outcome).then_some(completion)
    }

    /// Whether the partner's events and the effective outcome say otherwise: any of them, or the
    /// one with this event id.
    pub fn is_contradicted(&self, event: Option<EventId>) -> bool {
        let asked = |seen: &&ObservationRow| event.is_none_or(|event| event == seen.event);
        let mut asked = self.observations.iter().filter(asked);
        asked.any(|seen| self.contradicts(seen).is_some())
    }
}

fn contradict(observation: Observation, outcome: Outcome) -> bool {
    match observation {
        Observation::Granted => matches!(outcome, Outcome::Rejected | Outcome::NotExecuted),
        Observation::Denied => outcome == Outcome::Executed,
        Observation::ForcedOpen | Observation::HeldOpen => false,
    }
}

impl AlarmRow {
    /// An alarm of this kind, about what happened then at a device and stands at this offset. The
    /// record that it is about is the first evidence; `command` is empty where there is none.
    pub(super) fn of(
        (kind, occurred_at, offset): (AlarmKind, Timestamp, u64),
        device: DeviceId,
        command: String,
        evidence: Vec<AlarmEvidence>,
    ) -> Self {
        Self {
            complex: device.complex(),
            kind,
            occurred_at,
            offset,
            alarm: Alarm {
                kind: kind.into(),
                complex_id: device.complex().to_string(),
                device_id: device.to_string(),
                occurred_at: Some(timestamp_to_wire(occurred_at)),
                command_id: command,
                evidence,
            },
            device,
        }
    }

    /// Offset of the last of the records that it rests on: with it the alarm came about.
    pub fn since(&self) -> u64 {
        let positions = self.alarm.evidence.iter();
        let positions = positions.filter_map(|evidence| evidence.audit_position.as_ref());
        let last = positions.map(|position| position.offset).max();
        last.unwrap_or(self.offset)
    }
}

#[cfg(test)]
mod tests;
