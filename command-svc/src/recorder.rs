//! Signs and appends what command-svc says.

use std::sync::Arc;
use std::time::Instant;

use authn::record::RecordSigner;
use domain::event::Event;
use eventlog::{AppendError, EventLog, Position, Topic};
use service::trace::TraceContext;
use tracing::{error, warn};

/// CloudEvents source of this process.
pub(crate) const SOURCE: &str = "urn:smarthome:command-svc";

/// Appends signed records.
pub(crate) struct Recorder {
    log: Arc<dyn EventLog>,
    signer: RecordSigner,
}

impl Recorder {
    /// Records into `log`, signed by `signer`.
    pub(crate) fn new(log: Arc<dyn EventLog>, signer: RecordSigner) -> Self {
        Self { log, signer }
    }

    /// Appends an event; durable when it returns.
    ///
    /// # Errors
    /// Whether it may be in the log all the same is told by the error.
    pub(crate) async fn record(
        &self,
        topic: Topic,
        event: &Event,
        trace: &TraceContext,
    ) -> Result<Position, AppendError> {
        let signed =
            records::to_signed_record(event, topic, Some(trace.to_string()), SOURCE, &self.signer);
        let record = signed.map_err(|error| {
            error!(%error, "records can't be signed");
            AppendError::NotWritten {
                reason: "records can't be signed".to_owned(),
            }
        })?;
        let started = Instant::now();
        let appended = self.log.append(topic, record).await;
        metrics::histogram!("append_seconds", "type" => event.body.kind())
            .record(started.elapsed());
        let result = if appended.is_ok() { "ok" } else { "failed" };
        metrics::counter!("appends_total", "topic" => topic.name(), "result" => result)
            .increment(1);
        if let Err(error) = &appended {
            warn!(topic = topic.name(), %error, "append failed");
        }
        appended
    }
}
