use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use eventlog::{KafkaOptions, Keep, LogOptions, Topic};
use harness::engines::kafka::{Kafka, Layout};
use harness::pki::Pki;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tempfile::TempDir;

/// Cases that may run at the same time.
const LANES: usize = 8;

/// Records expire and are compacted soon after they may.
const HURRIED: &str = "log.initial.task.delay.ms=100
log.retention.check.interval.ms=100
log.cleaner.backoff.ms=100
log.cleaner.min.cleanable.ratio=0.001
log.segment.delete.delay.ms=100
log.index.size.max.bytes=65536
";

pub(super) struct Engine {
    kafka: Mutex<Option<Kafka>>,
    ends: Vec<(SocketAddr, SocketAddr)>,
    broker: String,
    options: KafkaOptions,
    free: Mutex<Vec<usize>>,
    freed: Condvar,
    cases: AtomicU32,
    dir: Mutex<Option<TempDir>>,
}

/// One of the ways to the broker, for as long as a case runs.
pub(super) struct Lane(usize);

static ENGINE: OnceLock<Engine> = OnceLock::new();

/// Ends the broker, if one was started.
pub(crate) fn stop() {
    if let Some(engine) = ENGINE.get() {
        drop(lock(&engine.kafka).take());
        drop(lock(&engine.dir).take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// The broker, started with the first case that needs it.
    pub(super) fn running() -> &'static Self {
        ENGINE.get_or_init(|| {
            let start = || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(Self::start())
            };
            thread::spawn(start).join().unwrap()
        })
    }

    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::create(&dir.path().join("pki")).unwrap();
        let layout = Layout {
            relays: LANES,
            properties: HURRIED.to_owned(),
            set_up: false,
            ..Layout::brokers(1)
        };
        let kafka = Kafka::start(&dir.path().join("kafka"), &pki, &layout).await;
        let kafka = kafka.unwrap().unwrap();
        let admin = kafka.admin();
        let options = KafkaOptions {
            ca: Some(pki.bundle().to_owned()),
            certificate: Some(admin.certificate.clone()),
            private_key: Some(admin.private_key.clone()),
            appends: Topic::ALL.into(),
            reads: Topic::ALL.into(),
            min_insync_replicas: NonZeroU32::MIN,
            ..KafkaOptions::default()
        };
        Self {
            ends: (0..LANES).map(|n| kafka.relayed(n).unwrap()).collect(),
            broker: kafka.addresses().remove(0),
            kafka: Mutex::new(Some(kafka)),
            options,
            free: Mutex::new((0..LANES).collect()),
            freed: Condvar::new(),
            cases: AtomicU32::new(0),
            dir: Mutex::new(Some(dir)),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        let free = lock(&self.free);
        let wait = self.freed.wait_while(free, |free| free.is_empty());
        let mut free = wait.unwrap_or_else(PoisonError::into_inner);
        Lane(free.pop().unwrap())
    }

    pub(super) fn ends(&self, lane: &Lane) -> (SocketAddr, SocketAddr) {
        self.ends[lane.0]
    }

    /// What no other case's topics and groups begin with.
    pub(super) fn prefix(&self) -> String {
        format!("case{}.", self.cases.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn complete(&self, prefix: &str, options: LogOptions) -> LogOptions {
        let kafka = KafkaOptions {
            prefix: prefix.to_owned(),
            ..self.options.clone()
        };
        LogOptions {
            kafka: Some(kafka),
            ..options
        }
    }

    pub(super) async fn make_topics(&self, prefix: &str, options: &LogOptions) {
        let topics = Topic::ALL.map(|topic| (format!("{prefix}{topic}"), settings(topic, options)));
        let count = i32::try_from(options.partitions.get()).unwrap();
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|(name, settings)| {
                let new = NewTopic::new(name, count, TopicReplication::Fixed(1));
                settings
                    .iter()
                    .fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let made = self.admin().create_topics(&new, &AdminOptions::new()).await;
        for result in made.unwrap() {
            result.unwrap();
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let path = |file: &Option<std::path::PathBuf>| file.clone().unwrap().display().to_string();
        ClientConfig::new()
            .set("bootstrap.servers", &self.broker)
            .set("security.protocol", "ssl")
            .set("ssl.ca.location", path(&self.options.ca))
            .set("ssl.certificate.location", path(&self.options.certificate))
            .set("ssl.key.location", path(&self.options.private_key))
            .create()
            .unwrap()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let engine = Engine::running();
        lock(&engine.free).push(self.0);
        engine.freed.notify_one();
    }
}

fn settings(topic: Topic, options: &LogOptions) -> Vec<(&'static str, String)> {
    let text = |text: &str| text.to_owned();
    let mut settings = vec![
        ("message.timestamp.type", text("LogAppendTime")),
        ("min.insync.replicas", text("1")),
        ("unclean.leader.election.enable", text("false")),
    ];
    let kept = match options.retention.of(topic) {
        Keep::Forever => text("-1"),
        Keep::For(duration) => duration.as_millis().to_string(),
    };
    if topic.is_compacted() {
        settings.push(("cleanup.policy", text("compact")));
        settings.push(("delete.retention.ms", kept));
        settings.push(("segment.ms", text("100")));
    } else {
        settings.push(("cleanup.policy", text("delete")));
        settings.push(("retention.ms", kept));
    }
    settings
}
