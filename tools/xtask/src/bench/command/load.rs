//! The load: callers who each ask again as soon as they are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use proto::access::Outcome;
use proto::access::access_service_client::AccessServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::residents::Residents;

/// How much is asked.
pub(super) struct Load {
    /// Callers.
    pub(super) in_flight: usize,
    /// For how long new requests are begun.
    pub(super) time: Duration,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Answers {
    /// Of each request.
    latencies: Option<Histogram<u64>>,
    /// From the first request to the last answer.
    time: Duration,
}

impl Load {
    /// Asks over these connections.
    ///
    /// # Errors
    /// A request is refused, or its outcome is not EXECUTED and recorded.
    pub(super) async fn run(
        &self,
        channels: &[Channel],
        residents: &Arc<Residents>,
    ) -> Result<Answers> {
        let start = Instant::now();
        let mut callers = JoinSet::new();
        for channel in channels.iter().cycle().take(self.in_flight) {
            let client = AccessServiceClient::new(channel.clone());
            let until = start + self.time;
            callers.spawn(ask(client, Arc::clone(residents), until));
        }
        let mut answers = Answers::default();
        while let Some(latencies) = callers.join_next().await {
            answers.take(&latencies??);
        }
        answers.time = start.elapsed();
        Ok(answers)
    }
}

async fn ask(
    mut client: AccessServiceClient<Channel>,
    residents: Arc<Residents>,
    until: Instant,
) -> Result<Histogram<u64>> {
    let mut latencies = Histogram::new(3)?;
    while Instant::now() < until {
        let request = residents.request();
        let asked = Instant::now();
        let answer = client.open(request).await?.into_inner();
        latencies.record(u64::try_from(asked.elapsed().as_nanos())?)?;
        let executed = answer.outcome == i32::from(Outcome::Executed);
        ensure!(executed && answer.recorded, "not opened: {answer:?}");
    }
    Ok(latencies)
}

impl Answers {
    fn take(&mut self, latencies: &Histogram<u64>) {
        match &mut self.latencies {
            // All of them resize themselves.
            Some(all) => all.add(latencies).unwrap_or_default(),
            None => self.latencies = Some(latencies.clone()),
        }
    }

    /// Adds another round's.
    pub(super) fn add(&mut self, other: &Answers) {
        self.time += other.time;
        other.latencies.iter().for_each(|more| self.take(more));
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.latencies.as_ref().map_or(0, Histogram::len)
    }

    /// Answers a second.
    pub(super) fn rate(&self) -> f64 {
        self.count() as f64 / self.time.as_secs_f64()
    }

    /// So many of all took at most this long, in milliseconds.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        let nanos = self
            .latencies
            .as_ref()
            .map(|all| all.value_at_quantile(quantile));
        nanos.unwrap_or_default() as f64 / 1e6
    }

    /// How long one took on the average, in milliseconds.
    pub(super) fn mean_ms(&self) -> f64 {
        self.latencies.as_ref().map_or(0.0, Histogram::mean) / 1e6
    }
}
