//! Building, with progress.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{root, target};

/// Cargo, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds every binary; cargo shows its own progress.
///
/// # Errors
/// The build fails.
pub(crate) fn binaries(features: &[&str]) -> Result<()> {
    eprintln!("Building every process (the first time takes some minutes)");
    let status = cargo()
        .args(["build", "--workspace", "--bins", "--exclude", "xtask"])
        .args(flags(features))
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// The features that put the service on Apache Kafka and Apache Cassandra. Where the system has
/// no development files of OpenSSL and zlib, both are built from source.
pub(crate) fn cluster() -> Vec<&'static str> {
    let mut features = vec!["projector/cassandra", "projector/s3", "harness/cassandra"];
    features.extend(if has_openssl() {
        [
            "command-svc/kafka",
            "webhook-gw/kafka",
            "projector/kafka",
            "eventlog/kafka",
            "harness/kafka",
        ]
    } else {
        [
            "command-svc/kafka-vendored",
            "webhook-gw/kafka-vendored",
            "projector/kafka-vendored",
            "eventlog/kafka-vendored",
            "harness/kafka-vendored",
        ]
    });
    features
}

/// The features that put the service on every engine that it knows, with all of their tests.
pub(crate) fn everything() -> Vec<&'static str> {
    let mut features = cluster();
    features.extend(["auditlog/s3-tests", "projector/s3-tests"]);
    features
}

/// `--features a,b`, or nothing.
pub(crate) fn flags(features: &[&str]) -> Vec<String> {
    if features.is_empty() {
        Vec::new()
    } else {
        vec!["--features".to_owned(), features.join(",")]
    }
}

fn has_openssl() -> bool {
    let found = Command::new("pkg-config")
        .args(["--exists", "openssl", "zlib"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// Runs this program again, built with the engines of a cluster.
///
/// # Errors
/// It can't be built or started.
pub(crate) fn with_cluster(arguments: &[&str]) -> Result<ExitCode> {
    let vendored = if has_openssl() {
        "cluster"
    } else {
        "cluster-vendored"
    };
    let status = cargo()
        .args([
            "run",
            "--quiet",
            "--package",
            "xtask",
            "--features",
            vendored,
            "--",
        ])
        .args(arguments)
        .status()
        .context("start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The features that put command-svc, and the bare service beside it, on Apache Kafka.
pub(crate) fn measured_on_kafka() -> Vec<&'static str> {
    if has_openssl() {
        vec!["command-svc/kafka", "xtask/cluster"]
    } else {
        vec!["command-svc/kafka-vendored", "xtask/cluster-vendored"]
    }
}

/// The features that put webhook-gw as well on Apache Kafka, and a bare producer beside it.
pub(crate) fn webhook_on_kafka() -> Vec<&'static str> {
    let mut features = measured_on_kafka();
    features.push(if has_openssl() {
        "webhook-gw/kafka"
    } else {
        "webhook-gw/kafka-vendored"
    });
    features
}

/// The features that put the projector on Apache Kafka and Apache Cassandra, and a bare loop beside it.
pub(crate) fn projector_on_cluster() -> Vec<&'static str> {
    let kafka = if has_openssl() {
        ["projector/kafka", "command-svc/kafka", "xtask/cluster"]
    } else {
        [
            "projector/kafka-vendored",
            "command-svc/kafka-vendored",
            "xtask/cluster-vendored",
        ]
    };
    kafka.into_iter().chain(["projector/cassandra"]).collect()
}

/// Builds this program and the binaries of these packages as they are built to be used, and runs
/// this program again, so built, with the same arguments.
///
/// # Errors
/// It can't be built or started.
pub(crate) fn for_speed(packages: &[&str], features: &[&str]) -> Result<ExitCode> {
    eprintln!("Building for speed (the first time takes some minutes)");
    let status = cargo()
        .args(["build", "--release", "--bins", "--package", "xtask"])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(flags(features))
        .status()
        .context("start cargo")?;
    ensure!(status.success(), "the build failed");
    let status = Command::new(target().join("release/xtask"))
        .args(std::env::args_os().skip(1))
        .status()
        .context("start this program, built for speed")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
