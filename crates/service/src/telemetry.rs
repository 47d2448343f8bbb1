//! Structured logs on standard error.

use std::fmt;

use serde::Deserialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `[process.telemetry]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// What is logged, as `tracing_subscriber::EnvFilter` has it: `info,command_svc=debug`.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Coloured text, for people.
    Pretty,
}

/// Logging that couldn't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter doesn't parse.
    #[error("`{filter}` is no log filter; write one like `info` or `info,command_svc=debug`")]
    Filter {
        /// The filter as configured.
        filter: String,
    },
    /// Something else already receives this process' logs.
    #[error("logging is already set up; call telemetry::init once, first thing")]
    Twice,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            filter: "info".into(),
            format: LogFormat::default(),
        }
    }
}

impl TelemetryConfig {
    /// Checks that the filter parses.
    ///
    /// # Errors
    /// [`TelemetryError::Filter`].
    pub fn validate(&self) -> Result<(), TelemetryError> {
        self.filter().map(drop)
    }

    fn filter(&self) -> Result<EnvFilter, TelemetryError> {
        EnvFilter::try_new(&self.filter).map_err(|_| TelemetryError::Filter {
            filter: self.filter.clone(),
        })
    }
}

/// Sends the logs of this process to standard error, each line with the service's name.
///
/// A panic is logged with its place only: its message may hold what a log must not.
///
/// # Errors
/// [`TelemetryError`].
pub fn init(service: &'static str, config: &TelemetryConfig) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(config.filter()?)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Json => builder
            .fmt_fields(JsonFields::new())
            .event_format(Named::new(service))
            .try_init(),
        LogFormat::Pretty => builder.try_init(),
    }
    .map_err(|_| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
    Ok(())
}

/// The JSON format of `tracing_subscriber` with the service's name as first field.
struct Named {
    service: &'static str,
    json: Format<Json>,
}

impl Named {
    fn new(service: &'static str) -> Self {
        let json = Format::default().json().flatten_event(true);
        Self { service, json }
    }
}

impl<S, N> FormatEvent<S, N> for Named
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.json
            .format_event(context, Writer::new(&mut line), event)?;
        let fields = line.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, "{{\"service\":\"{}\",{fields}", self.service)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_json_with_service_span_and_fields() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Named::new("command-svc"))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = crate::trace::TraceContext::root().span("open");
            span.in_scope(|| tracing::info!(device = "sunrise.north-gate", "decided"));
        });
        let bytes = captured.0.lock().unwrap().clone();
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["service"], "command-svc");
        assert_eq!(line["message"], "decided");
        assert_eq!(line["device"], "sunrise.north-gate");
        assert_eq!(line["span"]["operation"], "open");
        assert_eq!(line["span"]["trace_id"].as_str().unwrap().len(), 32);
    }

    #[test]
    fn a_wrong_filter_is_refused_with_its_text() {
        let config = TelemetryConfig {
            filter: "command_svc=loud".into(),
            ..TelemetryConfig::default()
        };
        let text = config.validate().unwrap_err().to_string();
        assert!(text.contains("command_svc=loud"), "{text}");
    }
}
