//! `docs/reasons.md` has a section for each reason that a caller can be told, and for no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

const PAGE: &str = "docs/reasons.md";
/// Where reasons are named, each as a text in capitals.
const SOURCES: [(&str, &str); 3] = [
    ("command-svc/src/refusal.rs", "fn reason(&self)"),
    ("crates/authn/src/token/error.rs", "pub fn reason(self)"),
    ("crates/domain/src/vocabulary.rs", "    Reason {"),
];

fn read(path: &str) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.context("the workspace")?.join(path);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// The texts in capitals between `from` and the end of its block.
fn named(text: &str, from: &str) -> Result<BTreeSet<String>> {
    let (_, block) = text
        .split_once(from)
        .with_context(|| format!("no {from}"))?;
    let end = block.find("\n    }").context("the end of the block")?;
    let capitals =
        |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let words = block[..end].split('"').skip(1).step_by(2);
    Ok(words.filter(capitals).map(str::to_owned).collect())
}

#[test]
fn every_reason_is_explained() -> Result<()> {
    let mut reasons = BTreeSet::new();
    for (path, from) in SOURCES {
        let found = named(&read(path)?, from)?;
        assert!(found.len() > 10, "{path}: {found:?}");
        reasons.extend(found);
    }
    let page = read(PAGE)?;
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = reasons.difference(&explained).collect();
    let unknown: Vec<_> = explained.difference(&reasons).collect();
    assert!(missing.is_empty(), "{PAGE} does not explain {missing:?}");
    assert!(
        unknown.is_empty(),
        "{PAGE} explains what nobody says: {unknown:?}"
    );
    Ok(())
}
