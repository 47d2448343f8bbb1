//! Where benchmarks live. Each prints a table and writes `target/bench/NAME.json`: the
//! machine, the load, each figure with its unit, and the ratio to the reference that ran
//! beside it (`ratio_to_limit`).

mod append;
mod report;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// A benchmark: its name, what it measures, and how.
type Bench = (&'static str, &'static str, fn() -> Result<report::Report>);

const BENCHES: &[Bench] = &[(
    "append",
    "event log appends on SQLite, beside bare SQLite transactions of the same records",
    append::run,
)];

/// Runs one, or lists them.
pub(crate) fn run(name: Option<&str>) -> Result<ExitCode> {
    let Some(name) = name else {
        for (name, what, _) in BENCHES {
            println!("{name:<12} {what}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some((name, _, bench)) = BENCHES.iter().find(|(known, _, _)| *known == name) else {
        bail!("there is no benchmark `{name}`; `cargo xtask bench` lists them");
    };
    let path = bench()?.publish(name)?;
    println!("written to {}", path.display());
    Ok(ExitCode::SUCCESS)
}
