//! `docs/data-flow.md` lists what the egress ledger declares, row by row, and nothing else.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use partner::egress::{Call, LEDGER};

const PAGE: &str = "docs/data-flow.md";

#[test]
fn the_page_is_the_ledger() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let page = fs::read_to_string(root.context("the workspace")?.join(PAGE))?;
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| call |"))
        .collect();
    let declared: Vec<String> = LEDGER.iter().map(|field| field.row()).collect();
    for (row, declared) in rows.iter().zip(&declared) {
        assert_eq!(
            row, declared,
            "{PAGE} and crates/partner/src/egress/ledger.rs"
        );
    }
    assert_eq!(rows.len(), declared.len(), "rows of {PAGE}");
    for call in Call::ALL {
        let sent = LEDGER.iter().any(|field| field.calls.contains(call));
        assert!(sent, "no row of {call}");
    }
    Ok(())
}
