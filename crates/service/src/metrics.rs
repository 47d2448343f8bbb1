//! Prometheus metrics of the process.

use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds, in seconds, of the buckets of every histogram whose name ends in `_seconds`.
const SECONDS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The recorder is one a process by nature: the `metrics` macros write to it.
static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// Reads what the process has measured.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

/// The recorder couldn't be installed: another one is.
#[derive(Debug, thiserror::Error)]
#[error("metrics can't be recorded: {0}; install no other recorder")]
pub struct MetricsError(#[from] BuildError);

/// Installs the recorder, once a process; later calls hand out the same one.
///
/// # Errors
/// [`MetricsError`] where another recorder is installed.
pub fn install() -> Result<Metrics, MetricsError> {
    // Held throughout: of two that install at once, the second gets what the first installed.
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metrics) = &*installed {
        return Ok(metrics.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
        .install_recorder()?;
    Ok(installed.insert(Metrics(handle)).clone())
}

impl Metrics {
    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded samples into their histograms; needed every few seconds, so that samples
    /// don't pile up in memory between two scrapes.
    pub fn fold_samples(&self) {
        self.0.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_measured_is_rendered_and_a_second_install_is_the_same() {
        let first = install().unwrap();
        ::metrics::counter!("test_opens_total", "outcome" => "executed").increment(2);
        ::metrics::histogram!("test_open_seconds").record(0.003);
        let text = install().unwrap().render();
        assert!(
            text.contains(r#"test_opens_total{outcome="executed"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"test_open_seconds_bucket{le="0.005"} 1"#),
            "{text}"
        );
        first.fold_samples();
        assert!(first.render().contains("test_open_seconds_count 1"));
    }
}
