//! The files of `deploy/kafka` as calls of Kafka's own commands.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::install::Installed;
use crate::pki::Issued;

const TOPICS: &str = include_str!("../../../../deploy/kafka/topics.txt");
const ACLS: &str = include_str!("../../../../deploy/kafka/acls.txt");

/// The calls that make a cluster of so many nodes ready for the services. The files are written for
/// three nodes or more; on fewer, topics have as many replicas as there are nodes.
pub(super) fn calls(nodes: usize) -> String {
    let topics = lines(TOPICS).map(|line| {
        let line = match nodes {
            0..3 => line
                .replace(
                    "--replication-factor 3",
                    &format!("--replication-factor {nodes}"),
                )
                .replace("min.insync.replicas=2", "min.insync.replicas=1"),
            _ => line.to_owned(),
        };
        format!("topics {line}\n")
    });
    let acls = lines(ACLS).map(|line| format!("acls {line}\n"));
    topics.chain(acls).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Makes these calls as an operator.
pub(super) fn make(
    calls: &str,
    installed: &Installed,
    roots: &Path,
    operator: &Issued,
    brokers: &str,
    dir: &Path,
) -> Result<()> {
    let config = dir.join("operator.properties");
    let text = format!(
        "security.protocol=SSL\nssl.keystore.type=PEM\nssl.keystore.location={}\n\
         ssl.truststore.type=PEM\nssl.truststore.location={}\n",
        operator.combined.display(),
        roots.display()
    );
    fs::write(&config, text)?;
    let input = dir.join("calls.txt");
    fs::write(&input, calls)?;
    let mut tools = Command::new("java");
    tools
        .args(installed.java("Tools"))
        .args(["--bootstrap-server", brokers, "--command-config"]);
    tools
        .arg(&config)
        .stdin(Stdio::from(fs::File::open(&input)?));
    let output = tools.output().context("run java")?;
    ensure!(
        output.status.success(),
        "Kafka refused the setup:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
