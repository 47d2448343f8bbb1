//! An archive: its logs, and that nothing else in it says anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, ErrorKind, Read};
use std::sync::Arc;

use auditarchive::{Needed, ReadOnly, Recording};
use auditlog::ENTRIES_PER_BUNDLE;
use authn::record::{KeyCertificate, PublicKey};

use super::judged::Judged;
use super::witnessed::witnessed;
use super::{Believed, Found};
use crate::archive::{
    Archive, CERTIFICATE, CONTENTS, CSV, Contents, Exported, JSONL, LOGS, README, ROOT, VKEYS,
    readme,
};
use crate::keys::Keys;
use crate::pass;
use crate::record::{self, COLUMNS, Shown, csv_row};
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// Proves every log of an archive, and every other file of it against them.
pub(super) async fn all(
    archive: &Arc<Archive>,
    source: &Source,
    by: Believed<'_>,
) -> Result<Vec<Found>, Stop> {
    let contents = archive.contents()?;
    keys_of(archive, by.keys, by.trust)?;
    same(README, archive.small(README)?, readme(&contents).as_bytes())?;
    let mut used: BTreeSet<String> = [README, CONTENTS, VKEYS, ROOT].map(str::to_owned).into();
    let certificates = archive.names().filter(|name| name.starts_with(CERTIFICATE));
    used.extend(certificates.map(str::to_owned));
    let mut found = Vec::new();
    for exported in &contents.logs {
        let asked = source
            .logs()
            .iter()
            .any(|log| log.to_string() == exported.log);
        if asked || !source.is_narrowed() {
            found.push(log(archive, source, by, &contents, exported, &mut used).await?);
        }
    }
    if found.is_empty() {
        return Err(Stop::Unknown(
            "the archive has none of these logs".to_owned(),
        ));
    }
    // Where only some logs were asked for, nothing is said of the others.
    let all = !source.is_narrowed();
    if let Some(more) = archive.names().find(|name| all && !used.contains(*name)) {
        return Err(Stop::Refuted(format!(
            "{more} in the archive belongs to nothing"
        )));
    }
    Ok(found)
}

async fn log(
    archive: &Arc<Archive>,
    source: &Source,
    by: Believed<'_>,
    contents: &Contents,
    exported: &Exported,
    used: &mut BTreeSet<String>,
) -> Result<Found, Stop> {
    let log = source
        .logs()
        .iter()
        .find(|log| log.to_string() == exported.log);
    let log = log.ok_or_else(|| {
        let text = format!(
            "{CONTENTS} names {:?}, of which the archive has nothing",
            exported.log
        );
        Stop::Refuted(text)
    })?;
    let needed = Needed::default();
    let source = source.through(Arc::new(ReadOnly(Recording {
        store: source.store(),
        pinned: BTreeMap::new(),
        needed: needed.clone(),
    })));
    let names = [JSONL, CSV].map(|name| format!("{LOGS}{log}/{name}"));
    let [mut jsonl, mut csv] = [
        Shall::be(archive, &names[0])?,
        Shall::be(archive, &names[1])?,
    ];
    csv.say(&csv_row(COLUMNS))?;
    let range = Some((exported.first_bundle, exported.end_bundle));
    let mut judged = Judged::default();
    let passed = pass::over(&source, by.keys, log, range, true, &mut |placed| {
        judged.take(log, &placed, by.trust)?;
        let at = record::read(placed.leaf)
            .ok()
            .map(|event| event.occurred_at);
        if contents.has(log, at) {
            let shown = Shown::new(log, placed.index, placed.leaf, placed.position);
            jsonl.say(shown.line().as_bytes())?;
            csv.say(&shown.csv())?;
        }
        Ok(())
    })
    .await?;
    jsonl.end()?;
    csv.end()?;
    judged.verdict(log)?;
    let unseen = passed.unseen();
    let checkpoint = passed.checkpoint;
    if checkpoint.size() != exported.size {
        let text = format!("{CONTENTS} says another size of {log} than its checkpoint");
        return Err(Stop::Refuted(text));
    }
    let witnessed = witnessed(&source, by.keys, log, by.witnesses).await?;
    used.extend(names);
    used.extend(
        needed
            .take()
            .into_keys()
            .map(|path| format!("{LOGS}{path}")),
    );
    let end = (exported.end_bundle * ENTRIES_PER_BUNDLE).min(checkpoint.size());
    Ok(Found {
        log: log.clone(),
        checkpoint,
        unseen,
        leaves: exported.first_bundle * ENTRIES_PER_BUNDLE..end,
        judged,
        witnessed,
    })
}

/// The keys in the archive must be those that the auditor trusts.
fn keys_of(archive: &Archive, keys: &Keys, trust: Option<&Trust>) -> Result<(), Stop> {
    let changed =
        |what: &str| Stop::Refuted(format!("{what} in the archive is another than yours"));
    let text = archive.small(VKEYS)?;
    let text = text.ok_or_else(|| Stop::Unknown(format!("the archive has no {VKEYS}")))?;
    let text = String::from_utf8(text).map_err(|_| changed(VKEYS))?;
    let theirs = Keys::parse(&text);
    let theirs = theirs.map_err(|_| changed(VKEYS))?;
    if !keys.contain(&theirs) || theirs.text() != text {
        return Err(changed(VKEYS));
    }
    let certificates = archive.certificates()?;
    let Some(root) = archive.small(ROOT)? else {
        return match certificates.is_empty() {
            true => Ok(()),
            false => Err(Stop::Refuted(format!("{CERTIFICATE}… without {ROOT}"))),
        };
    };
    let text = String::from_utf8(root).map_err(|_| changed(ROOT))?;
    let root: PublicKey = text.trim().parse().map_err(|_| changed(ROOT))?;
    if text != format!("{root}\n") || trust.is_some_and(|trust| trust.root != root) {
        return Err(changed(ROOT));
    }
    for json in certificates {
        let forged = |_| Stop::Refuted(format!("a {CERTIFICATE}… isn't signed by {ROOT}"));
        let certificate = KeyCertificate::from_json(&json).map_err(forged)?;
        certificate.verify(&root).map_err(forged)?;
        let written = certificate.to_json().map_err(forged)?;
        same(CERTIFICATE, Some(json), written.as_bytes())?;
    }
    Ok(())
}

fn same(name: &str, found: Option<Vec<u8>>, wanted: &[u8]) -> Result<(), Stop> {
    match found {
        Some(found) if found == wanted => Ok(()),
        Some(_) => Err(other(name)),
        None => Err(Stop::Unknown(format!("the archive has no {name}"))),
    }
}

fn other(name: &str) -> Stop {
    Stop::Refuted(format!(
        "{name} in the archive says something else than the records"
    ))
}

/// A file that is read while what it must say is worked out.
struct Shall<R> {
    name: String,
    reader: BufReader<R>,
}

impl Shall<()> {
    fn be(archive: &Arc<Archive>, name: &str) -> Result<Shall<impl Read + use<>>, Stop> {
        let reader = archive.reader(name);
        let reader = reader.ok_or_else(|| Stop::Unknown(format!("the archive has no {name}")))?;
        Ok(Shall {
            name: name.to_owned(),
            reader: BufReader::new(reader),
        })
    }
}

impl<R: Read> Shall<R> {
    fn say(&mut self, wanted: &[u8]) -> Result<(), Stop> {
        let mut found = vec![0; wanted.len()];
        match self.reader.read_exact(&mut found) {
            Ok(()) if found == wanted => Ok(()),
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                Err(Stop::Unknown(format!("the archive can't be read: {error}")))
            }
            _ => Err(other(&self.name)),
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            _ => Err(other(&self.name)),
        }
    }
}
