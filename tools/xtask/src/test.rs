//! `cargo xtask test`: builds, runs every test, counts.

use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::{Engine, build};

/// What the test runners said.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs all tests. Every test makes its own folders and picks its own ports, so two runs at
/// once don't disturb each other; processes end with the test that started them.
pub(crate) fn run(engine: Engine, filter: &[String]) -> Result<ExitCode> {
    let features = match engine {
        Engine::Sqlite => Vec::new(),
        Engine::Kafka => build::cluster(),
    };
    build::binaries(&features)?;
    let mut child = build::cargo()
        .args(["test", "--workspace", "--no-fail-fast", "--color", "never"])
        .args(build::flags(&features))
        .arg("--")
        .args(filter)
        .stdout(Stdio::piped())
        .spawn()
        .context("start cargo test")?;
    let mut count = Count::default();
    let output = child.stdout.take().context("no output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        count.read(&line);
        println!("{line}");
    }
    let status = child.wait()?;
    if !status.success() && count.failed == 0 {
        // A test binary that died, or doctests that did not build, print no count.
        count.failed = 1;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        count.passed, count.failed, count.skipped
    );
    let good = status.success() && count.failed == 0;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Count {
    /// Adds a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
    fn read(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            let mut words = part.split_whitespace();
            let number = words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut count = Count::default();
        count.read("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.read("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.read("something else 9 passed");
        assert_eq!((count.passed, count.failed, count.skipped), (7, 3, 1));
    }
}
