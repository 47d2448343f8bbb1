//! `auditctl compare`: two checkpoints of one log. Both are signed, so that a contradiction is the
//! signer's own.

use std::cmp::Ordering;

use auditlog::{Checkpoint, LogId, LogReader, ProofFile, verify_consistency};
use serde_json::json;

use crate::cli::CompareArgs;
use crate::keys::Keys;
use crate::prove::small;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;

/// Compares two files.
pub(crate) async fn run(args: &CompareArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let (log, one) = keys.checkpoint(&small(&args.one, ProofFile::MAX_BYTES)?)?;
    let (other_log, other) = keys.checkpoint(&small(&args.other, ProofFile::MAX_BYTES)?)?;
    if one.origin() != other.origin() || log != other_log {
        return Err(Stop::Usage(
            "the checkpoints are of different logs".to_owned(),
        ));
    }
    let names = (args.one.display(), args.other.display());
    let (line, older) = match one.size().cmp(&other.size()) {
        Ordering::Equal if one.root() == other.root() => {
            ("they are of the same tree".to_owned(), None)
        }
        Ordering::Equal => return Err(fork(&log, &one, &other)),
        order => {
            let (old, new, older, newer) = match order {
                Ordering::Less => (&one, &other, names.0, names.1),
                _ => (&other, &one, names.1, names.0),
            };
            let (reader, current) = keys.open(&source, &log).await?;
            continues(&reader, &log, &current, old, new).await?;
            let line = format!(
                "{older} ({} records) is older, and {newer} ({} records) continues it",
                old.size(),
                new.size()
            );
            (line, Some(older.to_string()))
        }
    };
    let lines = vec![format!("PROVEN: {log}: {line}.")];
    let said =
        json!({ "log": log.to_string(), "sizes": [one.size(), other.size()], "older": older });
    Ok(Say::new(lines, said))
}

/// Whether `new` continues `old`, as the tiles under `current` show; all three are signed.
pub(crate) async fn continues(
    reader: &LogReader,
    log: &LogId,
    current: &Checkpoint,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<(), Stop> {
    if old.size() == 0 {
        return Ok(());
    }
    if current.size() < new.size() {
        return Err(Stop::Unknown(format!(
            "{log} has {} records as it is given, fewer than the {} of the checkpoint; its tiles can't \
             prove anything of them",
            current.size(),
            new.size()
        )));
    }
    let proof = reader.consistency_proof(old.size(), new.size()).await?;
    let (old_root, new_root) = (old.root(), new.root());
    verify_consistency(old.size(), old_root, new.size(), new_root, &proof)
        .map_err(|_| fork(log, old, new))
}

/// Both were signed, and no log has both.
pub(crate) fn fork(log: &LogId, old: &Checkpoint, new: &Checkpoint) -> Stop {
    Stop::Refuted(format!(
        "{log} was forked: its key signed a tree of {} records and one of {} that doesn't continue it. \
         Keep both checkpoints and the log: together they are the proof",
        old.size(),
        new.size()
    ))
}
