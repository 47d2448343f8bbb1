//! How an engine that is a single process goes away.

use anyhow::Result;
use harness::engines::cassandra::Cassandra;
use harness::engines::kafka::Kafka;

/// Each way, in the order in which tests take them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Away {
    Paused,
    Stopped,
    Killed,
}

impl Away {
    pub(super) const ALL: [Self; 3] = [Self::Paused, Self::Stopped, Self::Killed];

    /// Takes it away.
    pub(super) async fn go(self, engine: &mut impl Engine) -> Result<()> {
        match self {
            Self::Paused => engine.pause(),
            Self::Stopped => engine.stop().await,
            Self::Killed => engine.kill9(),
        }
    }

    /// Brings it back, on what it had written.
    pub(super) async fn come_back(self, engine: &mut impl Engine) -> Result<()> {
        match self {
            Self::Paused => engine.resume(),
            Self::Stopped | Self::Killed => engine.restart().await,
        }
    }
}

/// An engine of one process.
pub(super) trait Engine {
    fn pause(&mut self) -> Result<()>;
    fn resume(&mut self) -> Result<()>;
    fn kill9(&mut self) -> Result<()>;
    async fn stop(&mut self) -> Result<()>;
    async fn restart(&mut self) -> Result<()>;
}

/// Of its first broker.
impl Engine for Kafka {
    fn pause(&mut self) -> Result<()> {
        Kafka::pause(self, 0)
    }

    fn resume(&mut self) -> Result<()> {
        Kafka::resume(self, 0)
    }

    fn kill9(&mut self) -> Result<()> {
        Kafka::kill9(self, 0)
    }

    async fn stop(&mut self) -> Result<()> {
        Kafka::stop(self, 0).await
    }

    async fn restart(&mut self) -> Result<()> {
        Kafka::restart(self, 0).await
    }
}

impl Engine for Cassandra {
    fn pause(&mut self) -> Result<()> {
        Cassandra::pause(self)
    }

    fn resume(&mut self) -> Result<()> {
        Cassandra::resume(self)
    }

    fn kill9(&mut self) -> Result<()> {
        Cassandra::kill9(self)
    }

    async fn stop(&mut self) -> Result<()> {
        Cassandra::stop(self).await
    }

    async fn restart(&mut self) -> Result<()> {
        Cassandra::restart(self).await
    }
}
