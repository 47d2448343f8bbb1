//! One partition that this instance owns: what of it is open, whose turn it is, and how far it may
//! be committed. Nothing is sent or written here.

use std::collections::{HashMap, VecDeque};

use domain::commands::{Command, Commands, KEY_WINDOW, LEEWAY};
use domain::event::{Body, LogPosition};
use domain::vocabulary::Outcome;
use domain::{CommandId, PartnerId};
use eventlog::Record;
use jiff::{SignedDuration, Timestamp};
use records::EventReader;

use super::owed::Owed;
use super::reported::Reports;

/// Longest pause between two tries at one command.
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// After this an UNKNOWN stays one.
const FINAL_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// A partner's commands fenced, and uses given back, at once.
pub(super) const AT_ONCE: usize = 16;

/// One partition that this instance owns.
#[derive(Default)]
pub(super) struct Owned {
    pub(super) commands: Commands,
    /// Where records of each second begin, while they are young.
    young: VecDeque<(Timestamp, u64)>,
    next: u64,
    pub(super) committed: u64,
    tries: HashMap<CommandId, (u32, Timestamp)>,
    pub(super) owed: Owed,
    pub(super) reports: Reports,
    pub(super) swept: Timestamp,
}

impl Owned {
    /// Nothing before the offset `from` is open.
    pub(super) fn starting_at(from: u64) -> Self {
        Self {
            next: from,
            committed: from,
            ..Self::default()
        }
    }

    /// Folds the next record.
    pub(super) fn fold(&mut self, reader: &EventReader, record: &Record) {
        let offset = record.position.offset;
        let second = self.young.back().is_none_or(|(at, _)| {
            record.append_time.duration_since(*at) >= SignedDuration::from_secs(1)
        });
        if second {
            self.young.push_back((record.append_time, offset));
        }
        self.next = offset + 1;
        // What can't be read is reported by the tail that decisions are made from.
        let Ok(event) = reader.read(record) else {
            return;
        };
        match &event.body {
            Body::AccessDecided(decided) => {
                let at = LogPosition {
                    partition: record.position.partition,
                    offset,
                };
                self.commands
                    .fold_decided(&event, decided, at, record.append_time);
            }
            Body::CommandCompleted(completed) => {
                if self.commands.fold_completed(&event, completed)
                    && let Some(command) = self.commands.get(completed.command)
                {
                    self.owed.fold(completed.command, command);
                }
            }
            Body::AccessObserved(observed) => {
                if self.reports.fold(&self.commands, &event, observed)
                    && let Some(command) = observed.command
                {
                    // It is its turn again, however often the partner was asked in vain.
                    self.tries.remove(&command);
                }
            }
            _ => {}
        }
    }

    /// Open commands that nobody else brings to an end any more, and whose turn it is: a few of each
    /// partner's. Counted as tried.
    pub(super) fn take_due(
        &mut self,
        now: Timestamp,
        after: SignedDuration,
    ) -> Vec<(CommandId, Command)> {
        let mut places: HashMap<Option<&PartnerId>, usize> = HashMap::new();
        let due: Vec<_> = self
            .commands
            .open()
            .filter(|(id, command)| {
                // Of one that is UNKNOWN nobody else is going to say more.
                let told = self.reports.has(*id) && command.outcome() == Some(Outcome::Unknown);
                told || now.duration_since(command.expires_at) >= after
            })
            .filter(|(_, command)| now.duration_since(command.expires_at) < FINAL_AFTER)
            .filter(|(id, _)| !self.reports.is_recorded(*id))
            .filter(|(id, _)| {
                self.tries
                    .get(id)
                    .is_none_or(|(count, last)| *last + pause(*count) <= now)
            })
            .filter(|(_, command)| {
                let taken = places.entry(command.partner.as_ref()).or_default();
                *taken += 1;
                *taken <= AT_ONCE
            })
            .map(|(id, command)| (id, command.clone()))
            .collect();
        for (id, _) in &due {
            let (count, last) = self.tries.entry(*id).or_insert((0, now));
            (*count, *last) = (*count + 1, now);
        }
        due
    }

    /// Forgets what is settled and too old for duplicates, by the time up to which the partition has
    /// been read: a later record of the same command may still be in what hasn't.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.swept = now;
        if let Some((read_to, _)) = self.young.back() {
            self.commands.forget_settled(now.min(*read_to));
        }
        let commands = &self.commands;
        self.tries
            .retain(|id, _| commands.get(*id).is_some_and(Command::is_open));
        self.reports
            .retain(|id| commands.get(id).is_some_and(Command::is_open));
    }

    /// The offset before which nothing is open and nothing is young.
    pub(super) fn low_water(&mut self, now: Timestamp) -> u64 {
        let young = now - KEY_WINDOW - LEEWAY - LEEWAY;
        while self.young.get(1).is_some_and(|(at, _)| *at < young) {
            self.young.pop_front();
        }
        let oldest_young = match self.young.front() {
            Some((at, _)) if *at < young && self.young.len() == 1 => self.next,
            Some((_, offset)) => *offset,
            None => self.next,
        };
        let final_since = now - FINAL_AFTER;
        self.commands
            .open()
            .filter(|(_, command)| command.expires_at > final_since)
            .map(|(_, command)| command.position.offset)
            .chain(self.owed.lowest())
            .fold(oldest_young, u64::min)
    }
}

/// 1 s, 2 s, 4 s and so on.
fn pause(tries: u32) -> SignedDuration {
    SignedDuration::from_secs(1 << tries.min(16)).min(MAX_PAUSE)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::EventId;
    use domain::event::{AccessDecided, Actor, DecisionInputs, Event, RequestContext};
    use domain::vocabulary::{ActorKind, Operation, Reason, Verdict};
    use uuid::Uuid;

    use super::*;

    const AFTER: SignedDuration = SignedDuration::from_secs(5);

    pub(in super::super) fn start() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    /// An ALLOW at `partner` that nobody brought to an end.
    pub(in super::super) fn decided(number: u128, partner: &str) -> (Event, AccessDecided) {
        let decided = AccessDecided {
            command: CommandId(Uuid::from_u128(number)),
            request_digest: [0; 32],
            operation: Operation::OpenDoor,
            verdict: Verdict::Allow,
            reason: Reason::Granted,
            expires_at: start(),
            key_time: start(),
            inputs: DecisionInputs {
                partner: Some(partner.parse().unwrap()),
                now: start(),
                utc_offset: 0,
                registry_position: LogPosition::default(),
                global_position: LogPosition::default(),
                access_position: LogPosition::default(),
                right: None,
                perimeter_version: 0,
                recent_openings: Vec::new(),
                cooldown_ms: 0,
                auth_time: None,
                acr: None,
                uses_left: None,
                policy_version: domain::POLICY_VERSION,
            },
            context: RequestContext::default(),
        };
        let event = Event {
            id: EventId(Uuid::from_u128(number)),
            occurred_at: start(),
            complex: "sunrise".parse().unwrap(),
            device: Some("sunrise.gate".parse().unwrap()),
            actor: Actor {
                kind: ActorKind::Owner,
                subject: Some(Uuid::from_u128(1)),
                caller: "bff".to_owned(),
            },
            correlation: String::new(),
            body: Body::AccessDecided(decided.clone()),
        };
        (event, decided)
    }

    pub(in super::super) fn owned(commands: &[(u128, &str)]) -> Owned {
        let mut owned = Owned::default();
        for (number, partner) in commands {
            let (event, decided) = decided(*number, partner);
            let at = LogPosition {
                partition: 0,
                offset: u64::try_from(*number).unwrap(),
            };
            owned.commands.fold_decided(&event, &decided, at, start());
        }
        owned
    }

    #[test]
    fn a_command_is_left_to_its_winner_first_and_then_tried_less_and_less_often() {
        let mut owned = owned(&[(1, "gatekeeper")]);
        let mut tried = Vec::new();
        for second in 0..40 {
            let now = start() + SignedDuration::from_secs(second);
            if !owned.take_due(now, AFTER).is_empty() {
                tried.push(second);
            }
        }
        assert_eq!(tried, [5, 7, 11, 19, 35]);
        let over = start() + FINAL_AFTER;
        assert!(owned.take_due(over, AFTER).is_empty(), "it stays UNKNOWN");
    }

    #[test]
    fn one_partners_commands_leave_room_for_anothers() {
        let mut all: Vec<(u128, &str)> = (1..=100).map(|number| (number, "gatekeeper")).collect();
        all.push((101, "other"));
        let mut owned = owned(&all);
        let due = owned.take_due(start() + AFTER, AFTER);
        assert_eq!(due.len(), AT_ONCE + 1);
        assert!(due.iter().any(|(id, _)| id.0.as_u128() == 101));
    }

    #[test]
    fn nothing_open_is_ever_committed_past() {
        let mut owned = owned(&[(7, "gatekeeper")]);
        owned.next = 9;
        let later = start() + SignedDuration::from_hours(23);
        assert_eq!(owned.low_water(later), 7);
        assert_eq!(owned.low_water(start() + FINAL_AFTER), 9);
    }
}
