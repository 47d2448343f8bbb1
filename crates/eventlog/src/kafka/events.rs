use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use tokio::sync::watch;

use crate::LogError;

/// What a client reports beside the answers to its calls: wrong certificates show
/// up nowhere else.
#[derive(Debug, Clone)]
pub(super) struct Events {
    trouble: watch::Sender<Option<Trouble>>,
    progress: watch::Sender<Progress>,
}

/// How far an idempotent producer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    Starting,
    /// It has its number, without which it can't send.
    Numbered,
    /// It is connected to every broker as well.
    Connected,
}

/// The latest that a client has reported.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The brokers, or this side, refuse the connection; trying again won't help.
    Refused(String),
    /// No connection, at present.
    Unreachable(String),
    /// No connection to any broker.
    Down,
}

impl Trouble {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Refused(reason) | Self::Unreachable(reason) => reason,
            Self::Down => "no broker can be reached",
        }
    }

    /// How much it says of the cause.
    fn weight(&self) -> u8 {
        match self {
            Self::Refused(_) => 2,
            Self::Unreachable(_) => 1,
            Self::Down => 0,
        }
    }
}

impl Events {
    pub(super) fn new() -> Self {
        Self {
            trouble: watch::Sender::new(None),
            progress: watch::Sender::new(Progress::Starting),
        }
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.borrow().clone()
    }

    /// Forgets trouble that is over.
    pub(super) fn recover(&self) {
        self.trouble
            .send_if_modified(|latest| latest.take().is_some());
    }

    /// Waits until the client is refused.
    pub(super) async fn refused(&self) -> LogError {
        let mut trouble = self.trouble.subscribe();
        let refused = |trouble: &Option<Trouble>| matches!(trouble, Some(Trouble::Refused(_)));
        // The sender lives as long as `self`, so this can't fail.
        let _ = trouble.wait_for(refused).await;
        self.explain()
    }

    /// Waits until an idempotent producer has come so far.
    pub(super) async fn reached(&self, least: Progress) {
        let mut progress = self.progress.subscribe();
        // As above.
        let _ = progress.wait_for(|progress| *progress >= least).await;
    }

    /// Why nothing comes from the brokers.
    pub(super) fn explain(&self) -> LogError {
        match self.trouble() {
            Some(Trouble::Refused(reason)) => LogError::Misconfigured(format!(
                "Kafka and this process don't accept each other: {reason}; \
                 check kafka.ca, kafka.certificate and kafka.private_key, their validity and rights"
            )),
            Some(trouble) => LogError::Unavailable(trouble.reason().to_owned()),
            None => LogError::Unavailable("no broker has answered in time".to_owned()),
        }
    }
}

impl ClientContext for Events {
    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let reason = reason.to_owned();
        let trouble = match error.rdkafka_error_code() {
            Some(
                Code::SSL
                | Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Fatal,
            ) => Trouble::Refused(reason),
            // So TLS 1.3 tells a client, after the fact, that its certificate won't do.
            Some(Code::BrokerTransportFailure) if reason.contains("SSL alert") => {
                Trouble::Refused(reason)
            }
            Some(Code::BrokerTransportFailure | Code::Resolve) => Trouble::Unreachable(reason),
            Some(Code::AllBrokersDown) => Trouble::Down,
            _ => {
                tracing::debug!(%error, reason, "kafka");
                return;
            }
        };
        tracing::warn!(%error, ?trouble, "kafka");
        // What says more stays.
        self.trouble.send_if_modified(|latest| {
            let news = latest
                .as_ref()
                .is_none_or(|latest| trouble.weight() >= latest.weight());
            if news {
                *latest = Some(trouble);
            }
            news
        });
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::warn!(facility, message, "librdkafka");
            }
            Level::Warning => tracing::info!(facility, message, "librdkafka"),
            _ => tracing::debug!(facility, message, "librdkafka"),
        }
    }

    /// librdkafka goes on telling after it is of interest.
    fn stats_raw(&self, statistics: &[u8]) {
        if *self.progress.borrow() < Progress::Connected
            && let Ok(statistics) = serde_json::from_slice(statistics)
        {
            self.stats(statistics);
        }
    }

    fn stats(&self, statistics: Statistics) {
        let numbered = statistics.eos.is_some_and(|eos| eos.producer_id >= 0);
        // Those that are only addresses to start from have no number.
        let brokers = statistics.brokers.into_values().filter(|b| b.nodeid >= 0);
        let states: Vec<String> = brokers.map(|broker| broker.state).collect();
        let connected = !states.is_empty() && states.iter().all(|state| state == "UP");
        let reached = match (numbered, connected) {
            (false, _) => Progress::Starting,
            (true, false) => Progress::Numbered,
            (true, true) => Progress::Connected,
        };
        self.progress.send_if_modified(|progress| {
            let news = reached > *progress;
            *progress = reached.max(*progress);
            news
        });
    }
}

impl ConsumerContext for Events {}
