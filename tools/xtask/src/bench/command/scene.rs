//! The two sides with all that they need, and what a round costs each.

use std::fmt;
use std::ops::Add;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use eventlog::{TailFrom, Topic};
use harness::clients;
use harness::process::Port;
use harness::site::{Pair, Part, Site, observed};
use tonic::transport::Channel;

use super::bare::{Bare, Sample};
use super::cpu;
use super::load::{Answers, Load};
use super::partner::Partner;
use super::residents::{self, Residents};
use super::timers::Timers;

/// Connections of the BFF. More than one, as one is served by one task.
const CONNECTIONS: usize = 4;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// command-svc.
    Ours,
    /// The bare service.
    Bare,
}

impl Side {
    /// In the order of their turns.
    pub(super) const BOTH: [Side; 2] = [Side::Ours, Side::Bare];
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Ours => "command-svc",
            Side::Bare => "the bare service",
        })
    }
}

/// Where the time of a request goes, and whether the bare service has such a stage.
pub(super) const STAGES: [(&str, bool); 7] = [
    ("the way there and back", true),
    ("authenticate, admit, answer", true),
    ("decide and sign", false),
    ("append AccessDecided", true),
    ("claim: from its acknowledgement to reading it back", false),
    ("call the partner", true),
    ("sign and append CommandCompleted", true),
];

/// Whose CPU time a request takes.
pub(super) const PROCESSES: [&str; 3] = ["the service", "the broker", "load and partner"];

/// What a round took.
#[derive(Default)]
pub(super) struct Spent {
    pub(super) answers: Answers,
    timers: Timers,
    /// In the order of [`PROCESSES`].
    cpu: [Duration; 3],
}

impl Spent {
    /// The mean of each of [`STAGES`], in milliseconds.
    pub(super) fn stages_ms(&self) -> [f64; 7] {
        let count = self.answers.count() as f64;
        let of = |seconds: f64| seconds * 1e3 / count;
        let Timers {
            handler,
            claim,
            read_back,
            decided,
            completed,
            partner,
        } = self.timers;
        // The bare service has no claim around its first append.
        let claim = claim.max(decided);
        [
            self.answers.mean_ms() - of(handler),
            of(handler - claim - partner - completed),
            of(claim - decided - read_back),
            of(decided),
            of(read_back),
            of(partner),
            of(completed),
        ]
    }

    /// What a request took of each of [`PROCESSES`], in microseconds.
    pub(super) fn cpu_us(&self) -> [f64; 3] {
        let count = self.answers.count() as f64;
        self.cpu.map(|used| used.as_secs_f64() * 1e6 / count)
    }
}

impl Add<&Spent> for Spent {
    type Output = Spent;

    fn add(mut self, other: &Spent) -> Spent {
        self.answers.add(&other.answers);
        self.timers = self.timers.and(other.timers);
        for (used, more) in self.cpu.iter_mut().zip(other.cpu) {
            *used += more;
        }
        self
    }
}

/// Everything, running.
pub(super) struct Scene {
    pub(super) partner: Arc<Partner>,
    site: Site,
    bare: Bare,
    residents: Arc<Residents>,
    http: reqwest::Client,
    /// Asked of each side.
    asked: [u64; 2],
}

impl Scene {
    /// Starts everything; `progress` is told of each step.
    ///
    /// # Errors
    /// A part does not start.
    pub(super) async fn start(
        pair: Pair,
        dir: &Path,
        progress: impl Fn(&'static str),
    ) -> Result<Self> {
        progress("starting the log (Apache Kafka is fetched the first time)");
        let site = Site::prepare_fast(pair, dir).await?;
        let mut site = site.context("no Apache Kafka here; --engine sqlite needs none")?;
        residents::expect(&site)?;
        let partner = Partner::start(&site).await?;
        progress("starting command-svc");
        for part in [Part::Issuer, Part::CommandSvc] {
            site.start_part(part).await?;
        }
        progress("registering residents and doors");
        let residents = Arc::new(Residents::register(&site).await?);
        progress("starting the bare service");
        let first = Load {
            in_flight: 1,
            time: Duration::from_millis(1),
        };
        let channels = connect(&site, &site.ports.access).await?;
        let asked = first.run(&channels, &residents).await?.count();
        let samples = sample(&site).await?;
        let bare = Bare::start(&mut site, partner.url(), &samples).await?;
        Ok(Self {
            partner,
            site,
            bare,
            residents,
            http: harness::http::plain()?,
            asked: [asked, 0],
        })
    }

    /// Asks one side, over fresh connections.
    ///
    /// # Errors
    /// A request fails.
    pub(super) async fn round(&mut self, side: Side, load: &Load) -> Result<Spent> {
        let port = match side {
            Side::Ours => &self.site.ports.access,
            Side::Bare => &self.bare.port,
        };
        let channels = connect(&self.site, port).await?;
        let (admin, pids) = self.whereabouts(side)?;
        let (timers, cpu) = (Timers::ask(&self.http, &admin).await?, pids.map(cpu::used));
        let answers = load.run(&channels, &self.residents).await?;
        let used = pids.map(cpu::used);
        self.asked[side as usize] += answers.count();
        Ok(Spent {
            answers,
            timers: Timers::ask(&self.http, &admin).await?.since(timers),
            cpu: std::array::from_fn(|of| used[of].saturating_sub(cpu[of])),
        })
    }

    /// The admin address of a side, and the processes whose CPU time counts.
    fn whereabouts(&mut self, side: Side) -> Result<(String, [u32; 3])> {
        let (admin, pid) = match side {
            Side::Ours => (
                self.site.ports.admin[0].address(),
                self.site.process(Part::CommandSvc)?.pid(),
            ),
            Side::Bare => (self.bare.admin.address(), self.bare.process.pid()),
        };
        let processes = [pid, broker(&mut self.site)?, std::process::id()];
        Ok((format!("http://{admin}"), processes))
    }

    /// Whether the log holds two records for each request that was asked, and the partner opened as
    /// often; how many requests that were.
    ///
    /// # Errors
    /// It does not.
    pub(super) async fn check(&self) -> Result<u64> {
        let (url, options) = observed(&self.site)?;
        let log = eventlog::open(&url, options).await?;
        let ours: u64 = log.end_offsets(Topic::AccessEvents).await?.iter().sum();
        let bare = self.bare.records().await?;
        for (side, records) in Side::BOTH.into_iter().zip([ours, bare]) {
            let asked = self.asked[side as usize];
            ensure!(
                records == 2 * asked,
                "{asked} requests to {side} left {records} records"
            );
        }
        let (asked, opened) = (self.asked.iter().sum(), self.partner.opened());
        ensure!(opened == asked, "{asked} requests, {opened} openings");
        Ok(asked)
    }

    /// Stops what was started.
    ///
    /// # Errors
    /// A process had to be killed.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.bare.process.terminate().await?;
        self.site.stop().await
    }
}

async fn connect(site: &Site, port: &Port) -> Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(clients::channel(site, port, Some(&site.certificates.bff)).await?);
    }
    Ok(channels)
}

/// The two records of a command as command-svc writes them.
async fn sample(site: &Site) -> Result<[Sample; 2]> {
    let (url, options) = observed(site)?;
    let log = eventlog::open(&url, options).await?;
    let mut tail = log.tail(Topic::AccessEvents, TailFrom::Beginning).await?;
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(tail.next_batch(2).await?.iter().map(Sample::of));
    }
    found.truncate(2);
    found.try_into().ok().context("two records")
}

/// The broker's process; the benchmark's own where there is none.
fn broker(site: &mut Site) -> Result<u32> {
    #[cfg(feature = "cluster")]
    if site.pair() == Pair::Cluster {
        return site.cluster()?.kafka()?.pid(0);
    }
    let _ = site;
    Ok(0)
}
