//! What is wrong with the lines of a file. A user id is a personal datum and may stand in any
//! column, so that line and column are told and never what stands there.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// How many are printed; a report holds all of them.
const PRINTED: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Counted from 1.
    pub(crate) line: u64,
    /// Name of the column; empty for the line as a whole.
    pub(crate) column: Cow<'static, str>,
    /// What is wrong, and what was expected.
    pub(crate) what: String,
}

impl Bad {
    /// With a column.
    pub(crate) fn at(line: u64, column: &'static str, what: impl Into<String>) -> Self {
        Self {
            line,
            column: column.into(),
            what: what.into(),
        }
    }

    /// With a line as a whole.
    pub(crate) fn whole(line: u64, what: impl Into<String>) -> Self {
        Self::at(line, "", what)
    }
}

/// The lines that have a problem.
pub(crate) fn lines(bad: &[Bad]) -> BTreeSet<u64> {
    bad.iter().map(|bad| bad.line).collect()
}

/// The problems in words, a line each; of many the first.
pub(crate) fn listing(file: &Path, bad: &[Bad], report: Option<&Path>) -> String {
    let mut text = String::new();
    for Bad { line, column, what } in bad.iter().take(PRINTED) {
        let _ = write!(text, "\n  {}:{line}: ", file.display());
        if !column.is_empty() {
            let _ = write!(text, "{column}: ");
        }
        text.push_str(what);
    }
    if let Some(more) = bad.len().checked_sub(PRINTED + 1) {
        let _ = write!(text, "\n  and {} more; ", more + 1);
        let _ = match report {
            Some(report) => write!(text, "all of them are in {}", report.display()),
            None => write!(text, "--report FILE writes all of them"),
        };
    }
    text
}

/// Writes all of them as CSV; a report of a file without problems has a header alone.
///
/// # Errors
/// The file can't be written.
pub(crate) fn write(report: &Path, bad: &[Bad]) -> Result<()> {
    let written = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(report)?;
        writer.write_record(["line", "column", "problem"])?;
        for Bad { line, column, what } in bad {
            writer.write_record([line.to_string().as_str(), column, what])?;
        }
        Ok(writer.flush()?)
    };
    written().with_context(|| format!("can't write the report {}", report.display()))
}
