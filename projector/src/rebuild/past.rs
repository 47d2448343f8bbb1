//! The views as they stood at a time, for auditors: a file of its own.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use url::Url;

use super::replay::Replay;
use super::{ends_of, open};
use crate::config::Config;
use crate::{prune, store};

/// Builds the views from what the log had taken in before this time, into a new SQLite file. It is there
/// when it is whole.
///
/// # Errors
/// The file exists already, or can't be written; the log can't be read.
pub async fn past(
    config: &Config,
    batch: usize,
    until: Timestamp,
    to: &Path,
) -> anyhow::Result<()> {
    let to = std::path::absolute(to).context("the path of the new file")?;
    anyhow::ensure!(
        !to.exists(),
        "{} exists already: name a new file",
        to.display()
    );
    let half = to.with_added_extension("half");
    for leftover in ["half", "half-wal", "half-shm"] {
        match std::fs::remove_file(to.with_added_extension(leftover)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("what an earlier run has left");
            }
            _ => {}
        }
    }
    let mut url: Url = "sqlite:///".parse()?;
    url.set_path(half.to_str().context("the path isn't UTF-8")?);
    let log = open(config).await?;
    let views = store::open(&url).await?;
    let replay = Replay::start(config, &*log, views, batch).await?;
    let mut replay = replay.until(until);
    replay.without(prune::gone(config).await?);
    replay.to(&ends_of(&*log).await?).await?;
    drop(replay);
    store::seal(&url).await?;
    std::fs::rename(&half, &to).with_context(|| format!("can't make {}", to.display()))
}
