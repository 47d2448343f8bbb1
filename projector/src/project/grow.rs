//! Appending to one log what it doesn't have yet.

use std::sync::Arc;

use auditlog::{Error, Leaf, LogId, LogWriter};

use super::trees::TreeParts;
use crate::views::LeafRow;

/// A leaf with its place.
pub(super) type Placed = (LeafRow, Leaf);

/// What became of it.
pub(super) enum Grown {
    /// It has all leaves.
    To(Box<LogWriter>),
    /// It takes none any more: why.
    Halted(String),
    /// It may take them later.
    Interrupted(Error),
}

/// Appends to one log what it doesn't have yet.
pub(super) async fn grow(
    parts: Arc<TreeParts>,
    log: LogId,
    writer: Option<Box<LogWriter>>,
    leaves: Vec<Placed>,
) -> (LogId, Grown) {
    let outcome = match try_grow(&parts, &log, writer, leaves).await {
        Ok(writer) => Grown::To(writer),
        Err(Stopped::Misplaced(detail)) => Grown::Halted(format!("{log}: {detail}")),
        Err(Stopped::By(error)) if is_final(&error) => Grown::Halted(error.to_string()),
        Err(Stopped::By(error)) => Grown::Interrupted(error),
    };
    (log, outcome)
}

enum Stopped {
    Misplaced(&'static str),
    By(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::By(error)
    }
}

async fn try_grow(
    parts: &TreeParts,
    log: &LogId,
    writer: Option<Box<LogWriter>>,
    leaves: Vec<Placed>,
) -> Result<Box<LogWriter>, Stopped> {
    let mut writer = match writer {
        Some(writer) => writer,
        None => Box::new(parts.writer(log).await?),
    };
    let (size, from) = writer
        .head()
        .map_or((0, 0), |head| (head.size, head.next_offset));
    let (written, missing): (Vec<Placed>, Vec<Placed>) =
        leaves.into_iter().partition(|(row, _)| row.offset < from);
    // The count of earlier records and the tree's own must agree, or records were lost.
    if written.last().is_some_and(|(row, _)| row.index >= size) {
        return Err(Stopped::Misplaced(
            "the tree has fewer leaves than there were records",
        ));
    }
    if missing.first().is_some_and(|(row, _)| row.index != size) {
        return Err(Stopped::Misplaced(
            "the tree's size is not the count of earlier records",
        ));
    }
    if !missing.is_empty() {
        let missing = missing.into_iter().map(|(row, leaf)| (row.offset, leaf));
        writer.append(missing.collect()).await?;
    }
    Ok(writer)
}

/// Whether trying again can't help: what is stored is wrong, or the configuration.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Name { .. }
        | Error::Key(_)
        | Error::KeyFile(_)
        | Error::Scheme { .. }
        | Error::Options(_)
        | Error::Mismatch { .. }
        | Error::Missing { .. }
        | Error::Pruned { .. }
        | Error::NoCheckpoint { .. }
        | Error::Untrusted { .. }
        | Error::Order { .. }
        | Error::Amount { .. }
        | Error::OutOfRange { .. }
        | Error::InvalidProof => true,
        Error::Folder(_)
        | Error::Unfit { .. }
        | Error::Store(_)
        | Error::Head { .. }
        | Error::Conflict { .. }
        | Error::Closed { .. } => false,
    }
}
