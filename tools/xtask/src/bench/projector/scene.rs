//! A site whose log is full, and the projector's two roles on it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use authn::record::{RecordSigner, RecordSignerConfig};
use eventlog::Topic;
use harness::process::{Process, Spec};
use harness::site::{Pair, Part, Site, observed};
use service::config::SecretFile;

use super::records::Life;
use crate::bench::command::cpu;

/// Records appended together.
const TOGETHER: usize = 1000;
/// How often a process is asked how far it is.
const ASKED: Duration = Duration::from_millis(20);
/// Without any progress for so long it is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// Only a broken process takes longer to be ready.
const READY: Duration = Duration::from_secs(90);

/// Where a round's views and tiles are.
pub(super) struct Place {
    /// `views.url`.
    pub(super) views: String,
    /// `tiles.url`.
    pub(super) tiles: String,
}

/// What a round of `projector project` took.
pub(super) struct Projected {
    /// Records a second, from the first ones on.
    pub(super) rate: f64,
    /// CPU time of a record, of projector and view store, in microseconds.
    pub(super) cpu_us: [f64; 2],
    /// Most physical memory, in bytes: before the first record, and in all.
    pub(super) memory: [u64; 2],
}

/// A site with a log and nobody running.
pub(super) struct Scene {
    pub(super) site: Site,
    http: reqwest::Client,
}

impl Place {
    /// The file of a view store that is one.
    pub(super) fn file(&self) -> &Path {
        Path::new(self.views.trim_start_matches("sqlite://"))
    }

    /// The keyspace of a view store that is one.
    #[cfg(feature = "cluster")]
    pub(super) fn keyspace(&self) -> &str {
        self.views.rsplit('/').next().unwrap_or_default()
    }
}

impl Scene {
    /// Its engines are running, its log is empty. None where there are none to be had here.
    ///
    /// # Errors
    /// An engine does not start.
    pub(super) async fn start(pair: Pair, dir: &Path) -> Result<Option<Self>> {
        let site = Site::prepare_fast_with_views(pair, dir).await?;
        let http = harness::http::plain()?;
        Ok(site.map(|site| Self { site, http }))
    }

    /// Fills the log with about so many records; how many they are.
    ///
    /// # Errors
    /// The log does not take them.
    pub(super) async fn fill(&self, records: usize) -> Result<u64> {
        let signer = RecordSigner::load(&RecordSignerConfig {
            private_key: SecretFile::new(self.site.keys.record_key.clone()),
            certificate: self.site.keys.record_certificate()?.to_owned().into(),
        })?;
        let (url, mut options) = observed(&self.site)?;
        if let Some(kafka) = &mut options.kafka {
            kafka.appends = vec![Topic::AccessEvents, Topic::DeviceStatus];
        }
        let log = eventlog::open(&url, options).await?;
        let mut life = Life::new(signer)?;
        let mut filled = 0;
        while filled < records {
            let some = life.go_on(TOGETHER.min(records - filled))?;
            filled += some.len();
            for some in some.chunks(TOGETHER) {
                log.append_all(some.to_vec()).await?;
            }
        }
        Ok(filled as u64)
    }

    /// An empty place of this name.
    ///
    /// # Errors
    /// The view store refuses.
    pub(super) async fn place(&mut self, name: &str) -> Result<Place> {
        let data = self.site.dir.join("data");
        let views = match self.site.pair() {
            Pair::Embedded => format!("sqlite://{}", data.join(format!("{name}.db")).display()),
            #[cfg(feature = "cluster")]
            Pair::Cluster => {
                let cassandra = &self.site.cluster()?.engines()?.cassandra;
                cassandra.furnish(&format!("bench_{name}")).await?
            }
            #[cfg(not(feature = "cluster"))]
            Pair::Cluster => anyhow::bail!("this build has no Cassandra"),
        };
        let tiles = format!("file://{}", data.join(format!("tiles-{name}")).display());
        Ok(Place { views, tiles })
    }

    /// Takes the rows of a place away: what compacts them would take time from the next round.
    ///
    /// # Errors
    /// The view store refuses.
    pub(super) async fn drop(&mut self, place: &Place) -> Result<()> {
        match self.site.pair() {
            Pair::Embedded => Ok(std::fs::remove_file(place.file())?),
            #[cfg(feature = "cluster")]
            Pair::Cluster => {
                let cassandra = &self.site.cluster()?.engines()?.cassandra;
                let admin = cassandra.admin().await?;
                let keyspace = place.keyspace();
                admin.run(&format!("DROP KEYSPACE {keyspace}")).await?;
                admin.run(&format!("DROP KEYSPACE {keyspace}_b")).await
            }
            #[cfg(not(feature = "cluster"))]
            Pair::Cluster => Ok(()),
        }
    }

    /// The driver's session of somebody who may do everything in the view store.
    ///
    /// # Errors
    /// It can't be reached.
    #[cfg(feature = "cluster")]
    pub(super) async fn session(&mut self) -> Result<scylla::client::session::Session> {
        let cassandra = &self.site.cluster()?.engines()?.cassandra;
        Ok(cassandra.admin().await?.into_session())
    }

    /// Projects the whole log, of so many records, into an empty place.
    ///
    /// # Errors
    /// The projector does not start, ends, or gets stuck.
    pub(super) async fn project(&mut self, place: &Place, records: u64) -> Result<Projected> {
        let part = Part::Projector;
        let mut process = self.spawn("project", part, place)?;
        let store = self.store()?;
        let begun = Instant::now();
        let (mut first, mut moved, mut seen) = (None, begun, 0);
        let mut at_start = 0;
        loop {
            if let Some(status) = process.exited()? {
                anyhow::bail!("projector ended: {status}\n{}", process.log_tail(20));
            }
            let done = self.projected(part).await.unwrap_or(0);
            let now = Instant::now();
            if done > seen {
                (seen, moved) = (done, now);
                let used = || [process.pid(), store].map(cpu::used);
                first.get_or_insert_with(|| (now, done, used()));
            } else if done == 0 {
                at_start = peak_memory(process.pid()).unwrap_or(0);
            }
            if done >= records {
                break;
            }
            ensure!(
                now - moved < PATIENCE,
                "the projection stands at {done} of {records} records\n{}",
                process.log_tail(20)
            );
            tokio::time::sleep(ASKED).await;
        }
        let (from, before, used) = first.context("no record was projected")?;
        let counted = (records - before) as f64;
        let after = [process.pid(), store].map(cpu::used);
        let spent = |of: usize| after[of].saturating_sub(used[of]).as_secs_f64() * 1e6 / counted;
        let projected = Projected {
            rate: counted / from.elapsed().as_secs_f64(),
            cpu_us: [spent(0), spent(1)],
            memory: [at_start, peak_memory(process.pid())?],
        };
        process.terminate().await?;
        Ok(projected)
    }

    /// Starts `projector serve` on what was projected.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn serve(&self, place: &Place) -> Result<Process> {
        let part = self.site.serving();
        let mut process = self.spawn("serve", part, place)?;
        let ready = format!("{}/readyz", self.admin(part)).parse()?;
        process.wait_ready_http(&self.http, &ready, READY).await?;
        Ok(process)
    }

    fn spawn(&self, role: &str, part: Part, place: &Place) -> Result<Process> {
        let log = self.site.dir.join("logs").join(format!("{role}.log"));
        let spec = Spec::workspace("projector", log)?
            .arg(role)
            .arg("--config")
            .arg(self.site.config(part))
            .env("PROJECTOR__VIEWS__URL", &place.views)
            .env("PROJECTOR__TILES__URL", &place.tiles);
        Process::spawn(&spec)
    }

    /// The process whose CPU time is the view store's; none of them where that is a file.
    fn store(&mut self) -> Result<u32> {
        #[cfg(feature = "cluster")]
        if self.site.pair() == Pair::Cluster {
            return Ok(self.site.cluster()?.engines()?.cassandra.pid());
        }
        Ok(0)
    }

    fn admin(&self, part: Part) -> String {
        let port = match part {
            Part::ProjectorServe => &self.site.ports.admin[3],
            _ => &self.site.ports.admin[2],
        };
        format!("http://{}", port.address())
    }

    /// How many records a projector has told of as projected.
    async fn projected(&self, part: Part) -> Result<u64> {
        let url = format!("{}/metrics", self.admin(part));
        let text = self.http.get(url).send().await?.text().await?;
        let counts = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("projector_records_total{")?;
            rest.rsplit_once(' ')?.1.parse::<f64>().ok()
        });
        Ok(counts.sum::<f64>() as u64)
    }
}

/// The most physical memory that a process has had, in bytes (`VmHWM`, proc(5)).
///
/// # Errors
/// Nobody tells.
pub(super) fn peak_memory(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.context("/proc tells no VmHWM")? * 1024)
}
