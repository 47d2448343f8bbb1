//! Whom a crash takes.

use anyhow::Result;
use harness::site::{Part, Site};

/// A process of the site, or of an engine that is the site's own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Victim {
    /// One of our processes, the partner or the issuer.
    Part(Part),
    /// A broker of the log.
    #[cfg(feature = "cassandra")]
    Broker(usize),
    /// The view store's node.
    #[cfg(feature = "cassandra")]
    Views,
}

impl Victim {
    /// Kills it as a power cut would.
    pub(super) fn kill9(self, site: &mut Site) -> Result<()> {
        match self {
            Self::Part(part) => site.kill9(part),
            #[cfg(feature = "cassandra")]
            Self::Broker(broker) => site.cluster()?.engines()?.kafka.kill9(broker),
            #[cfg(feature = "cassandra")]
            Self::Views => site.cluster()?.engines()?.cassandra.kill9(),
        }
    }

    async fn revive(self, site: &mut Site) -> Result<()> {
        match self {
            Self::Part(part) => site.start_part(part).await,
            #[cfg(feature = "cassandra")]
            Self::Broker(_) => Ok(()),
            #[cfg(feature = "cassandra")]
            Self::Views => site.cluster()?.engines()?.cassandra.restart().await,
        }
    }
}

/// Starts them again on what they had written, in this order, brokers before all others.
pub(super) async fn revive(victims: &[Victim], site: &mut Site) -> Result<()> {
    #[cfg(feature = "cassandra")]
    {
        let broker = |victim: &Victim| match victim {
            Victim::Broker(broker) => Some(*broker),
            _ => None,
        };
        let brokers: Vec<usize> = victims.iter().filter_map(broker).collect();
        if !brokers.is_empty() {
            site.cluster()?
                .engines()?
                .kafka
                .restart_all(&brokers)
                .await?;
        }
    }
    for victim in victims {
        victim.revive(site).await?;
    }
    Ok(())
}
