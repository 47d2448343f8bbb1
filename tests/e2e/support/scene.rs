//! A site for one test. Few stand at once; one whose test failed leaves its folder behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use eventlog::Topic;
use harness::clients::{Auditor, Bff, log_in};
use harness::engines::variables::ENGINES;
use harness::fixtures::{self, Registered};
use harness::journal::{self, Opening};
use harness::log::SiteLog;
use harness::partner_control::PartnerControl;
use harness::process::Port;
use harness::site::{Pair, Part, Site};
use harness::small_disk::SmallDisk;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::replay;

/// Sites that stand at once.
static SITES: Semaphore = Semaphore::const_new(2);

/// The pair that this run is about.
pub(crate) fn pair() -> Result<Pair> {
    match std::env::var(ENGINES).as_deref() {
        Err(_) | Ok("embedded") => Ok(Pair::Embedded),
        Ok("cluster") => Ok(Pair::Cluster),
        Ok(other) => bail!("{ENGINES}={other}: say cluster or embedded"),
    }
}

/// A prepared site of which nothing runs yet.
pub(crate) struct Ground {
    // Dropped first: no process outlives its folder.
    pub(crate) site: Site,
    /// What the log alone, or the tiles alone, are on, to be filled.
    pub(crate) disk: Option<SmallDisk>,
    folder: Folder,
    _place: SemaphorePermit<'static>,
}

impl Ground {
    /// Certificates, keys and configuration files.
    pub(crate) async fn prepare() -> Result<Self> {
        let (place, folder) = (SITES.acquire().await?, Folder::new()?);
        let site = Site::prepare_on(pair()?, folder.path()).await?;
        Ok(Self {
            site: site.context("the engines that this run is about can't be had; see above")?,
            disk: None,
            folder,
            _place: place,
        })
    }

    /// The same on embedded engines, whatever this run is about.
    pub(crate) async fn prepare_embedded() -> Result<Self> {
        let (place, folder) = (SITES.acquire().await?, Folder::new()?);
        Ok(Self {
            site: Site::prepare(folder.path())?,
            disk: None,
            folder,
            _place: place,
        })
    }

    /// The same with the log on a disk of so many megabytes that nothing else is on. No disk where this
    /// machine gives none, which is said loudly.
    pub(crate) async fn prepare_on_small_disk(megabytes: u32) -> Result<Self> {
        let mut ground = Self::prepare_embedded().await?;
        let dir = ground.site.dir.join("disk");
        ground.disk = SmallDisk::mount(&dir, megabytes)?;
        std::os::unix::fs::symlink(dir.join("log.db"), ground.site.dir.join("data/log.db"))?;
        Ok(ground)
    }

    /// The same on a cluster of so many brokers that is this site's alone, to be stopped and killed.
    /// None where this machine can't run one, which is said loudly.
    #[cfg(feature = "cassandra")]
    pub(crate) async fn prepare_alone(brokers: usize) -> Result<Option<Self>> {
        Self::prepare_alone_on(brokers, |_| Ok(None)).await
    }

    /// The same with all brokers on one disk of so many megabytes. No disk where this machine gives
    /// none, which is said loudly.
    #[cfg(feature = "cassandra")]
    pub(crate) async fn prepare_alone_on_small_disk(
        brokers: usize,
        megabytes: u32,
    ) -> Result<Option<Self>> {
        let mount = |folder: &Path| SmallDisk::mount(&folder.join("engines/kafka"), megabytes);
        Self::prepare_alone_on(brokers, mount).await
    }

    #[cfg(feature = "cassandra")]
    async fn prepare_alone_on(
        brokers: usize,
        mount: impl FnOnce(&Path) -> Result<Option<SmallDisk>>,
    ) -> Result<Option<Self>> {
        let (place, folder) = (SITES.acquire().await?, Folder::new()?);
        let disk = mount(folder.path())?;
        let site = Site::prepare_alone(folder.path(), brokers).await?;
        let Some(site) = site else {
            return Ok(None);
        };
        Ok(Some(Self {
            site,
            disk,
            folder,
            _place: place,
        }))
    }

    /// Changes a configuration file.
    pub(crate) fn configure(
        &self,
        part: Part,
        change: impl FnOnce(&mut toml::Table),
    ) -> Result<()> {
        let file = self.site.config(part);
        let mut config = std::fs::read_to_string(&file)?.parse()?;
        change(&mut config);
        std::fs::write(&file, config.to_string())?;
        Ok(())
    }

    /// Starts everything and registers the fixtures.
    pub(crate) async fn build(mut self) -> Result<Scene> {
        self.site.start(|_| {}).await?;
        let registered = fixtures::register(&self.site).await?;
        Ok(Scene {
            bff: Bff::connect(&self.site).await?,
            log: SiteLog::open(&self.site).await?,
            partner: PartnerControl::new(&self.site)?,
            registered,
            ground: self,
        })
    }

    /// The test is over and well: everything that runs must end when asked to, and every decision that
    /// was recorded meanwhile comes out again.
    pub(crate) async fn finish(mut self) -> Result<()> {
        for part in self.site.running() {
            if let Ok(process) = self.site.process(part) {
                let status = match process.exited()? {
                    Some(status) => status,
                    None => process.terminate().await?,
                };
                let text = std::fs::read_to_string(process.log())?;
                ensure!(status.success(), "{} ended with {status}", part.name());
                ensure!(!text.contains("panicked at"), "{} panicked", part.name());
            }
        }
        replay::every_decision(&self.site).await?;
        self.site.leave().await?;
        self.disk = None;
        self.folder.0 = None;
        Ok(())
    }
}

/// A folder that stays where a test fails.
struct Folder(Option<TempDir>);

impl Folder {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("smarthome-it-").tempdir()?;
        Ok(Self(Some(folder)))
    }

    fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new("."), TempDir::path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = self.0.take() {
            let kept: PathBuf = folder.keep();
            eprintln!("the failed test's site is kept in {}", kept.display());
        }
    }
}

/// A running site with its registered complexes, and clients of it.
pub(crate) struct Scene {
    pub(crate) registered: Registered,
    pub(crate) bff: Bff,
    pub(crate) log: SiteLog,
    pub(crate) partner: PartnerControl,
    pub(crate) ground: Ground,
}

impl Scene {
    /// As configured by the harness.
    pub(crate) async fn start() -> Result<Self> {
        Ground::prepare().await?.build().await
    }

    pub(crate) fn site(&self) -> &Site {
        &self.ground.site
    }

    pub(crate) fn site_mut(&mut self) -> &mut Site {
        &mut self.ground.site
    }

    /// Admin listeners of our processes.
    pub(crate) fn admin(&self) -> &[Port] {
        let processes = Part::all(self.site().pair()).len() - 2;
        &self.site().ports.admin[..processes]
    }

    /// A fresh access token.
    pub(crate) async fn token(&self, username: &str) -> Result<String> {
        Ok(log_in(self.site(), username).await?.access_token)
    }

    /// The auditor of all complexes.
    pub(crate) async fn auditor(&self) -> Result<Auditor> {
        Auditor::connect(self.site(), "auditor").await
    }

    /// The partner's journal.
    pub(crate) fn openings(&self) -> Result<Vec<Opening>> {
        journal::openings(self.site())
    }

    /// Waits until the partner has delivered all that it has to tell.
    pub(crate) async fn delivered(&self) -> Result<()> {
        self.partner.delivered().await
    }

    /// Everything that a request can leave behind: the log's ends, the partner's commands and
    /// openings.
    pub(crate) async fn traces(&self) -> Result<Traces> {
        self.delivered().await?;
        let mut ends = BTreeMap::new();
        for topic in Topic::ALL {
            ends.insert(topic, self.log.ends(topic).await?);
        }
        let held = self.partner.get("/commands?limit=10000").await?;
        let commands = held.pointer("/commands").and_then(|list| list.as_array());
        Ok(Traces {
            ends,
            commands: commands.context("the partner's commands")?.len(),
            openings: self.openings()?.len(),
        })
    }

    /// The test is over and well.
    pub(crate) async fn finish(self) -> Result<()> {
        self.ground.finish().await
    }
}

/// What requests have left behind so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traces {
    pub(crate) ends: BTreeMap<Topic, Vec<u64>>,
    pub(crate) commands: usize,
    pub(crate) openings: usize,
}

impl Traces {
    /// Records of a topic.
    pub(crate) fn records(&self, topic: Topic) -> u64 {
        self.ends.get(&topic).map_or(0, |ends| ends.iter().sum())
    }
}
