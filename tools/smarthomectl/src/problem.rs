//! What is wrong with the files, in one line each.

use std::fmt;
use std::sync::Arc;

use crate::yaml::At;

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// As it was named on the command line.
    pub(crate) file: Arc<str>,
    /// None for the file as a whole.
    pub(crate) at: Option<At>,
    /// Kind and id of the document, as far as they are known.
    pub(crate) document: String,
    /// What is wrong, and what was expected.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        if !self.document.is_empty() {
            write!(f, ": {}", self.document)?;
        }
        write!(f, ": {}", self.what)
    }
}
