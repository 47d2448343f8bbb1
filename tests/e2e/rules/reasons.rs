//! `docs/reasons.md` has a section for each reason that a caller can be told, and for no other; what
//! `projector serve` says besides stands in the table of `docs/audit.md`.

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

/// What `projector serve` tells its readers.
const READERS: &str = "docs/audit.md";
const TOKENS: (&str, &str) = SOURCES[1];

/// Reasons that stand where a call is refused.
fn said_in(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(said_in(&path)?);
            continue;
        }
        let text = fs::read_to_string(&path)?;
        for made in ["Unavailable(\"", "Contradiction(\""] {
            let said = text.split(made).skip(1);
            found.extend(said.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    Ok(found)
}

#[test]
fn every_reason_that_readers_are_told_is_explained() -> Result<()> {
    let status = "projector/src/serve/status.rs";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let serve = root.context("the workspace")?.join("projector/src/serve");
    let mut reasons = said_in(&serve)?;
    let text = read(status)?;
    let (_, told) = text.split_once("fn told(").context("fn told")?;
    let (told, _) = told.split_once("\n}").context("its end")?;
    let missing = named(&text, "fn text(self)")?;
    let quoted = told.split('"').skip(1).step_by(2);
    let capitals =
        |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    reasons.extend(quoted.filter(capitals).map(str::to_owned).chain(missing));
    assert!(reasons.len() > 20, "{reasons:?}");

    let page = read(READERS)?;
    let (_, table) = page
        .split_once("| `projector serve` says")
        .context("the table")?;
    let (table, _) = table.split_once("\n\n").context("its end")?;
    let rows = table.lines().filter_map(|row| row.split('|').nth(1));
    let words = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let explained: BTreeSet<String> = words.map(str::to_owned).collect();
    let missing: Vec<_> = reasons.difference(&explained).collect();
    assert!(missing.is_empty(), "{READERS} does not explain {missing:?}");
    reasons.extend(named(&read(TOKENS.0)?, TOKENS.1)?);
    let unknown: Vec<_> = explained.difference(&reasons).collect();
    assert!(
        unknown.is_empty(),
        "{READERS} explains what nobody says: {unknown:?}"
    );
    Ok(())
}
