//! What the services' client has no request for, or whose refusals it doesn't tell, asked with Kafka's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use harness::engines::kafka::Kafka;
use harness::pki::Pki;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::super::table::Verdict;
use super::cluster::TRANSACTIONAL_ID;
use super::principal::Principal;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/rights/kafka/Rights.java");

/// A topic that everybody sees, which is none of those that rights are tried on.
const OPEN: &str = "open";

/// Answers by who asked, for which operation, on what.
pub(super) struct Outside(BTreeMap<[String; 3], String>);

/// Waits until all rights granted so far are in force, then tries.
pub(super) async fn try_all(
    kafka: &Kafka,
    pki: &Pki,
    everybody: &[Principal],
    topics: &[String],
) -> Result<Outside> {
    let mut input = String::new();
    for who in everybody {
        writeln!(input, "{}\t{}", who.name, who.key_store.display())?;
    }
    let mut program = Command::from(kafka.java(Path::new(PROGRAM)))
        .arg(kafka.addresses().join(","))
        .arg(pki.bundle())
        .args([OPEN, TRANSACTIONAL_ID])
        .args(topics)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("run java")?;
    let mut stdin = program.stdin.take().context("its input")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = program.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{PROGRAM} failed:\n{said}{errors}");
    let mut answers = BTreeMap::new();
    for line in said.lines() {
        if let [who, operation, object, answer] = line.split('\t').collect::<Vec<_>>()[..] {
            let asked = [who, operation, object].map(str::to_owned);
            answers.insert(asked, answer.to_owned());
        }
    }
    Ok(Outside(answers))
}

impl Outside {
    /// `lacking` is what says that the right is lacking; `beyond` what is said only to those who have it.
    ///
    /// # Errors
    /// It wasn't asked, or the answer isn't about the right.
    pub(super) fn verdict(
        &self,
        [who, operation, object]: [&str; 3],
        lacking: &str,
        beyond: &[&str],
    ) -> Result<Verdict> {
        let asked = [who, operation, object].map(str::to_owned);
        match self.0.get(&asked).map(String::as_str) {
            Some("done") => Ok(Verdict::Allowed),
            Some(answer) if answer == lacking => Ok(Verdict::Denied),
            Some(answer) if beyond.contains(&answer) => Ok(Verdict::Allowed),
            answer => bail!("{who}: {operation} of {object}: {answer:?} is not about the right"),
        }
    }
}
