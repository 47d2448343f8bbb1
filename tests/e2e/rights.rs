//! What every principal and every role may do, tried live with a client of its own: one table, reviewed
//! like code (`reviewed.txt`).
//!
//! A denial counts only where the engine says that the right is lacking; anything else fails the test.
//! An operator tries the same, so that a probe that asks wrongly can't pass for a denial.

#[cfg(feature = "cassandra")]
mod cassandra;
#[cfg(feature = "kafka")]
mod kafka;
mod table;

use std::fs;
use std::path::Path;

use table::{Section, Table};
use tempfile::TempDir;

use harness::pki::Pki;

const REVIEWED: &str = include_str!("rights/reviewed.txt");
const WHERE: &str = "tests/e2e/rights/reviewed.txt";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_the_rights_that_were_reviewed_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(&dir.path().join("pki")).unwrap();
    let (kafka, cassandra) = tokio::join!(on_kafka(&dir, &pki), on_cassandra(&dir, &pki));
    let tried: Vec<Section> = [kafka, cassandra].into_iter().flatten().flatten().collect();
    if tried.is_empty() {
        return;
    }
    for section in &tried {
        section.check_control();
    }
    let reviewed = Table::parse(REVIEWED);
    let found = reviewed.with(tried.iter().map(Section::render));
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rights.txt");
    fs::write(&written, found.text()).unwrap();
    println!("{}", found.text());
    let difference = reviewed.difference(&found);
    assert!(
        difference.is_empty(),
        "\nother rights than reviewed (- reviewed, + found):\n\n{difference}\n\
         If they are meant, review them and copy {} to {WHERE}.\n",
        written.display()
    );
}

#[cfg(feature = "kafka")]
async fn on_kafka(dir: &TempDir, pki: &Pki) -> Option<Vec<Section>> {
    kafka::tried(&dir.path().join("kafka"), pki).await.unwrap()
}

#[cfg(not(feature = "kafka"))]
async fn on_kafka(_: &TempDir, _: &Pki) -> Option<Vec<Section>> {
    None
}

#[cfg(feature = "cassandra")]
async fn on_cassandra(dir: &TempDir, pki: &Pki) -> Option<Vec<Section>> {
    let dir = dir.path().join("cassandra");
    cassandra::tried(&dir, pki).await.unwrap()
}

#[cfg(not(feature = "cassandra"))]
async fn on_cassandra(_: &TempDir, _: &Pki) -> Option<Vec<Section>> {
    None
}
