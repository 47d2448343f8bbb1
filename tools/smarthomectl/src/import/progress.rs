//! How far it is: a bar at a terminal, now and then a line elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Of one kind of work. On standard error, so that it is no part of what was asked for.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    /// Begins work on so many.
    pub(crate) fn start(what: &'static str, total: usize) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total as u64).with_message(what);
            let style = "{msg:<20} [{bar:40}] {human_pos} of {human_len}, {eta} left";
            let style = ProgressStyle::with_template(style);
            Shown::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
        } else {
            Shown::Lines {
                last: Instant::now(),
            }
        };
        Self {
            what,
            total,
            done: 0,
            shown,
        }
    }

    /// So many more are done.
    pub(crate) fn advance(&mut self, count: usize) {
        self.done += count;
        let Self {
            what, total, done, ..
        } = self;
        match &mut self.shown {
            Shown::Bar(bar) => bar.inc(count as u64),
            Shown::Lines { last } if done == total || last.elapsed() >= EVERY => {
                eprintln!("{what}: {done} of {total}");
                *last = Instant::now();
            }
            Shown::Lines { .. } => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            // What stands below it must not be painted over.
            bar.abandon();
        }
    }
}
