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
    /// From the first to the last acknowledgement: by each way to send them, with what it is called.
    pub(super) took: Vec<(&'static str, Duration)>,
}

/// Writes the rows of a place into empty ones, which are gone then; in so many transactions or parts of
/// the log, where rows are sent together.
///
/// # Errors
/// A store refuses.
pub(super) async fn write(scene: &mut Scene, from: &Place, parts: usize) -> Result<Bare> {
    match scene.site.pair() {
        Pair::Embedded => {
            let into = scene.place("bare").await?;
            let rows = sqlite::Rows::read(from.file())?;
            let took = rows.write(into.file(), parts)?;
            scene.drop(&into).await?;
            Ok(Bare {
                rows: rows.count(),
                took: vec![("in transactions of the same size", took)],
            })
        }
        #[cfg(feature = "cluster")]
        Pair::Cluster => {
            let session = scene.session().await?;
            let rows = cassandra::Rows::read(session, from.keyspace()).await?;
            let mut took = Vec::new();
            for (how, sending) in [
                ("row by row", cassandra::Sending::Singly),
                (
                    "a partition's rows together",
                    cassandra::Sending::Together(parts),
                ),
            ] {
                let into = scene.place("bare").await?;
                took.push((how, rows.write(into.keyspace(), sending).await?));
                scene.drop(&into).await?;
            }
            let rows = rows.count();
            Ok(Bare { rows, took })
        }
        #[cfg(not(feature = "cluster"))]
        Pair::Cluster => anyhow::bail!("this build has no Cassandra"),
    }
}
