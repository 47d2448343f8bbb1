//! `auditctl watch`: a log that is followed can't go back, and can't be another one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use auditlog::{Checkpoint, LogId, ProofFile};
use serde_json::json;

use crate::cli::WatchArgs;
use crate::compare::{continues, fork};
use crate::keys::Keys;
use crate::prove::small;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;

/// Looks again and again; ends only with what is refuted.
pub(crate) async fn run(args: &WatchArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    std::fs::create_dir_all(&args.state).map_err(|error| Stop::unwritten(&args.state, &error))?;
    loop {
        match look(args, &keys).await {
            Ok(said) if args.once => return Ok(said),
            Ok(_) => {}
            // It may be reachable next time.
            Err(stop @ Stop::Unknown(_)) if !args.once => eprintln!("auditctl: {stop}"),
            Err(stop) => return Err(stop),
        }
        tokio::time::sleep(Duration::from_secs(args.every)).await;
    }
}

async fn look(args: &WatchArgs, keys: &Keys) -> Result<Say, Stop> {
    let source = Source::open(&args.source)?;
    let (mut lines, mut sizes) = (Vec::new(), serde_json::Map::new());
    gone(&args.state, &source)?;
    for log in source.logs() {
        let kept = kept(&args.state, log);
        let current = step(&source, keys, log, &kept).await?;
        sizes.insert(log.to_string(), json!(current.size()));
        lines.push(format!(
            "{log}: {} records, continues what was seen before",
            current.size()
        ));
    }
    if !args.once {
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(Say::new(lines, json!({ "sizes": sizes })))
}

/// A log that was seen before and isn't there any more is nothing to be silent about.
fn gone(state: &Path, source: &Source) -> Result<(), Stop> {
    let entries = std::fs::read_dir(state).map_err(|error| Stop::file(state, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let log = name
            .strip_suffix(".checkpoint")
            .map(|name| name.replacen('@', "/", 1));
        let known = |log: &String| source.logs().iter().any(|one| one.to_string() == *log);
        if let Some(log) = log.filter(|log| !source.is_narrowed() && !known(log)) {
            let text = format!("{log} was there before, and is not there now");
            return Err(Stop::Unknown(text));
        }
    }
    Ok(())
}

/// One log, one look.
async fn step(source: &Source, keys: &Keys, log: &LogId, kept: &Path) -> Result<Checkpoint, Stop> {
    let before = match kept.exists() {
        true => Some(last(keys, log, kept)?),
        false => None,
    };
    let (reader, current) = keys.open(source, log).await?;
    if let Some(before) = before {
        let continued = match current.size() < before.size() {
            true => Err(Stop::Refuted(format!(
                "{log} went back: it had {} records, and now shows a signed tree of {}",
                before.size(),
                current.size()
            ))),
            false if current.size() == before.size() && current.root() != before.root() => {
                Err(fork(log, &before, &current))
            }
            false => continues(&reader, log, &current, &before, &current).await,
        };
        if let Err(stop) = continued {
            if matches!(stop, Stop::Refuted(_)) {
                keep(&kept.with_extension("refuted"), &current)?;
            }
            return Err(stop);
        }
    }
    keep(kept, &current)?;
    Ok(current)
}

/// Where the last checkpoint of a log is kept.
pub(crate) fn kept(state: &Path, log: &LogId) -> PathBuf {
    state.join(format!("{}@{}.checkpoint", log.topic(), log.complex()))
}

/// What was kept: signed too, so that a file that was changed is seen.
pub(crate) fn last(keys: &Keys, log: &LogId, kept: &Path) -> Result<Checkpoint, Stop> {
    let (of, checkpoint) = keys
        .checkpoint(&small(kept, ProofFile::MAX_BYTES)?)
        .map_err(|stop| Stop::Usage(format!("{} is not what was kept: {stop}", kept.display())))?;
    if of == *log {
        Ok(checkpoint)
    } else {
        Err(Stop::Usage(format!("{} is of another log", kept.display())))
    }
}

/// Whole or not at all, and on disk.
pub(crate) fn keep(path: &Path, checkpoint: &Checkpoint) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::unwritten(path, &error);
    let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
    std::io::Write::write_all(&mut file, checkpoint.note().as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    std::fs::File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}
