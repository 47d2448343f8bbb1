//! The limit: the rows that a projection has left, written by nothing but the engine's driver into the
//! same tables elsewhere.

#[cfg(feature = "cluster")]
mod cassandra;
mod sqlite;

use std::time::Duration;

use anyhow::Result;
use harness::site::Pair;

use super::scene::{Place, Scene};

/// What the bare loop took.
pub(super) struct Bare {
    /// Rows that it wrote.
    pub(super) rows: usize,
    /// From the first to the last acknowledgement.
    pub(super) took: Duration,
}

/// Writes the rows of a place into an empty one; where the store is a file, in so many transactions.
///
/// # Errors
/// A store refuses.
pub(super) async fn write(
    scene: &mut Scene,
    from: &Place,
    into: &Place,
    transactions: usize,
) -> Result<Bare> {
    match scene.site.pair() {
        Pair::Embedded => {
            let rows = sqlite::Rows::read(from.file())?;
            let took = rows.write(into.file(), transactions)?;
            let rows = rows.count();
            Ok(Bare { rows, took })
        }
        #[cfg(feature = "cluster")]
        Pair::Cluster => {
            let session = scene.session().await?;
            let rows = cassandra::Rows::read(session, from.keyspace()).await?;
            let took = rows.write(into.keyspace()).await?;
            let rows = rows.count();
            Ok(Bare { rows, took })
        }
        #[cfg(not(feature = "cluster"))]
        Pair::Cluster => anyhow::bail!("this build has no Cassandra"),
    }
}
