//! The reconciler: every winning ALLOW gets its effective outcome, whoever was to bring it.
//!
//! One owner a partition, through the log's consumer group. What it has read and what is
//! still open is folded here anew from the committed offset, which never passes a command
//! that is open or young enough to have duplicates.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::commands::{Command, Commands, KEY_WINDOW, LEEWAY};
use domain::event::{Actor, Body, CommandCompleted, Event, LogPosition};
use domain::vocabulary::{ActorKind, Outcome, Reason};
use domain::{CommandId, EventId};
use eventlog::{
    CommitError, EventLog, GroupEvent, LogError, Position, Record, Subscription, Topic,
};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use partner::PartnerClient;
use records::EventReader;
use service::trace::TraceContext;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::act;
use crate::fold::Tails;
use crate::partners::Partners;
use crate::recorder::{Recorder, SOURCE};
use crate::uses::Uses;

mod owed;

use self::owed::Owed;

/// Consumer group of all instances.
const GROUP: &str = "command-svc.reconciler";
/// How often open commands are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the partner may take to answer the fence.
const FENCE: Duration = Duration::from_secs(5);
/// Longest pause between two tries at one command.
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// After this an UNKNOWN stays one.
const FINAL_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How often settled commands are forgotten.
const SWEEP: SignedDuration = SignedDuration::from_secs(10);
/// Commands fenced, and uses given back, at once.
const AT_ONCE: usize = 16;
/// Records read at once.
const BATCH: usize = 512;

/// What the reconciler needs.
pub(crate) struct Reconciler {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Verifies records.
    pub reader: Arc<EventReader>,
    /// Writes completions.
    pub recorder: Arc<Recorder>,
    /// The partners.
    pub partners: Partners,
    /// Uses of limited passes.
    pub uses: Arc<Uses>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// How long after its expiry a command is left to the instance that won it.
    pub after: Duration,
}

/// One partition that this instance owns.
#[derive(Default)]
struct Owned {
    commands: Commands,
    /// Where records of each second begin, while they are young.
    young: VecDeque<(Timestamp, u64)>,
    next: u64,
    committed: u64,
    tries: HashMap<CommandId, (u32, Timestamp)>,
    owed: Owed,
    swept: Timestamp,
}

impl Reconciler {
    /// Runs until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.log.subscribe(GROUP, &[Topic::AccessEvents]).await {
                Ok(mut subscription) => {
                    let failed = self.serve(subscription.as_mut(), &shutdown).await;
                    subscription.close().await;
                    if let Err(error) = failed {
                        warn!(%error, "reconciler lost the log; joining again");
                    }
                }
                Err(error) => warn!(%error, "reconciler can't join its group; trying again"),
            }
            shutdown.run_until_cancelled(tokio::time::sleep(TICK)).await;
        }
    }

    async fn serve(
        &self,
        subscription: &mut dyn Subscription,
        shutdown: &CancellationToken,
    ) -> Result<(), LogError> {
        let mut owned: HashMap<u32, Owned> = HashMap::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                event = subscription.next(BATCH) => match event? {
                    GroupEvent::Assigned(assigned) => {
                        for at in assigned {
                            let next = at.committed.unwrap_or(0);
                            let state = Owned { next, committed: next, ..Owned::default() };
                            owned.insert(at.partition, state);
                        }
                    }
                    GroupEvent::Revoked(revoked) => {
                        for (_, partition) in revoked {
                            owned.remove(&partition);
                        }
                    }
                    GroupEvent::Records(records) => {
                        for record in &records {
                            if let Some(state) = owned.get_mut(&record.position.partition) {
                                state.fold(&self.reader, record);
                            }
                        }
                    }
                },
                _ = tick.tick() => {
                    for (partition, state) in &mut owned {
                        self.settle(state).await;
                        if commit(subscription, *partition, state).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }

    /// Fences what is due, a few at a time.
    async fn settle(&self, state: &mut Owned) {
        let now = Timestamp::now();
        let due = state.due(now, self.after);
        metrics::gauge!("reconciler_open_commands").set(state.commands.open().count() as f64);
        for (id, _) in &due {
            let (count, last) = state.tries.entry(*id).or_insert((0, now));
            (*count, *last) = (*count + 1, now);
        }
        let fences = due
            .iter()
            .map(|(id, command)| self.fence(*id, command, now));
        join_all(fences).await;
        let after = SignedDuration::try_from(self.after).unwrap_or(MAX_PAUSE);
        let (uses, tails) = (&self.uses, &self.tails);
        state.owed.settle(uses, tails, now, after).await;
    }

    /// Asks the partner for the final state, or to forbid execution for ever, and records
    /// what it says.
    async fn fence(&self, id: CommandId, command: &Command, now: Timestamp) {
        let doubt = CommandCompleted {
            outcome: Outcome::Unknown,
            reason: Reason::PartnerSilent,
            reconciled: true,
            ..act::completed(id)
        };
        let completed = match self.client(command) {
            Some(client) => {
                let closing = client.closing(&command.complex);
                let deadline = Instant::now() + FENCE;
                let fence = closing.cancel(id, command.operation, deadline).await;
                act::after_fence(fence, doubt)
            }
            None => doubt,
        };
        // A repeated UNKNOWN says nothing new.
        if !completed.outcome.is_definite() && command.outcome() == Some(Outcome::Unknown) {
            return;
        }
        let reason = completed.reason;
        let outcome = completed.outcome;
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: now,
            complex: command.complex.clone(),
            device: Some(command.device.clone()),
            actor: Actor {
                kind: ActorKind::Service,
                subject: command.actor.1,
                caller: SOURCE.to_owned(),
            },
            correlation: id.to_string(),
            body: Body::CommandCompleted(completed),
        };
        let trace = TraceContext::root();
        let recorded = self
            .recorder
            .record(Topic::AccessEvents, &event, &trace)
            .await
            .is_ok();
        info!(command = %id, %outcome, %reason, recorded, "command reconciled");
    }

    fn client(&self, command: &Command) -> Option<&PartnerClient> {
        command
            .partner
            .as_ref()
            .and_then(|id| self.partners.get(id))
    }
}

impl Owned {
    fn fold(&mut self, reader: &EventReader, record: &Record) {
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
            _ => {}
        }
    }

    /// Open commands that nobody else brings to an end any more, and whose turn it is.
    fn due(&self, now: Timestamp, after: Duration) -> Vec<(CommandId, Command)> {
        let after = SignedDuration::try_from(after).unwrap_or(MAX_PAUSE);
        self.commands
            .open()
            .filter(|(_, command)| now.duration_since(command.expires_at) >= after)
            .filter(|(_, command)| now.duration_since(command.expires_at) < FINAL_AFTER)
            .filter(|(id, _)| {
                self.tries
                    .get(id)
                    .is_none_or(|(count, last)| *last + pause(*count) <= now)
            })
            .take(AT_ONCE)
            .map(|(id, command)| (id, command.clone()))
            .collect()
    }

    /// Forgets what is settled and too old for duplicates, by the time up to which the partition has
    /// been read: a later record of the same command may still be in what hasn't.
    fn sweep(&mut self, now: Timestamp) {
        self.swept = now;
        if let Some((read_to, _)) = self.young.back() {
            self.commands.forget_settled(now.min(*read_to));
        }
        let commands = &self.commands;
        self.tries
            .retain(|id, _| commands.get(*id).is_some_and(Command::is_open));
    }

    /// The offset before which nothing is open and nothing is young.
    fn low_water(&mut self, now: Timestamp) -> u64 {
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

async fn commit(
    subscription: &mut dyn Subscription,
    partition: u32,
    state: &mut Owned,
) -> Result<(), CommitError> {
    let now = Timestamp::now();
    let offset = state.low_water(now);
    if now.duration_since(state.swept) > SWEEP {
        state.sweep(now);
    }
    if offset <= state.committed {
        return Ok(());
    }
    match subscription
        .commit(Topic::AccessEvents, Position { partition, offset })
        .await
    {
        Ok(()) => {
            state.committed = offset;
            Ok(())
        }
        Err(CommitError::Fenced) => Err(CommitError::Fenced),
        Err(error) => {
            warn!(%error, "reconciler's commit failed; it is repeated");
            Ok(())
        }
    }
}
