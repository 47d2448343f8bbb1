//! How each kind of client is set up.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use url::Url;

use super::Names;
use crate::{KafkaOptions, LogError, LogOptions, Topic};

/// How long a question to the brokers may take.
pub(super) const QUESTION: Duration = Duration::from_secs(5);

/// The group that readers outside any group name: librdkafka wants one before it
/// reads. Nobody joins it.
const NO_GROUP: &str = "tail";

/// What the frame of a record adds at most to its key, headers and value.
pub(super) const FRAME_BYTES: usize = 4096;

/// Of each connection's read-ahead.
const READ_AHEAD_KILOBYTES: usize = 16 << 10;

/// The settings of the clients of one log.
pub(super) struct Clients {
    base: ClientConfig,
    options: LogOptions,
    kafka: KafkaOptions,
    names: Names,
}

impl Clients {
    pub(super) fn new(url: &Url, options: LogOptions) -> Result<Self, LogError> {
        let Some(kafka) = options.kafka.clone() else {
            return Err(LogError::Misconfigured(
                "a log on Kafka needs the section `kafka` of the log's options".to_owned(),
            ));
        };
        let mut base = ClientConfig::new();
        base.set("bootstrap.servers", brokers(url)?)
            .set("client.id", "smarthome")
            .set("socket.keepalive.enable", "true")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("socket.timeout.ms", "10000")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("log.connection.close", "false");
        secure(&mut base, &kafka)?;
        let names = Names::new(&kafka.prefix);
        Ok(Self {
            base,
            options,
            kafka,
            names,
        })
    }

    pub(super) fn options(&self) -> &LogOptions {
        &self.options
    }

    pub(super) fn kafka(&self) -> &KafkaOptions {
        &self.kafka
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The topics that this process uses in any way, each once.
    pub(super) fn used(&self) -> impl Iterator<Item = Topic> {
        let used = self.kafka.appends.iter().chain(&self.kafka.reads);
        used.copied().collect::<BTreeSet<_>>().into_iter()
    }

    /// For questions about topics and offsets.
    pub(super) fn asking(&self) -> ClientConfig {
        let mut config = self.base.clone();
        // Nothing that the log holds is kept from a reader, not even what an
        // aborted transaction has left: every record is a leaf.
        config.set("isolation.level", "read_uncommitted");
        config
    }

    /// For reading, with answers that hold at least so many bytes, unless that takes long.
    pub(super) fn reading(&self, at_least: usize) -> ClientConfig {
        let largest = self.options.max_record_bytes + FRAME_BYTES;
        let mut config = self.asking();
        config
            .set("group.id", self.names.group(NO_GROUP))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("fetch.min.bytes", at_least.to_string())
            // A partition that is added waits for the fetch under way.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.message.max.bytes", largest.max(1 << 20).to_string())
            .set("queued.min.messages", "10000")
            .set(
                "queued.max.messages.kbytes",
                READ_AHEAD_KILOBYTES.to_string(),
            );
        config
    }

    /// For a membership of a group, which reads nothing itself.
    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let session = self.options.session_timeout;
        // What a caller doesn't give up in `rebalance_timeout` is taken from it
        // here; the brokers' own limit only has to be later than that.
        let limit = self.options.rebalance_timeout.max(session) + Duration::from_secs(15);
        let mut config = self.asking();
        config
            .set("group.id", self.names.group(group))
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", millis(session))
            .set("heartbeat.interval.ms", millis(session / 6))
            .set("max.poll.interval.ms", millis(limit))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error");
        config
    }

    pub(super) fn appending(&self) -> ClientConfig {
        let LogOptions {
            queue_capacity,
            max_record_bytes,
            append_timeout,
            ..
        } = self.options;
        let largest = max_record_bytes + FRAME_BYTES;
        // Enough for a few of the largest; less than what would endanger us.
        let queue = (64 << 10).max(4 * largest / 1024).min(1 << 20);
        let mut config = self.base.clone();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", self.kafka.linger.as_millis().to_string())
            .set("retry.backoff.ms", millis(super::append::RETRY_PAUSE))
            .set("message.timeout.ms", millis(append_timeout))
            .set("message.max.bytes", largest.max(1000).to_string())
            .set(
                "queue.buffering.max.messages",
                (2 * queue_capacity).to_string(),
            )
            .set("queue.buffering.max.kbytes", queue.to_string())
            // Connects to every broker before there is something to send to it.
            .set("enable.sparse.connections", "false")
            .set("statistics.interval.ms", "100");
        config
    }

    /// For an append that no broker can take in: it asks for two acknowledgements,
    /// which Kafka refuses once it has found that the right is there.
    pub(super) fn trying(&self) -> ClientConfig {
        let mut config = self.base.clone();
        config
            .set("acks", "2")
            .set("retries", "0")
            .set("linger.ms", "0")
            .set("message.timeout.ms", millis(QUESTION));
        config
    }
}

/// `host:port` of each broker to start from.
fn brokers(url: &Url) -> Result<String, LogError> {
    const FORM: &str = "the event log's URL must be kafka://host:port, with more brokers as \
                        ?bootstrap=host:port,host:port";
    let malformed = || LogError::Misconfigured(FORM.to_owned());
    let (Some(host), Some(port)) = (url.host_str(), url.port()) else {
        return Err(malformed());
    };
    let plain = matches!(url.path(), "" | "/")
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    let mut brokers = format!("{host}:{port}");
    for (name, value) in url.query_pairs() {
        if name != "bootstrap" || value.is_empty() {
            return Err(malformed());
        }
        brokers = format!("{brokers},{value}");
    }
    if plain { Ok(brokers) } else { Err(malformed()) }
}

fn secure(config: &mut ClientConfig, kafka: &KafkaOptions) -> Result<(), LogError> {
    if kafka.insecure {
        config.set("security.protocol", "plaintext");
        return Ok(());
    }
    config
        .set("security.protocol", "ssl")
        .set("ssl.endpoint.identification.algorithm", "https")
        .set("enable.ssl.certificate.verification", "true");
    let files = [
        ("kafka.ca", "ssl.ca.location", &kafka.ca),
        (
            "kafka.certificate",
            "ssl.certificate.location",
            &kafka.certificate,
        ),
        ("kafka.private_key", "ssl.key.location", &kafka.private_key),
    ];
    for (field, setting, path) in files {
        let path = path.as_deref().unwrap_or(Path::new(""));
        File::open(path).map_err(|error| {
            LogError::Misconfigured(format!("{field} {} can't be read: {error}", path.display()))
        })?;
        config.set(setting, path.to_string_lossy());
    }
    Ok(())
}

fn millis(duration: Duration) -> String {
    duration.as_millis().max(1).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_names_the_brokers_to_start_from() {
        let of = |url: &str| brokers(&url.parse().unwrap());
        assert_eq!(of("kafka://b1:9093").unwrap(), "b1:9093");
        assert_eq!(
            of("kafka://b1:9093?bootstrap=b2:9093,b3:9094").unwrap(),
            "b1:9093,b2:9093,b3:9094"
        );
        for url in [
            "kafka://b1",
            "kafka://b1:9093/topic",
            "kafka://b1:9093?acks=0",
            "kafka://u@b1:1",
        ] {
            let error = of(url).unwrap_err();
            assert!(error.to_string().contains("kafka://host:port"), "{url}");
        }
    }
}
