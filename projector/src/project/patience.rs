//! Trying again: for as long as it takes, with growing pauses, until shutdown.

use std::time::Duration;

use service::health::Condition;
use tokio_util::sync::CancellationToken;

use super::Interrupted;

const LONGEST: Duration = Duration::from_secs(5);

/// How the projection waits when something fails.
pub(super) struct Patience {
    projection: Condition,
    first: Duration,
    next: Duration,
    shutdown: CancellationToken,
}

impl Patience {
    pub(super) fn new(projection: Condition, first: Duration, shutdown: CancellationToken) -> Self {
        Self {
            projection,
            first,
            next: first,
            shutdown,
        }
    }

    /// Things go on.
    pub(super) fn restored(&mut self) {
        self.projection.ok();
        self.next = self.first;
    }

    /// Pauses after a failure. False at shutdown.
    pub(super) async fn wait(&mut self, error: &Interrupted) -> bool {
        let pause = self.next;
        let chain = anyhow::Chain::new(error).map(ToString::to_string);
        let chain = chain.collect::<Vec<_>>().join(": ");
        tracing::warn!(
            error = chain,
            ?pause,
            "projection interrupted; trying again"
        );
        metrics::counter!("projector_interruptions_total").increment(1);
        self.projection.failing(format!("interrupted: {error}"));
        self.next = (pause * 2).min(LONGEST);
        tokio::select! {
            () = self.shutdown.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
