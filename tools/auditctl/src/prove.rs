//! `auditctl prove` and `auditctl verify-proof`: one record, under a signed checkpoint.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, Leaf, LogId, ProofFile, verify_inclusion};
use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::cli::{ProveArgs, RecordName, VerifyProofArgs};
use crate::keys::Keys;
use crate::progress::Progress;
use crate::record::{self, Shown};
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// Writes a proof.
pub(crate) async fn run(args: &ProveArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let (log, index) = match args.record {
        RecordName::Index(index) => (source.only_log()?.clone(), index),
        RecordName::Event(event) => find(&source, &keys, event).await?,
    };
    let (reader, current) = keys.open(&source, &log).await?;
    let checkpoint = match &args.checkpoint {
        Some(file) => other(&keys, &log, file)?,
        None => current,
    };
    let proof = reader.prove(index, &checkpoint).await?;
    create(&args.output, proof.text().as_bytes(), false)?;
    let line = format!(
        "{}: record {index} of {log} is in the tree of {} records that was signed; anybody with the key \
         verifies it: auditctl verify-proof {} --key …",
        args.output.display(),
        checkpoint.size(),
        args.output.display()
    );
    let said = json!({ "log": log.to_string(), "index": index, "size": checkpoint.size() });
    Ok(Say::new(vec![line], said))
}

/// Verifies one; reads nothing but the file.
pub(crate) fn verify(args: &VerifyProofArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.keys)?;
    let trust = Trust::read(&args.trust, None)?;
    let text = small(&args.file, ProofFile::MAX_BYTES)?;
    let proof = std::str::from_utf8(&text).ok().and_then(ProofFile::parse);
    let proof = proof.ok_or_else(|| {
        Stop::Refuted("the file is no C2SP tlog-proof that has its record with it".to_owned())
    })?;
    let (log, checkpoint, leaf) = proven(&keys, trust.as_ref(), &proof)?;
    let size = checkpoint.size();
    let mut lines = Vec::new();
    for witness in &args.witnesses {
        let seen = witness.seen(checkpoint.note()).ok_or_else(|| {
            Stop::Refuted(format!(
                "its checkpoint has no cosignature of {}",
                witness.text()
            ))
        })?;
        lines.push(format!("Seen at {seen} by {}.", witness.text()));
    }
    let shown = Shown::new(&log, proof.index, &leaf, None);
    let signed = match (&trust, record::read(&leaf)) {
        (Some(_), Ok(event)) if event.body.needs_signature() => ", and command-svc signed it",
        _ => "",
    };
    let line = format!(
        "PROVEN: record {} of {log} is in the tree of {size} records that the key's holder signed{signed}.",
        proof.index
    );
    lines.extend([shown.line().trim_end().to_owned(), line]);
    Ok(Say::new(lines, shown.json()))
}

/// Of a proof that holds: the log, the checkpoint and the record, said by who may say it.
pub(crate) fn proven(
    keys: &Keys,
    trust: Option<&Trust>,
    proof: &ProofFile,
) -> Result<(LogId, Checkpoint, Bytes), Stop> {
    let (log, checkpoint) = keys.checkpoint(proof.checkpoint.as_bytes())?;
    let leaf = Bytes::copy_from_slice(&proof.leaf);
    if leaf.len() > auditlog::MAX_LEAF_BYTES {
        return Err(Stop::Refuted("its record is larger than a leaf".to_owned()));
    }
    let hash = Leaf::of(leaf.clone(), 0, 0).hash();
    let (size, root) = (checkpoint.size(), checkpoint.root());
    verify_inclusion(hash, proof.index, size, root, &proof.hashes)?;
    if let Some(trust) = trust {
        trust
            .read_leaf(&log, &leaf, None)
            .map_err(|why| Stop::Refuted(format!("it is in the log, but not believed: {why}")))?;
    }
    Ok((log, checkpoint, leaf))
}

/// The log that has an event, and where.
pub(crate) async fn find(source: &Source, keys: &Keys, event: Uuid) -> Result<(LogId, u64), Stop> {
    let wanted = event.to_string();
    let mut pruned = false;
    for log in source.logs() {
        let (reader, checkpoint) = keys.open(source, log).await?;
        let bundles = bundles(source, log, checkpoint.size())?;
        let mut progress = Progress::start(log, checkpoint.size());
        for number in bundles {
            let leaves = match reader.bundle(number).await {
                Err(auditlog::Error::Pruned { .. }) => {
                    pruned = true;
                    continue;
                }
                other => other?,
            };
            let found = leaves.iter().position(|leaf| {
                record::read(leaf).is_ok_and(|event| event.id.to_string() == wanted)
            });
            if let Some(at) = found {
                return Ok((log.clone(), number * ENTRIES_PER_BUNDLE + at as u64));
            }
            progress.advance(leaves.len());
        }
    }
    Err(Stop::Unknown(format!(
        "no record with the event {event} is in the logs as they were given{}",
        if pruned {
            "; some of them are pruned, expired: look for an archive"
        } else {
            ""
        }
    )))
}

/// The bundles that there are of a log: all, unless it was exported in part.
pub(crate) fn bundles(
    source: &Source,
    log: &LogId,
    size: u64,
) -> Result<std::ops::Range<u64>, Stop> {
    let Some(archive) = source.archive() else {
        return Ok(0..size.div_ceil(ENTRIES_PER_BUNDLE));
    };
    let contents = archive.contents()?;
    let name = log.to_string();
    let exported = contents
        .logs
        .into_iter()
        .find(|exported| exported.log == name);
    exported
        .map(|exported| exported.first_bundle..exported.end_bundle)
        .ok_or_else(|| Stop::Unknown(format!("the archive has nothing of {log}")))
}

/// A file of at most so many bytes.
pub(crate) fn small(path: &Path, most: u64) -> Result<Vec<u8>, Stop> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| Stop::file(path, &error))?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Stop::file(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(Stop::Usage(format!(
            "{} is too large to be one",
            path.display()
        )));
    }
    Ok(bytes)
}

/// A checkpoint of the log from a file.
fn other(keys: &Keys, log: &LogId, file: &Path) -> Result<Checkpoint, Stop> {
    let (of, checkpoint) = keys.checkpoint(&small(file, ProofFile::MAX_BYTES)?)?;
    match of == *log {
        true => Ok(checkpoint),
        false => Err(Stop::Usage(format!(
            "{} is of {of}, not {log}",
            file.display()
        ))),
    }
}

/// A file that wasn't there; a secret one for its owner alone.
pub(crate) fn create(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Stop> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if secret { 0o600 } else { 0o644 })
        .open(path);
    let mut file = file.map_err(|error| {
        let path = path.display();
        Stop::Usage(format!("can't make {path}: {error}; name another file"))
    })?;
    file.write_all(bytes)
        .map_err(|error| Stop::unwritten(path, &error))
}
