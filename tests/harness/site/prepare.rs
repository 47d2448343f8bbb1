//! A site before it starts: its folders, certificates, keys, configuration files and engines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

#[cfg(feature = "cassandra")]
use super::cluster::Cluster;
use super::{Certificates, Engines, Keys, Pair, Ports, Site, configs};
#[cfg(feature = "cassandra")]
use crate::engines::standing::Standing;
use crate::pki::Pki;

impl Site {
    /// Makes certificates, keys and configuration files below `dir` for a site on embedded
    /// engines; starts nothing.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn prepare(dir: &Path) -> Result<Self> {
        let dir = folders(dir)?;
        let pki = Pki::create(&dir.join("pki"))?;
        Self::furnish(dir, pki, Engines::Embedded)
    }

    /// The same on these engines: on those that the environment names, where it names any, else on
    /// ones that it starts. None where this machine can't run them, which is said loudly.
    ///
    /// # Errors
    /// A file can't be written; or an engine does not start, or can't be had, and `CI` is set.
    pub async fn prepare_on(pair: Pair, dir: &Path) -> Result<Option<Self>> {
        match pair {
            Pair::Embedded => Self::prepare(dir).map(Some),
            #[cfg(feature = "cassandra")]
            Pair::Cluster => match Standing::from_env()? {
                None => Self::prepare_alone(dir, 1).await,
                Some(standing) => {
                    let dir = folders(dir)?;
                    let pki = Pki::of(standing.authority(), &dir.join("pki"))?;
                    let cluster = Cluster::lodge(&standing, &pki).await?;
                    Self::furnish(dir, pki, Engines::Cluster(Box::new(cluster))).map(Some)
                }
            },
            #[cfg(not(feature = "cassandra"))]
            Pair::Cluster => anyhow::bail!(
                "this build has no cluster engines: build it with the features that `cargo xtask` names"
            ),
        }
    }

    /// The same on so many brokers and a node that no other site uses.
    ///
    /// # Errors
    /// As [`Site::prepare_on`].
    #[cfg(feature = "cassandra")]
    pub async fn prepare_alone(dir: &Path, brokers: usize) -> Result<Option<Self>> {
        Self::on_its_own(dir, async |dir, pki| Cluster::own(dir, pki, brokers).await).await
    }

    /// A site to be measured: on a broker that is set up for speed, or on embedded engines. Of its
    /// parts only the issuer and command-svc can be started, as there is no view store. None as with
    /// [`Site::prepare_on`].
    ///
    /// # Errors
    /// As [`Site::prepare_on`].
    pub async fn prepare_fast(pair: Pair, dir: &Path) -> Result<Option<Self>> {
        match pair {
            Pair::Embedded => Self::prepare(dir).map(Some),
            #[cfg(feature = "cassandra")]
            Pair::Cluster => Self::on_its_own(dir, Cluster::fast_log).await,
            #[cfg(not(feature = "cassandra"))]
            Pair::Cluster => Self::prepare_on(pair, dir).await,
        }
    }

    /// The same with a view store that is set up for speed as well.
    ///
    /// # Errors
    /// As [`Site::prepare_on`].
    pub async fn prepare_fast_with_views(pair: Pair, dir: &Path) -> Result<Option<Self>> {
        match pair {
            Pair::Embedded => Self::prepare(dir).map(Some),
            #[cfg(feature = "cassandra")]
            Pair::Cluster => Self::on_its_own(dir, Cluster::fast).await,
            #[cfg(not(feature = "cassandra"))]
            Pair::Cluster => Self::prepare_on(pair, dir).await,
        }
    }

    #[cfg(feature = "cassandra")]
    async fn on_its_own(
        dir: &Path,
        start: impl AsyncFnOnce(&Path, &Pki) -> Result<Option<Cluster>>,
    ) -> Result<Option<Self>> {
        let dir = folders(dir)?;
        let pki = Pki::create(&dir.join("pki"))?;
        let cluster = start(&dir.join("engines"), &pki).await?;
        cluster
            .map(|cluster| Self::furnish(dir, pki, Engines::Cluster(Box::new(cluster))))
            .transpose()
    }

    fn furnish(dir: PathBuf, pki: Pki, engines: Engines) -> Result<Self> {
        let site = Self {
            certificates: Certificates::issue(&pki)?,
            keys: Keys::generate(&dir.join("keys"))?,
            ports: Ports::pick()?,
            running: BTreeMap::new(),
            realm: None,
            engines,
            pki,
            dir,
        };
        configs::write(&site)?;
        Ok(site)
    }
}

/// The folders of a site.
fn folders(dir: &Path) -> Result<PathBuf> {
    for folder in ["config", "data", "logs"] {
        std::fs::create_dir_all(dir.join(folder))
            .with_context(|| format!("create {}", dir.join(folder).display()))?;
    }
    Ok(dir.canonicalize()?)
}
