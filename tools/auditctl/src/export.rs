//! `auditctl export`: records, and all that proves them, in one file.

use std::path::{Path, PathBuf};

use auditarchive::{Contents, FORMAT, Part, Step};
use auditlog::LogId;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::ExportArgs;
use crate::keys::Keys;
use crate::progress::Progress;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;

/// Writes an archive of logs that were proven before.
pub(crate) async fn run(args: &ExportArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let trust = Trust::read(&args.trust, Some(&source))?;
    let output = Output::create(&args.output)?;
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
        let (signed, ..) = keys.signed(&source, log).await?;
        let part = Part::take(signed, &contents, u64::MAX, &mut progress(log)).await?;
        contents.logs.push(part.exported.clone());
        taken.push(part);
    }
    let keys = auditarchive::Keys {
        checkpoints: keys.text(),
        records: trust.as_ref().map(named).transpose()?,
    };
    let records = auditarchive::write(&contents, &keys, taken, output.file()?).await?;
    output.finish()?;
    let line = format!(
        "{}: {records} records of {} logs, with what proves them; auditctl verify {} --key …",
        args.output.display(),
        logs.len(),
        args.output.display()
    );
    let said = json!({ "records": records, "logs": contents.logs });
    Ok(Say::new(vec![line], said))
}

/// Shows how far a log is.
fn progress(log: &LogId) -> impl FnMut(Step<'_>) + Send {
    let mut shown = None;
    move |step| match (step, &mut shown) {
        (Step::Begins(leaves), shown) => *shown = Some(Progress::start(log, leaves)),
        (_, Some(progress)) => progress.advance(1),
        (_, None) => {}
    }
}

/// The root of records' keys and its certificates, as they stand in an archive.
fn named(trust: &Trust) -> Result<(String, Vec<String>), Stop> {
    let certificates = trust.certificates.iter();
    let certificates = certificates.map(|certificate| certificate.to_json());
    let certificates: Result<_, _> = certificates.collect();
    let certificates = certificates.map_err(|error| Stop::Usage(error.to_string()))?;
    Ok((trust.root.to_string(), certificates))
}

/// Where the archive is written. What isn't finished leaves nothing behind.
struct Output {
    file: NamedTempFile,
    path: PathBuf,
}

impl Output {
    /// Of an archive that must not be there yet.
    fn create(path: &Path) -> Result<Self, Stop> {
        if path.exists() {
            let text = format!("{} is there already; name another file", path.display());
            return Err(Stop::Usage(text));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        Ok(Self {
            file: file.map_err(|error| Stop::unwritten(path, &error))?,
            path: path.to_owned(),
        })
    }

    fn file(&self) -> Result<tokio::fs::File, Stop> {
        let file = self.file.as_file().try_clone();
        let file = file.map_err(|error| Stop::unwritten(&self.path, &error))?;
        Ok(tokio::fs::File::from_std(file))
    }

    /// Gives it its name.
    fn finish(self) -> Result<(), Stop> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(|error| Stop::unwritten(&self.path, &error))?;
        let named = self.file.persist_noclobber(&self.path);
        named.map_err(|error| Stop::unwritten(&self.path, &error.error))?;
        Ok(())
    }
}
