use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::TopicPartitionList;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;

use super::super::events::Events;

/// What librdkafka asks for and then waits to be answered, one at a time.
#[derive(Clone)]
pub(super) enum Rebalance {
    /// Take these as well: answered by `incremental_assign`.
    Assign(TopicPartitionList),
    /// Give these up: answered by `incremental_unassign`.
    Revoke(TopicPartitionList),
}

impl Rebalance {
    /// Answers as asked.
    fn answer<C: ConsumerContext>(&self, consumer: &impl Consumer<C>) {
        let answered = match self {
            Self::Assign(partitions) => consumer.incremental_assign(partitions),
            Self::Revoke(partitions) => consumer.incremental_unassign(partitions),
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "leaving a group");
        }
    }
}

/// Passes rebalances on instead of answering them, until the member leaves.
pub(in super::super) struct Callbacks {
    events: Events,
    rebalances: mpsc::UnboundedSender<Rebalance>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leaving: bool,
    unanswered: Option<Rebalance>,
}

impl Callbacks {
    pub(super) fn new(rebalances: mpsc::UnboundedSender<Rebalance>) -> Self {
        Self {
            events: Events::new(),
            rebalances,
            state: Mutex::default(),
        }
    }

    /// What was passed on has been answered.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unanswered = None;
    }
}

/// From here on nobody else answers; the client can't be closed before all is
/// answered.
pub(super) fn leave(consumer: &impl Consumer<Callbacks>) {
    let unanswered = {
        let state = &consumer.context().state;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.leaving = true;
        state.unanswered.take()
    };
    if let Some(rebalance) = unanswered {
        rebalance.answer(consumer);
    }
}

impl ClientContext for Callbacks {
    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let revoked = kind != RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let rebalance = if revoked {
            Rebalance::Revoke(partitions.clone())
        } else {
            Rebalance::Assign(partitions.clone())
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.leaving || self.rebalances.send(rebalance.clone()).is_err() {
            drop(state);
            rebalance.answer(consumer);
        } else {
            state.unanswered = Some(rebalance);
        }
    }
}
