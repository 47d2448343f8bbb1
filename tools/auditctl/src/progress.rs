//! How far it is: a bar at a terminal, now and then a line elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Of one log. On standard error, so that it is no part of what was asked for.
pub(crate) struct Progress {
    what: String,
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Progress {
    /// Begins work on so many records.
    pub(crate) fn start(what: impl ToString, total: u64) -> Self {
        let what = what.to_string();
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{msg} [{bar:40}] {human_pos} of {human_len}, {eta} left";
            let style = ProgressStyle::with_template(style);
            ProgressBar::new(total)
                .with_message(what.clone())
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            what,
            total,
            done: 0,
            bar,
            last: Instant::now(),
        }
    }

    /// So many more are done.
    pub(crate) fn advance(&mut self, count: usize) {
        self.done += count as u64;
        match &self.bar {
            Some(bar) => bar.inc(count as u64),
            None if self.last.elapsed() >= EVERY => {
                eprintln!("{}: {} of {}", self.what, self.done, self.total);
                self.last = Instant::now();
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
