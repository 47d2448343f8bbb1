//! `docs/provisioning.md` explains each reason that provisioning can tell, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

const PAGE: &str = "docs/provisioning.md";
/// Where reasons are named, each as a text in capitals.
const SOURCES: [&str; 7] = [
    "command-svc/src/provision/why.rs",
    "command-svc/src/provision/act.rs",
    "command-svc/src/provision/key.rs",
    "command-svc/src/provision/tell.rs",
    "command-svc/src/provision/show.rs",
    "crates/domain/src/provisioning/desired.rs",
    "crates/domain/src/provisioning/plan.rs",
];

fn read(path: &str) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.context("the workspace")?.join(path);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The whole texts in capitals between quotes of this kind.
fn capitals(text: &str, quote: char) -> BTreeSet<String> {
    let is_name = |word: &&str| {
        word.len() > 3
            && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            && !word.ends_with('_')
    };
    let words = text
        .lines()
        .flat_map(|line| line.split(quote).skip(1).step_by(2));
    words.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_reason_of_provisioning_is_explained() -> Result<()> {
    let mut told = BTreeSet::new();
    for path in SOURCES {
        told.extend(capitals(&read(path)?, '"'));
    }
    assert!(told.len() > 30, "{told:?}");
    let rows = read(PAGE)?;
    let rows = rows.lines().filter(|line| line.starts_with("| `"));
    let explained: BTreeSet<String> = rows
        .flat_map(|row| capitals(row.split(" | ").next().unwrap_or(row), '`'))
        .collect();
    assert_eq!(told, explained);
    Ok(())
}
