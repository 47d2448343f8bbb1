//! A site on Apache Kafka and Apache Cassandra: engines of its own, or a place on standing ones.

use std::path::Path;

use anyhow::{Context as _, Result};
use url::Url;

use crate::engines::cassandra::Cassandra;
use crate::engines::kafka::{Kafka, Layout, Tuning};
use crate::engines::standing::{Lodging, Standing};
use crate::pki::{Issued, Pki, Profile};

/// Where a site's log and views are, and how to become an operator there.
pub struct Cluster {
    /// `log.url`.
    pub log: Url,
    /// Before the names of topics and groups.
    pub prefix: String,
    /// How many acknowledgements the topics ask for.
    pub min_insync_replicas: usize,
    /// May do everything on the log.
    pub operator: Issued,
    /// `views.url`.
    pub views: String,
    home: Home,
}

enum Home {
    Own(Box<Own>),
    Log(Box<Kafka>),
    Lodging(Lodging),
    Left,
}

/// Engines of one site, stopped when dropped.
pub struct Own {
    /// The event log.
    pub kafka: Kafka,
    /// The view store.
    pub cassandra: Cassandra,
}

impl Cluster {
    /// Starts so many brokers and a node, side by side. None where this machine can't run them, which
    /// is said loudly.
    ///
    /// # Errors
    /// One does not start; or one can't be had, and `CI` is set.
    pub async fn own(dir: &Path, pki: &Pki, brokers: usize) -> Result<Option<Self>> {
        let layout = Layout::brokers(brokers);
        let (kafka_dir, cassandra_dir) = (dir.join("kafka"), dir.join("cassandra"));
        let (kafka, cassandra) = tokio::try_join!(
            Kafka::start(&kafka_dir, pki, &layout),
            Cassandra::start(&cassandra_dir, pki),
        )?;
        let engines = kafka.zip(cassandra);
        engines
            .map(|engines| Self::of(engines, if brokers < 3 { 1 } else { 2 }))
            .transpose()
    }

    fn of((kafka, cassandra): (Kafka, Cassandra), min_insync_replicas: usize) -> Result<Self> {
        Ok(Self {
            log: kafka.url()?,
            prefix: String::new(),
            min_insync_replicas,
            operator: kafka.admin().clone(),
            views: cassandra.url(),
            home: Home::Own(Box::new(Own { kafka, cassandra })),
        })
    }

    /// Starts one broker that is set up for speed, and no view store: what only appends is measured
    /// here. None as with [`Cluster::own`].
    ///
    /// # Errors
    /// As [`Cluster::own`].
    pub async fn fast_log(dir: &Path, pki: &Pki) -> Result<Option<Self>> {
        let layout = Layout {
            tuning: Tuning::Speed,
            ..Layout::brokers(1)
        };
        let Some(kafka) = Kafka::start(&dir.join("kafka"), pki, &layout).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            log: kafka.url()?,
            prefix: String::new(),
            min_insync_replicas: 1,
            operator: kafka.admin().clone(),
            views: String::new(),
            home: Home::Log(Box::new(kafka)),
        }))
    }

    /// Starts one broker and a node that are set up for speed. None as with [`Cluster::own`].
    ///
    /// # Errors
    /// As [`Cluster::own`].
    pub async fn fast(dir: &Path, pki: &Pki) -> Result<Option<Self>> {
        let layout = Layout {
            tuning: Tuning::Speed,
            ..Layout::brokers(1)
        };
        let kafka = Kafka::start(&dir.join("kafka"), pki, &layout).await?;
        let cassandra = Cassandra::start_tuned(&dir.join("cassandra"), pki, Tuning::Speed).await?;
        let engines = kafka.zip(cassandra);
        engines.map(|engines| Self::of(engines, 1)).transpose()
    }

    /// The brokers.
    ///
    /// # Errors
    /// They aren't this site's own.
    pub fn kafka(&mut self) -> Result<&mut Kafka> {
        match &mut self.home {
            Home::Own(own) => Some(&mut own.kafka),
            Home::Log(kafka) => Some(kafka.as_mut()),
            _ => None,
        }
        .context("these brokers are other sites' too")
    }

    /// Takes a place on engines that stand already, whose authority issues `pki`'s certificates.
    ///
    /// # Errors
    /// They refuse, or can't be reached.
    pub async fn lodge(standing: &Standing, pki: &Pki) -> Result<Self> {
        let admin = Profile::client("admin").unit("operators");
        let lodging = standing.lodge(pki).await?;
        Ok(Self {
            log: lodging.log()?,
            prefix: lodging.prefix.clone(),
            min_insync_replicas: standing.min_insync_replicas(),
            operator: pki.issue(&admin.saved_as("kafka-admin"))?,
            views: lodging.views(),
            home: Home::Lodging(lodging),
        })
    }

    /// The engines, to be stopped and killed.
    ///
    /// # Errors
    /// They aren't this site's own.
    pub fn engines(&mut self) -> Result<&mut Own> {
        match &mut self.home {
            Home::Own(own) => Some(own.as_mut()),
            _ => None,
        }
        .context("these engines are other sites' too")
    }

    /// Takes what this site had away from engines that others use too.
    ///
    /// # Errors
    /// They refuse, or can't be reached.
    pub async fn leave(&mut self, pki: &Pki) -> Result<()> {
        match std::mem::replace(&mut self.home, Home::Left) {
            Home::Lodging(lodging) => lodging.leave(pki).await,
            home => {
                self.home = home;
                Ok(())
            }
        }
    }
}
