//! `projector rebuild`, as it is called.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use super::{Report, Verdict, drop_idle, past, rebuild, trees, views};
use crate::config::Config;
use crate::dump;

/// Records that are written at once unless it is said otherwise.
pub(super) const BATCH: usize = 1024;

/// What to rebuild, and what for.
#[derive(Args)]
#[command(after_long_help = "\
Exit codes:
  0  what is stored is what follows from the log (with --swap: and the new views serve)
  1  it differs; each difference is a line. With --swap, wrong rows are mended by the new views;
     where a tree differs nothing is swapped: keep what you have, and look with `auditctl verify`
  2  wrong arguments
  3  it can't be told: configuration, log or store failed, another rebuild began, or too much moved
     while it was compared. The serving views are as they were, unless `swapped` was printed")]
pub struct RebuildArgs {
    /// Let the rebuilt views serve, if the trees are those of the log
    #[arg(long, group = "what")]
    swap: bool,
    /// Drop the views that don't serve, built or replaced, and do nothing else
    #[arg(long, group = "what")]
    drop: bool,
    /// The views as they stood: of what the log had taken in before this time (RFC 3339)
    #[arg(long, value_name = "TIME", group = "what", requires = "to")]
    until: Option<Timestamp>,
    /// The new SQLite file for --until; `projector serve` reads it with views.url = sqlite:///FILE
    #[arg(long, value_name = "FILE", requires = "until")]
    to: Option<PathBuf>,
    /// Print the root of every tree as it follows from the log, one JSON a line, and store nothing
    #[arg(long, group = "what")]
    dump_trees: bool,
    /// Print the views as they follow from the log, as `dump-views` prints the stored
    #[arg(long, group = "what")]
    dump_views: bool,
    /// Records that are written at once, at most
    #[arg(long, value_name = "COUNT", default_value_t = BATCH,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    batch: usize,
}

impl RebuildArgs {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps it from an answer.
    pub async fn run(&self, config: &Config) -> anyhow::Result<Report> {
        let done = |lines| Report {
            lines,
            verdict: Verdict::Same,
        };
        if self.drop {
            drop_idle(config).await?;
            return Ok(done(Vec::new()));
        }
        if let Some(until) = self.until {
            let to = self.to.as_ref().context("--until needs --to")?;
            past(config, self.batch, until, to).await?;
            return Ok(done(Vec::new()));
        }
        if self.dump_trees {
            return Ok(done(trees(config).await?));
        }
        if self.dump_views {
            let views = views(config, self.batch).await?;
            return Ok(done(dump::lines(&*views).await?));
        }
        rebuild(config, self.batch, self.swap).await
    }
}
