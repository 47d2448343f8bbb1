//! The reconciler: every winning ALLOW gets its effective outcome, whoever was to bring it.
//!
//! One owner a partition, through the log's consumer group. What it has read and what is
//! still open is folded here anew from the committed offset, which never passes a command
//! that is open or young enough to have duplicates.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::commands::Command;
use domain::event::{Actor, Body, CommandCompleted, Event};
use domain::vocabulary::{ActorKind, Outcome, Reason};
use domain::{CommandId, EventId};
use eventlog::{CommitError, EventLog, GroupEvent, LogError, Position, Subscription, Topic};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use partner::PartnerClient;
use records::EventReader;
use service::trace::TraceContext;
use tokio::sync::watch;
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
mod partition;
mod reported;

use self::partition::Owned;

/// Consumer group of all instances.
const GROUP: &str = "command-svc.reconciler";
/// How often open commands are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the partner may take to answer the fence.
const FENCE: Duration = Duration::from_secs(5);
/// How often settled commands are forgotten.
const SWEEP: SignedDuration = SignedDuration::from_secs(10);
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
    /// Told of the partitions that this instance owns, for whatever else has one owner.
    pub owned: watch::Sender<BTreeSet<u32>>,
}

impl Reconciler {
    /// Runs until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.log.subscribe(GROUP, &[Topic::AccessEvents]).await {
                Ok(mut subscription) => {
                    let failed = self.serve(subscription.as_mut(), &shutdown).await;
                    self.owned.send_replace(BTreeSet::new());
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
                            let from = at.committed.unwrap_or(0);
                            owned.insert(at.partition, Owned::starting_at(from));
                        }
                        self.owned.send_replace(owned.keys().copied().collect());
                    }
                    GroupEvent::Revoked(revoked) => {
                        for (_, partition) in revoked {
                            owned.remove(&partition);
                        }
                        self.owned.send_replace(owned.keys().copied().collect());
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
                    // Together: what a slow partner holds up is its own commands alone.
                    join_all(owned.values_mut().map(|state| self.settle(state))).await;
                    let open: usize = owned.values().map(|state| state.commands.open().count()).sum();
                    metrics::gauge!("reconciler_open_commands").set(open as f64);
                    for (partition, state) in &mut owned {
                        if commit(subscription, *partition, state).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }

    /// Brings what is due to an end, a few at a time.
    async fn settle(&self, state: &mut Owned) {
        let now = Timestamp::now();
        let after = SignedDuration::try_from(self.after).unwrap_or(SignedDuration::MAX);
        let due = state.take_due(now, after);
        let settled = due.iter().map(|(id, command)| {
            let reported = state.reports.outcome(*id);
            self.bring_to_an_end(*id, command, reported, now)
        });
        let settled = join_all(settled).await;
        for ((id, _), recorded) in due.iter().zip(settled) {
            if recorded {
                state.reports.recorded(*id);
            }
        }
        let (uses, tails) = (&self.uses, &self.tails);
        state.owed.settle(uses, tails, now, after).await;
    }

    /// Records what the partner's own event says of a command; else what the fence does.
    /// True: a completion is in the log.
    async fn bring_to_an_end(
        &self,
        id: CommandId,
        command: &Command,
        reported: Option<Outcome>,
        now: Timestamp,
    ) -> bool {
        let completed = match reported {
            Some(outcome) => CommandCompleted {
                outcome,
                reason: Reason::PartnerReported,
                reconciled: true,
                ..act::completed(id)
            },
            None => self.fence(id, command).await,
        };
        // A repeated UNKNOWN says nothing new.
        if !completed.outcome.is_definite() && command.outcome() == Some(Outcome::Unknown) {
            return false;
        }
        self.record(id, command, completed, now).await
    }

    /// Asks the partner for the final state, or to forbid execution for ever.
    async fn fence(&self, id: CommandId, command: &Command) -> CommandCompleted {
        let doubt = CommandCompleted {
            outcome: Outcome::Unknown,
            reason: Reason::PartnerSilent,
            reconciled: true,
            ..act::completed(id)
        };
        match self.client(command) {
            Some(client) => {
                let closing = client.closing(&command.complex);
                let deadline = Instant::now() + FENCE;
                let fence = closing.cancel(id, command.operation, deadline).await;
                act::after_fence(fence, doubt)
            }
            None => doubt,
        }
    }

    async fn record(
        &self,
        id: CommandId,
        command: &Command,
        completed: CommandCompleted,
        now: Timestamp,
    ) -> bool {
        let (outcome, reason) = (completed.outcome, completed.reason);
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
        recorded
    }

    fn client(&self, command: &Command) -> Option<&PartnerClient> {
        command
            .partner
            .as_ref()
            .and_then(|id| self.partners.get(id))
    }
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
