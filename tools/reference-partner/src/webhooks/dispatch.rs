//! The loop that empties the outbox.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backoff::Backoff;
use super::outbox::{Attempt, DeliveryState, Due, Message, Outbox, Quota};
use super::sender::{Sender, Sent};
use crate::clock::Clock;
use crate::config;
use crate::store::{Store, StoreError};

/// How long to wait when the store fails.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Sends what is due, records what came of it.
pub(crate) struct Dispatcher {
    pub(crate) store: Store,
    pub(crate) clock: Arc<Clock>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) config: config::Webhook,
    /// How long finished deliveries are kept.
    pub(crate) kept: Duration,
    /// Rung when something was put into the outbox.
    pub(crate) bell: Arc<Notify>,
}

type Tried = (Message, Timestamp, Sent);

impl Dispatcher {
    /// Runs until `stop`. What is then under way is tried again after the next start.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut sending: JoinSet<Tried> = JoinSet::new();
        let mut busy: HashSet<Uuid> = HashSet::new();
        while !stop.is_cancelled() {
            let due = match self.take(&busy).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "outbox can't be read");
                    Due {
                        messages: Vec::new(),
                        next: Some(self.after(STORE_PAUSE)),
                    }
                }
            };
            for message in due.messages {
                busy.insert(Outbox::id(&message));
                let (sender, clock) = (self.sender.clone(), self.clock.clone());
                sending.spawn(async move {
                    let at = clock.now();
                    let sent = sender.send(&message, at).await;
                    (message, at, sent)
                });
            }
            let next = due.next.unwrap_or(Timestamp::MAX);
            let free = busy.len() < self.config.in_flight;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(first) = sending.join_next() => {
                    let mut done: Vec<Tried> = first.into_iter().collect();
                    while let Some(more) = sending.try_join_next() {
                        done.extend(more);
                    }
                    for message in self.record(done).await {
                        busy.remove(&message);
                    }
                }
                () = self.bell.notified(), if free => {}
                () = self.clock.sleep_until(next), if free && next < Timestamp::MAX => {}
            }
        }
    }

    fn after(&self, wait: Duration) -> Timestamp {
        self.clock
            .now()
            .saturating_add(wait)
            .unwrap_or(Timestamp::MAX)
    }

    async fn take(&self, busy: &HashSet<Uuid>) -> Result<Due, StoreError> {
        let messages = self.config.in_flight - busy.len();
        if messages == 0 {
            return Ok(Due::default());
        }
        let quota = Quota {
            messages,
            events_each: self.config.batch_max,
        };
        let (now, busy) = (self.clock.now(), busy.clone());
        self.store
            .run(move |tx| Outbox::take(tx, now, quota, &busy))
            .await
    }

    async fn record(&self, done: Vec<Tried>) -> Vec<Uuid> {
        let now = self.clock.now();
        let judged: Vec<Message> = done
            .into_iter()
            .map(|(message, at, sent)| self.judge(message, at, sent, now))
            .collect();
        let ids = judged.iter().map(Outbox::id).collect();
        let forget_at = now.saturating_add(self.kept).unwrap_or(Timestamp::MAX);
        let saved = self.store.run(move |tx| {
            judged
                .iter()
                .try_for_each(|message| Outbox::finish(tx, message, forget_at))
        });
        if let Err(error) = saved.await {
            // Nothing is lost: the messages are still due and will be sent again.
            tracing::error!(%error, "deliveries can't be recorded");
            tokio::time::sleep(STORE_PAUSE).await;
        }
        ids
    }

    fn judge(&self, mut message: Message, at: Timestamp, sent: Sent, now: Timestamp) -> Message {
        let backoff = Backoff {
            min: self.config.retry_min,
            max: self.config.retry_max,
        };
        let (status, error, asked) = match sent {
            Sent::Taken { status, verdicts } => {
                message.state = DeliveryState::Delivered;
                message.verdicts = verdicts;
                (Some(status), None, None)
            }
            Sent::Refused { status } => {
                message.state = DeliveryState::Failed;
                (Some(status), None, None)
            }
            Sent::NotNow {
                status,
                retry_after,
            } => (Some(status), None, retry_after),
            Sent::Failed(error) => (None, Some(error), None),
        };
        message.note(Attempt { at, status, error });
        if message.state == DeliveryState::Pending && message.age(now) >= self.config.give_up_after
        {
            message.state = DeliveryState::Failed;
        }
        message.next_attempt_at = (message.state == DeliveryState::Pending).then(|| {
            let wait = backoff
                .wait(message.tried(), asked)
                .min(self.config.give_up_after);
            now.saturating_add(wait).unwrap_or(Timestamp::MAX)
        });
        let (state, tried) = (message.state, message.tried());
        match state {
            DeliveryState::Delivered => tracing::debug!(tried, "message delivered"),
            DeliveryState::Pending => tracing::debug!(tried, status, "message not taken yet"),
            DeliveryState::Failed => tracing::warn!(tried, status, "message given up"),
        }
        message
    }
}
