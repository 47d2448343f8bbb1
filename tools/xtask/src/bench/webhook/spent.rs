//! What a round took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// One side's round.
#[derive(Default)]
pub(super) struct Spent {
    /// Of each request that was taken, in nanoseconds.
    pub(super) latencies: Option<Histogram<u64>>,
    /// Events in each.
    pub(super) batch: usize,
    /// Requests that were refused with Retry-After.
    pub(super) refused: u64,
    /// From the first request to the last answer.
    pub(super) time: Duration,
    /// Of webhook-gw, the broker and the load.
    pub(super) cpu: [Duration; 3],
}

impl Spent {
    /// Adds what one client was answered.
    pub(super) fn take(&mut self, latencies: &Histogram<u64>, refused: u64) {
        self.refused += refused;
        match &mut self.latencies {
            // All of them resize themselves.
            Some(all) => all.add(latencies).unwrap_or_default(),
            None => self.latencies = Some(latencies.clone()),
        }
    }

    /// Requests that were taken.
    pub(super) fn requests(&self) -> u64 {
        self.latencies.as_ref().map_or(0, Histogram::len)
    }

    /// Records that were taken.
    pub(super) fn records(&self) -> u64 {
        self.requests() * self.batch as u64
    }

    /// Records a second.
    pub(super) fn rate(&self) -> f64 {
        self.records() as f64 / self.time.as_secs_f64()
    }

    /// Requests a second.
    pub(super) fn request_rate(&self) -> f64 {
        self.requests() as f64 / self.time.as_secs_f64()
    }

    /// So many of all took at most this long, in milliseconds.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        let all = self.latencies.as_ref();
        all.map_or(0, |all| all.value_at_quantile(quantile)) as f64 / 1e6
    }

    /// CPU time of a record, in microseconds.
    pub(super) fn cpu_us(&self, of: usize) -> f64 {
        self.cpu[of].as_secs_f64() * 1e6 / self.records() as f64
    }
}
