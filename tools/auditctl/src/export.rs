//! `auditctl export`: records, and all that proves them, in one file.

mod readme;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use auditlog::{Checkpoint, ENTRIES_PER_BUNDLE, LogId};
use bytes::Bytes;
use domain::commands::{KEY_WINDOW, LEEWAY};
use object_store::ObjectStoreExt as _;
use serde_json::json;

use crate::archive::{
    CERTIFICATE, CONTENTS, CSV, Contents, Exported, FORMAT, JSONL, LOGS, README, ROOT, VKEYS,
    Writer,
};
use crate::cli::ExportArgs;
use crate::keys::Keys;
use crate::pass::{self, Range};
use crate::record::{self, COLUMNS, Shown, csv_row};
use crate::say::Say;
use crate::source::{Needed, ReadOnly, Recording, Source};
use crate::stop::Stop;
use crate::trust::Trust;

pub(crate) use readme::readme;

/// Writes an archive of logs that were proven before.
pub(crate) async fn run(args: &ExportArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let trust = Trust::read(&args.trust, Some(&source))?;
    let mut writer = Writer::create(&args.output)?;
    if source.archive().is_some() {
        let text = "an archive isn't exported again; export from the log";
        return Err(Stop::Usage(text.to_owned()));
    }
    let mut contents = Contents {
        format: FORMAT.to_owned(),
        from: args.period.from,
        until: args.period.until,
        logs: Vec::new(),
    };
    let mut logs = source.logs().to_vec();
    logs.sort();
    logs.dedup();
    let mut taken = Vec::new();
    for log in &logs {
        let part = take(&source, &keys, log, &contents).await?;
        contents.logs.push(part.exported.clone());
        taken.push(part);
    }
    writer.add(README, readme(&contents).as_bytes())?;
    writer.add(CONTENTS, contents.text().as_bytes())?;
    writer.add(VKEYS, keys.text().as_bytes())?;
    if let Some(trust) = &trust {
        writer.add(ROOT, format!("{}\n", trust.root).as_bytes())?;
        for (number, certificate) in trust.certificates.iter().enumerate() {
            let text = certificate
                .to_json()
                .map_err(|error| Stop::Usage(error.to_string()))?;
            writer.add(&format!("{CERTIFICATE}{number}.json"), text.as_bytes())?;
        }
    }
    let mut records = 0;
    for part in taken {
        records += part.records;
        part.write(&mut writer).await?;
    }
    writer.finish()?;
    let line = format!(
        "{}: {records} records of {} logs, with what proves them; auditctl verify {} --key …",
        args.output.display(),
        logs.len(),
        args.output.display()
    );
    let said = json!({ "records": records, "logs": contents.logs });
    Ok(Say::new(vec![line], said))
}

/// Of one log, what goes to the archive.
struct Part {
    log: LogId,
    exported: Exported,
    source: Source,
    objects: BTreeSet<String>,
    records: u64,
    jsonl: File,
    csv: File,
}

/// Proves a log, chooses the bundles, and reads them again with all that proves them.
async fn take(
    source: &Source,
    keys: &Keys,
    log: &LogId,
    contents: &Contents,
) -> Result<Part, Stop> {
    let (reader, checkpoint) = keys.open(source, log).await?;
    let note = |of: &Checkpoint| Bytes::copy_from_slice(of.note().as_bytes());
    let mut pinned = BTreeMap::from([(format!("{log}/checkpoint"), note(&checkpoint))]);
    let cosigned = reader.cosigned().await?;
    let cosigned = cosigned.filter(|cosigned| cosigned.size() <= checkpoint.size());
    pinned.extend(
        cosigned
            .iter()
            .map(|of| (format!("{log}/cosigned"), note(of))),
    );
    let needed = Needed::default();
    // A log that grows meanwhile stays as it is here.
    let source = source.through(Arc::new(ReadOnly(Recording {
        store: source.store(),
        pinned,
        needed: needed.clone(),
    })));
    let range = choose(&source, keys, log, contents).await?;
    needed.take();
    let failed = |error: std::io::Error| Stop::Unknown(format!("no room for records: {error}"));
    let mut jsonl = BufWriter::new(tempfile::tempfile().map_err(failed)?);
    let mut csv = BufWriter::new(tempfile::tempfile().map_err(failed)?);
    csv.write_all(&csv_row(COLUMNS)).map_err(failed)?;
    let mut records = 0;
    let passed = pass::over(&source, keys, log, Some(range), true, &mut |placed| {
        let at = record::read(placed.leaf)
            .ok()
            .map(|event| event.occurred_at);
        if !contents.has(log, at) {
            return Ok(());
        }
        records += 1;
        let shown = Shown::new(log, placed.index, placed.leaf, placed.position);
        jsonl.write_all(shown.line().as_bytes()).map_err(failed)?;
        csv.write_all(&shown.csv()).map_err(failed)
    })
    .await?;
    if let Some(unseen) = passed.unseen() {
        let text = format!("{log}: {unseen}; choose a period without them (--from)");
        return Err(Stop::Unknown(text));
    }
    if cosigned.is_some() {
        // With the tiles that show it to be on the same tree.
        keys.open(&source, log).await?.0.cosigned().await?;
    }
    let whole = |file: BufWriter<File>| {
        let mut file = file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok::<_, Stop>(file)
    };
    Ok(Part {
        log: log.clone(),
        exported: Exported {
            log: log.to_string(),
            size: checkpoint.size(),
            first_bundle: range.0,
            end_bundle: range.1,
        },
        objects: needed.take(),
        source,
        records,
        jsonl: whole(jsonl)?,
        csv: whole(csv)?,
    })
}

/// The bundles that have a record of the period, or one so short before it that a decision of the
/// period may have seen it; in between all.
async fn choose(
    source: &Source,
    keys: &Keys,
    log: &LogId,
    contents: &Contents,
) -> Result<Range, Stop> {
    let before = KEY_WINDOW + LEEWAY + LEEWAY;
    let wider = Contents {
        from: contents
            .from
            .map(|from| from.checked_sub(before).unwrap_or(from)),
        ..contents.clone()
    };
    let mut chosen: Option<Range> = None;
    pass::over(source, keys, log, None, false, &mut |placed| {
        let at = record::read(placed.leaf)
            .ok()
            .map(|event| event.occurred_at);
        if at.is_some() && wider.has(log, at) {
            let bundle = placed.index / ENTRIES_PER_BUNDLE;
            let first = chosen.map_or(bundle, |(first, _)| first);
            chosen = Some((first, bundle + 1));
        }
        Ok(())
    })
    .await?;
    Ok(chosen.unwrap_or_default())
}

impl Part {
    async fn write(self, writer: &mut Writer) -> Result<(), Stop> {
        let store = self.source.store();
        for object in &self.objects {
            let bytes = store.get(&object.as_str().into()).await;
            let bytes = match bytes {
                Ok(found) => found.bytes().await,
                Err(error) => Err(error),
            };
            let bytes = bytes.map_err(|error| Stop::Unknown(format!("{object}: {error}")))?;
            writer.add(&format!("{LOGS}{object}"), &bytes)?;
        }
        writer.add_from(&format!("{LOGS}{}/{JSONL}", self.log), self.jsonl)?;
        writer.add_from(&format!("{LOGS}{}/{CSV}", self.log), self.csv)
    }
}
