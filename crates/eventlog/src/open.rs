use std::sync::Arc;

use url::Url;

use crate::{EventLog, LogError, LogOptions, MemoryLog, SqliteLog};

#[cfg(feature = "kafka")]
const CLOSING: std::time::Duration = std::time::Duration::from_secs(10);

/// Opens the log that the URL names, creating it if it is not there yet:
///
/// - `sqlite:///absolute/path`: a file that the processes of one machine share;
/// - `memory://`: a new, empty log that lives as long as what is returned;
/// - `kafka://host:port`, with more brokers to start from as
///   `?bootstrap=host:port,host:port`: topics on Apache Kafka, which must be there
///   already ([`KafkaOptions`](crate::KafkaOptions) says how to reach it). Needs
///   this crate's feature `kafka`.
///
/// # Errors
/// [`LogError::Misconfigured`] for other schemes, a URL of another form, options
/// that can't work, or a log with another partition count;
/// [`LogError::Unavailable`] if the log can't be reached.
pub async fn open(url: &Url, options: LogOptions) -> Result<Arc<dyn EventLog>, LogError> {
    match url.scheme() {
        "sqlite" => Ok(Arc::new(SqliteLog::open(url, options).await?)),
        "memory" => Ok(Arc::new(MemoryLog::new(options)?)),
        #[cfg(feature = "kafka")]
        "kafka" => Ok(Arc::new(crate::KafkaLog::open(url, options).await?)),
        #[cfg(not(feature = "kafka"))]
        "kafka" => Err(LogError::Misconfigured(
            "this program was built without Kafka; build it with its feature `kafka`".to_owned(),
        )),
        _ => Err(LogError::Misconfigured(
            "the event log's URL has an unknown scheme; \
             supported are sqlite:///absolute/path, kafka://host:port and memory://"
                .to_owned(),
        )),
    }
}

/// Waits until every log that this process has let go of is closed, some seconds at most. To be
/// called last in `main`, outside of any runtime: a client of Apache Kafka that is still closing
/// while the process exits can crash it.
pub fn wait_closed() {
    #[cfg(feature = "kafka")]
    if !crate::kafka::all_closed(CLOSING) {
        tracing::warn!("a client of Apache Kafka does not close; the process ends without it");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn other_schemes_and_forms_are_refused_with_what_is_supported() {
        for url in [
            "postgres://host/db",
            "file:///tmp/log",
            "sqlite://host/path",
            "sqlite:relative",
            "sqlite:///",
            "sqlite:///tmp/log?mode=ro",
        ] {
            let refused = open(&url.parse().unwrap(), LogOptions::default()).await;
            let error = refused.err().unwrap();
            assert!(matches!(error, LogError::Misconfigured(_)), "{url}");
            assert!(
                error.to_string().contains("sqlite:///absolute/path"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn options_that_cannot_work_are_refused() {
        let options = LogOptions {
            queue_capacity: 0,
            ..LogOptions::default()
        };
        let refused = open(&"memory://".parse().unwrap(), options).await;
        assert!(matches!(refused, Err(LogError::Misconfigured(_))));
    }
}
