//! webhook-gw with all that it needs, and the bare producer on the same broker.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use eventlog::{TailFrom, Topic};
use harness::clients::Operator;
use harness::fixtures::{self, apply};
use harness::site::{PARTNER, Pair, Part, Site, observed};
use proto::events as pb;
use proto::events::change::Entity;
use toml::{Table, Value};

use super::load::{Load, Sender};
use super::producer::Producer;
use super::spent::Spent;
use crate::bench::command::bare::Sample;
use crate::bench::command::cpu;

/// Enough for every partition of the log to have some.
pub(super) const COMPLEXES: usize = fixtures::COMPLEXES.len();

/// Everything, running.
pub(super) struct Scene {
    site: Site,
    sender: Arc<Sender>,
    producer: Arc<Producer>,
    /// Records that were answered 200.
    taken: u64,
}

impl Scene {
    /// Starts everything; `progress` is told of each step.
    ///
    /// # Errors
    /// A part does not start.
    pub(super) async fn start(
        dir: &Path,
        linger_ms: u32,
        progress: impl Fn(&'static str),
    ) -> Result<Self> {
        progress("starting the log (Apache Kafka is fetched the first time)");
        let site = Site::prepare_fast(Pair::Cluster, dir).await?;
        let mut site = site.context("no Apache Kafka here")?;
        configure(&site.config(Part::WebhookGw), linger_ms)?;
        progress("registering doors");
        for part in [Part::Issuer, Part::CommandSvc] {
            site.start_part(part).await?;
        }
        register(&site).await?;
        for part in [Part::CommandSvc, Part::Issuer] {
            site.terminate(part).await?;
        }
        progress("starting webhook-gw");
        site.start_part(Part::WebhookGw).await?;
        let sender = Arc::new(Sender::of(&site)?);
        let first = Load {
            batch: 50,
            clients: 1,
            kept: true,
            time: Duration::from_millis(1),
        };
        let taken = sender.run(&first).await?.records();
        let sample = sample(&site).await?;
        let producer = Producer::start(&mut site, sample, linger_ms).await?;
        Ok(Self {
            site,
            sender,
            producer,
            taken,
        })
    }

    /// A round of webhook-gw.
    ///
    /// # Errors
    /// A request fails.
    pub(super) async fn ours(&mut self, load: &Load) -> Result<Spent> {
        let pids = self.pids()?;
        let before = pids.map(cpu::used);
        let mut spent = self.sender.run(load).await?;
        spent.cpu = since(pids, before);
        self.taken += spent.records();
        Ok(spent)
    }

    /// A round of the bare producer.
    ///
    /// # Errors
    /// A record is not acknowledged.
    pub(super) async fn bare(&mut self, load: &Load) -> Result<Spent> {
        let pids = self.pids()?;
        let before = pids.map(cpu::used);
        let mut spent = self.producer.run(load).await?;
        spent.cpu = since(pids, before);
        Ok(spent)
    }

    fn pids(&mut self) -> Result<[u32; 3]> {
        let gateway = self.site.process(Part::WebhookGw)?.pid();
        let broker = self.site.cluster()?.kafka()?.pid(0)?;
        Ok([gateway, broker, std::process::id()])
    }

    /// Whether the log holds a record for each event that was answered 200, and no more if none was
    /// refused; how many there are.
    ///
    /// # Errors
    /// It does not.
    pub(super) async fn check(&self, exactly: bool) -> Result<u64> {
        let (url, options) = observed(&self.site)?;
        let log = eventlog::open(&url, options).await?;
        let records: u64 = log.end_offsets(Topic::AccessEvents).await?.iter().sum();
        let taken = self.taken;
        ensure!(
            records == taken || !exactly && records > taken,
            "{taken} events were answered 200, and there are {records} records"
        );
        Ok(records)
    }

    /// The most physical memory that webhook-gw has had, in bytes (`VmHWM`, proc(5)).
    ///
    /// # Errors
    /// Nobody tells.
    pub(super) fn peak_memory(&mut self) -> Result<u64> {
        let pid = self.site.process(Part::WebhookGw)?.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.context("/proc tells no VmHWM")? * 1024)
    }

    /// Stops what was started.
    ///
    /// # Errors
    /// A process had to be killed.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.site.stop().await
    }
}

fn since(pids: [u32; 3], before: [Duration; 3]) -> [Duration; 3] {
    let after = pids.map(cpu::used);
    std::array::from_fn(|of| after[of].saturating_sub(before[of]))
}

/// One partner is the whole load here, so that its share is everything.
fn configure(file: &Path, linger_ms: u32) -> Result<()> {
    let mut config: Table = std::fs::read_to_string(file)?.parse()?;
    let most = |of: &[(&str, i64)]| {
        let of = of.iter();
        Value::Table(
            of.map(|(name, most)| ((*name).to_owned(), (*most).into()))
                .collect(),
        )
    };
    let rate = i64::from(u32::MAX);
    let mut quota = Table::new();
    quota.insert(
        "rate".to_owned(),
        most(&[("per_minute", rate), ("burst", rate)]),
    );
    quota.insert("max_in_flight".to_owned(), 1024.into());
    quota.insert("max_connections".to_owned(), 1024.into());
    let partners = config.get_mut("partners").and_then(Value::as_array_mut);
    for partner in partners
        .into_iter()
        .flatten()
        .filter_map(Value::as_table_mut)
    {
        partner.insert("quota".to_owned(), Value::Table(quota.clone()));
    }
    let mut place = ["log", "options", "kafka"].into_iter();
    let kafka = place.try_fold(&mut config, |table, name| {
        table.get_mut(name).and_then(Value::as_table_mut)
    });
    let kafka = kafka.context("webhook-gw has no log on Kafka")?;
    kafka.insert("linger".to_owned(), format!("{linger_ms}ms").into());
    Ok(std::fs::write(file, toml::to_string(&config)?)?)
}

/// A record as webhook-gw writes it.
async fn sample(site: &Site) -> Result<Sample> {
    let (url, options) = observed(site)?;
    let log = eventlog::open(&url, options).await?;
    let mut tail = log.tail(Topic::AccessEvents, TailFrom::Beginning).await?;
    let records = tail.next_batch(1).await?;
    records.first().map(Sample::of).context("a record")
}

async fn register(site: &Site) -> Result<()> {
    let mut operator = Operator::connect(site).await?;
    apply(&mut operator, "global", vec![fixtures::partner(site)]).await?;
    for complex in 0..COMPLEXES {
        apply(&mut operator, complex_id(complex), entities(complex)).await?;
    }
    Ok(())
}

/// One of the fixtures'.
pub(super) fn complex_id(complex: usize) -> &'static str {
    fixtures::COMPLEXES[complex].id
}

/// The one door of a complex.
pub(super) fn door_id(complex: usize) -> String {
    format!("{}.door", complex_id(complex))
}

fn entities(complex: usize) -> Vec<Entity> {
    let complex_id = complex_id(complex);
    vec![
        Entity::Complex(pb::Complex {
            complex_id: complex_id.to_owned(),
            name: complex_id.to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
        Entity::Perimeter(pb::Perimeter {
            partner_id: PARTNER.to_owned(),
            complex_id: complex_id.to_owned(),
            operations: vec![pb::Operation::OpenDoor.into()],
            ..pb::Perimeter::default()
        }),
        Entity::Device(pb::Device {
            device_id: door_id(complex),
            name: door_id(complex),
            kind: pb::DeviceKind::Door.into(),
            operations: vec![pb::Operation::OpenDoor.into()],
            partner_id: PARTNER.to_owned(),
            enabled: true,
            ..pb::Device::default()
        }),
    ]
}
