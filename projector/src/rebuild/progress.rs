//! How far it is: a bar at a terminal, now and then a line elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// On standard error, so that it is no part of what was asked for.
pub(super) struct ProgressShown {
    what: &'static str,
    /// Of what.
    unit: &'static str,
    begun: Instant,
    last: Instant,
    done: u64,
    known: u64,
    bar: Option<ProgressBar>,
}

impl ProgressShown {
    pub(super) fn start(what: &'static str, unit: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{msg} [{bar:40}] {human_pos} of {human_len}, {per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style);
            ProgressBar::new(0)
                .with_message(what)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            what,
            unit,
            begun: Instant::now(),
            last: Instant::now(),
            done: 0,
            known: 0,
            bar,
        }
    }

    /// So many are known of now.
    pub(super) fn aim(&mut self, known: u64) {
        self.known = known;
        if let Some(bar) = &self.bar {
            bar.set_length(known);
        }
    }

    /// So many more are done.
    pub(super) fn advance(&mut self, count: usize) {
        self.done += count as u64;
        match &self.bar {
            Some(bar) => bar.inc(count as u64),
            None if self.last.elapsed() >= EVERY => {
                eprintln!("{}", self.line(self.begun.elapsed()));
                self.last = Instant::now();
            }
            None => {}
        }
    }

    fn line(&self, taken: Duration) -> String {
        let rate = self.done as f64 / taken.as_secs_f64().max(0.001);
        let left = self.known.saturating_sub(self.done) as f64 / rate.max(0.001);
        let (what, done, known, unit) = (self.what, self.done, self.known, self.unit);
        match known {
            0 => format!("{what}: {done} {unit}, {rate:.0} a second"),
            _ => format!(
                "{what}: {done} of {known} {unit}, {rate:.0} a second, about {left:.0} s left"
            ),
        }
    }
}

impl Drop for ProgressShown {
    fn drop(&mut self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => eprintln!("{}: {} {}", self.what, self.done, self.unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let mut shown = ProgressShown::start("rebuild", "records");
        shown.advance(1000);
        let line = shown.line(Duration::from_secs(2));
        assert_eq!(line, "rebuild: 1000 records, 500 a second");
        shown.aim(3000);
        let line = shown.line(Duration::from_secs(2));
        assert_eq!(
            line,
            "rebuild: 1000 of 3000 records, 500 a second, about 4 s left"
        );
    }
}
