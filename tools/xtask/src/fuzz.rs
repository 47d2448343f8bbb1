//! `cargo xtask fuzz`: builds the fuzz targets with libFuzzer's instrumentation, and runs each for
//! a bounded time on its kept corpus.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::{build, root, target};

/// What libFuzzer looks at, as a compiler of the stable channel can put it in: edges, counted, and
/// what is compared with what. No sanitizer: there is no unsafe code in these crates.
const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing -Ccodegen-units=1";

/// The longest that one input may take, in seconds.
const SLOWEST: u32 = 10;
/// The most memory that a target may use, in MiB.
const MEMORY: u32 = 1024;
/// How much of a failed run's log is shown, in lines.
const SHOWN: usize = 30;

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// Targets; without any, all of them.
    targets: Vec<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Run this input alone, once; needs one target.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Builds the targets and runs them one after another, all of them even if one finds something.
pub(crate) fn run(fuzz: &Fuzz) -> Result<ExitCode> {
    let targets = chosen(&fuzz.targets)?;
    let host = host()?;
    build(&targets, &host)?;
    let programs = target().join("fuzz").join(host).join("debug");
    if let Some(input) = &fuzz.input {
        let [target] = &targets[..] else {
            bail!("--input needs exactly one target");
        };
        let input = std::path::absolute(input).context("--input")?;
        let status = Command::new(programs.join(target)).arg(input).status();
        let good = status.context("start the target")?.success();
        return Ok(code(good));
    }
    let mut good = true;
    for (number, target) in targets.iter().enumerate() {
        eprint!("[{}/{}] {target:20} ", number + 1, targets.len());
        good &= one(&programs, target, fuzz.seconds)?;
    }
    Ok(code(good))
}

fn code(good: bool) -> ExitCode {
    match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The targets that are asked for, each of them one that there is.
fn chosen(asked: &[String]) -> Result<Vec<String>> {
    let folder = root().join("fuzz/targets");
    let files = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut known = Vec::new();
    for file in files {
        let path = file?.path();
        known.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    known.sort();
    for name in asked {
        ensure!(
            known.contains(name),
            "no target `{name}`; there are {}",
            known.join(", ")
        );
    }
    Ok(if asked.is_empty() {
        known
    } else {
        asked.to_vec()
    })
}

/// This machine's triple. The targets are built for it by name, so that what runs at build time
/// (build scripts, macros) is not instrumented.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc)
        .arg("-vV")
        .output()
        .context("start rustc")?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn build(targets: &[String], host: &str) -> Result<()> {
    eprintln!("Building the fuzz targets (the first time takes some minutes)");
    let status = build::cargo()
        .args(["build", "--locked", "--manifest-path", "fuzz/Cargo.toml"])
        .args(targets.iter().flat_map(|target| ["--bin", target]))
        .args(["--target", host, "--target-dir"])
        .arg(target().join("fuzz"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", INSTRUMENTED)
        .status()
        .context("start cargo")?;
    ensure!(
        status.success(),
        "the fuzz targets can't be built. libFuzzer is compiled from source with a C++ compiler \
         (`c++`, or the one that `CXX` names), for x86_64 and aarch64 Linux and macOS; an unknown \
         LLVM argument above means a Rust toolchain other than the one in Cargo.toml"
    );
    Ok(())
}

/// Runs one target; false if it found something, and then all that is needed to see it again.
fn one(programs: &Path, name: &str, seconds: u32) -> Result<bool> {
    let place = |kind: &str| target().join("fuzz").join(kind).join(name);
    let (found, failed) = (place("found"), place("failed"));
    for folder in [&found, &failed] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let log = place("found").with_extension("log");
    let words = root().join("fuzz/dictionaries").join(format!("{name}.txt"));
    let begun = Instant::now();
    let status = Command::new(programs.join(name))
        .arg(&found)
        .arg(root().join("fuzz/corpus").join(name))
        .args(words.exists().then(|| format!("-dict={}", words.display())))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SLOWEST}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-artifact_prefix={}/", failed.display()))
        .args(["-print_final_stats=1", "-use_value_profile=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).with_context(|| format!("write {}", log.display()))?)
        .status()
        .with_context(|| format!("start the target {name}"))?;
    let told = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
    let told = String::from_utf8_lossy(&told).into_owned();
    if status.success() {
        eprintln!("{}", summary(&told, begun.elapsed()));
        return Ok(true);
    }
    let input = told
        .lines()
        .rev()
        .find_map(|line| line.split("Test unit written to ").nth(1));
    let lines: Vec<&str> = told.lines().collect();
    eprintln!(
        "FAILED\n{}",
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    );
    match input {
        Some(input) => eprintln!(
            "\n{name} fails on {input}\nsee it again with\n  cargo xtask fuzz {name} --input {input}\n\
             once it is mended, keep a small input like it in fuzz/corpus/{name} under a name that \
             says what it is"
        ),
        None => eprintln!(
            "\n{name} stopped without naming an input; all it said is in {}",
            log.display()
        ),
    }
    Ok(false)
}

/// Inputs that were tried, and edges of code that they reached.
fn summary(told: &str, time: Duration) -> String {
    let executed = told
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("?", str::trim);
    let covered = told
        .lines()
        .rev()
        .find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next())
        .unwrap_or("?");
    format!(
        "good: {executed} inputs in {} s, {covered} edges reached",
        time.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_in_one_line() {
        let told = "#8\tINITED cov: 120 ft: 300 corp: 5/9b\n#99\tDONE   cov: 145 ft: 321 corp: 7/20b\n\
                    stat::number_of_executed_units: 99\n";
        assert_eq!(
            summary(told, Duration::from_secs(3)),
            "good: 99 inputs in 3 s, 145 edges reached"
        );
    }

    #[test]
    fn only_targets_that_there_are_can_be_asked_for() {
        let all = chosen(&[]).unwrap_or_default();
        assert!(all.contains(&"webhook_body".to_owned()), "{all:?}");
        let error = chosen(&["nothing".to_owned()]).err().map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.contains("webhook_body")));
        for name in all {
            let seeds = fs::read_dir(root().join("fuzz/corpus").join(&name));
            assert!(
                seeds.is_ok_and(|seeds| seeds.count() > 2),
                "{name} has no seeds"
            );
        }
    }
}
