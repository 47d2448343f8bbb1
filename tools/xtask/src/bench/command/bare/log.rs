//! The log that it appends to: the engine itself, with nothing between.

use std::path::PathBuf;

use anyhow::Result;
use harness::site::Site;
use serde::{Deserialize, Serialize};

use super::Sample;
#[cfg(feature = "cluster")]
use super::kafka;
use super::sqlite;

/// Which.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub(super) enum LogConfig {
    /// A file.
    Sqlite {
        /// It.
        path: PathBuf,
    },
    /// A topic.
    #[cfg(feature = "cluster")]
    Kafka(kafka::Topic),
}

/// The log, open.
pub(super) enum Log {
    Sqlite(sqlite::File),
    #[cfg(feature = "cluster")]
    Kafka(kafka::Appender),
}

impl LogConfig {
    /// One on the same engine as the site's.
    pub(super) fn beside(site: &mut Site) -> Result<Self> {
        #[cfg(feature = "cluster")]
        if site.pair() == harness::site::Pair::Cluster {
            return Ok(Self::Kafka(kafka::Topic::beside(site)?));
        }
        Ok(Self::Sqlite {
            path: site.dir.join("data/bare.db"),
        })
    }

    /// Makes it.
    pub(super) async fn create(&self) -> Result<()> {
        match self {
            Self::Sqlite { path } => sqlite::create(path),
            #[cfg(feature = "cluster")]
            Self::Kafka(topic) => topic.create().await,
        }
    }

    /// How many records it holds.
    pub(super) async fn count(&self) -> Result<u64> {
        match self {
            Self::Sqlite { path } => sqlite::count(path),
            #[cfg(feature = "cluster")]
            Self::Kafka(topic) => topic.count(),
        }
    }

    /// Opens it.
    pub(super) async fn open(&self) -> Result<Log> {
        match self {
            Self::Sqlite { path } => Ok(Log::Sqlite(sqlite::File::open(path)?)),
            #[cfg(feature = "cluster")]
            Self::Kafka(topic) => Ok(Log::Kafka(topic.open()?)),
        }
    }
}

impl Log {
    /// Appends a record like `sample`; durable when it returns.
    pub(super) async fn append(&self, sample: &Sample) -> Result<()> {
        match self {
            Self::Sqlite(file) => file.append(sample).await,
            #[cfg(feature = "cluster")]
            Self::Kafka(appender) => appender.append(sample).await,
        }
    }
}
