//! `cargo xtask test`: builds, runs every test on every pair of engines, counts.

mod count;

use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use harness::engines::kafka::Kafka;
use harness::engines::missing;
use harness::engines::variables::{ENGINES, KAFKA};

use self::count::Count;
use crate::engines::Engines;
use crate::{Engine, build};

/// Of the end-to-end tests, those that start engines of their own, or need none: once is enough.
const ONCE: [&str; 9] = [
    "browser::",
    "cluster::",
    "crash::",
    "issuers::",
    "privacy::",
    "rights::",
    "rules::",
    "webhook::full_disk",
    "webhook::kills",
];

/// Runs all tests. Every test makes its own folders and picks its own ports, so two runs at
/// once don't disturb each other; processes end with the test that started them, engines with
/// the run.
pub(crate) fn run(engine: Option<Engine>, filter: &[String]) -> Result<ExitCode> {
    let mut count = Count::default();
    if engine == Some(Engine::Sqlite) || !cluster_can_be_had(engine)? {
        build::binaries(&[])?;
        let pass = Pass {
            what: "every test, on SQLite",
            ..Pass::default()
        };
        pass.run(filter, &mut count)?;
    } else if cfg!(feature = "cluster") {
        on_both(engine, filter, &mut count)?;
    } else {
        let mut arguments = vec!["test"];
        if engine.is_some() {
            arguments.extend(["--engine", "kafka"]);
        }
        arguments.push("--");
        arguments.extend(filter.iter().map(String::as_str));
        return build::with_cluster(&arguments);
    }
    count.print();
    Ok(if count.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether Apache Kafka and Apache Cassandra are named or can be started. Where not, that is said
/// loudly; it is an error where they were asked for, and where `CI` is set.
fn cluster_can_be_had(engine: Option<Engine>) -> Result<bool> {
    if are_named() {
        return Ok(true);
    }
    let Some(why) = Kafka::lacking() else {
        return Ok(true);
    };
    ensure!(engine.is_none(), "Apache Kafka can't be had: {why}");
    missing::report("Apache Kafka and Apache Cassandra", &why)?;
    Ok(false)
}

/// Whether the environment names running ones.
fn are_named() -> bool {
    std::env::var_os(KAFKA).is_some_and(|value| !value.is_empty())
}

fn on_both(engine: Option<Engine>, filter: &[String], count: &mut Count) -> Result<()> {
    let features = build::everything();
    // They start while the build runs.
    let mut engines = Engines::begin(are_named())?;
    build::binaries(&features)?;
    if engine.is_none() {
        let first = Pass {
            what: "every test; end to end on SQLite",
            features: &features,
            ..Pass::default()
        };
        first.run(filter, count)?;
    }
    let mut variables = engines.variables()?;
    variables.push((ENGINES.to_owned(), "cluster".to_owned()));
    let second = Pass {
        what: "end to end on Apache Kafka and Apache Cassandra",
        features: &features,
        binaries: &["--test", "e2e"],
        variables,
        skipped: &ONCE,
    };
    second.run(filter, count)
}

/// One run of tests.
#[derive(Default)]
struct Pass<'a> {
    what: &'static str,
    features: &'a [&'static str],
    /// Which test binaries; all unless said.
    binaries: &'a [&'static str],
    /// On top of the environment.
    variables: Vec<(String, String)>,
    /// Tests that are left out.
    skipped: &'a [&'static str],
}

impl Pass<'_> {
    fn run(&self, filter: &[String], count: &mut Count) -> Result<()> {
        println!("== {}", self.what);
        let skips = self.skipped.iter().flat_map(|name| ["--skip", name]);
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let mut child = build::cargo()
            .args(["test", "--workspace", "--no-fail-fast", "--color", "never"])
            .args(self.binaries)
            .args(build::flags(self.features))
            .arg("--")
            .args(skips)
            .args(filter)
            .envs(variables)
            .stdout(Stdio::piped())
            .spawn()
            .context("start cargo test")?;
        let output = child.stdout.take().context("no output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            count.read(&line);
            println!("{line}");
        }
        count.ended(child.wait()?.success());
        Ok(())
    }
}
