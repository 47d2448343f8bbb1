//! Where a log is: a folder of tiles, a server, or an archive.

mod https;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditarchive::ReadOnly;
use auditlog::LogId;
use eventlog::Topic;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use crate::archive::{Archive, Files};
use crate::cli::SourceArgs;
use crate::stop::Stop;
use https::Https;
pub(crate) use https::http_client;

/// Logs that can be read.
pub(crate) struct Source {
    store: Arc<dyn ObjectStore>,
    logs: Vec<LogId>,
    /// Logs were named, so that others may stand beside them.
    narrowed: bool,
    archive: Option<Arc<Archive>>,
}

impl Source {
    /// As the command line says. Logs that it doesn't name are looked for, where that is possible.
    pub(crate) fn open(args: &SourceArgs) -> Result<Self, Stop> {
        let named: Vec<LogId> = args.logs.iter().map(|log| log.0.clone()).collect();
        let given = args.source.as_str();
        let mut opened = match Url::parse(given) {
            Ok(url) if url.scheme() == "https" => {
                let (base, log) = split(&url);
                let store = Arc::new(ReadOnly(Https::new(base, args)?));
                Self::of(store, log.into_iter().collect())
            }
            Ok(url) if url.scheme() == "file" => {
                let path = url.to_file_path();
                Self::local(&path.map_err(|()| unknown_place(given))?)?
            }
            Ok(url) if url.scheme().len() > 1 => return Err(unknown_place(given)),
            _ => Self::local(Path::new(given))?,
        };
        if !named.is_empty() {
            opened.logs = named;
            opened.narrowed = true;
        }
        if opened.logs.is_empty() {
            let text = format!(
                "{given} has or names no log; end it with <topic>/<complex>, or name each with --log"
            );
            return Err(match Path::new(given).exists() {
                true => Stop::Unknown(text),
                false => Stop::Usage(text),
            });
        }
        Ok(opened)
    }

    fn of(store: Arc<dyn ObjectStore>, logs: Vec<LogId>) -> Self {
        Self {
            store,
            logs,
            narrowed: false,
            archive: None,
        }
    }

    /// A folder or an archive.
    fn local(path: &Path) -> Result<Self, Stop> {
        if path.is_file() {
            let archive = Arc::new(Archive::open(path)?);
            return Ok(Self {
                store: Arc::new(ReadOnly(Files(Arc::clone(&archive)))),
                logs: archive.logs().cloned().collect(),
                narrowed: false,
                archive: Some(archive),
            });
        }
        if !path.is_dir() {
            let text = format!("{} is not there, or can't be read", path.display());
            return Err(Stop::Unknown(text));
        }
        let (root, logs) = match last_two(path) {
            Some((root, log)) => (root, vec![log]),
            None => (path.to_owned(), found_in(path)),
        };
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| Stop::Unknown(error.to_string()))?;
        Ok(Self::of(Arc::new(store), logs))
    }

    /// What objects are read from.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The same logs, read through another store.
    pub(crate) fn through(&self, store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            logs: self.logs.clone(),
            narrowed: self.narrowed,
            archive: self.archive.clone(),
        }
    }

    /// The logs.
    pub(crate) fn logs(&self) -> &[LogId] {
        &self.logs
    }

    /// Whether only some logs were asked for.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.narrowed
    }

    /// The only log.
    pub(crate) fn only_log(&self) -> Result<&LogId, Stop> {
        match self.logs.as_slice() {
            [log] => Ok(log),
            _ => Err(Stop::Usage(
                "there are several logs; name one with --log <topic>/<complex>".to_owned(),
            )),
        }
    }

    /// The archive, where it is one.
    pub(crate) fn archive(&self) -> Option<&Arc<Archive>> {
        self.archive.as_ref()
    }

    /// Certificates that lie in the archive.
    pub(crate) fn certificates(&self) -> Result<Vec<Vec<u8>>, Stop> {
        self.archive
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |archive| archive.certificates())
    }
}

fn unknown_place(given: &str) -> Stop {
    Stop::Usage(format!(
        "{given} is no place of a log: give a folder, file:///…, https://…, or an archive"
    ))
}

/// The logs that stand in a folder of tiles.
fn found_in(root: &Path) -> Vec<LogId> {
    let folders = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    let mut logs = Vec::new();
    for topic in folders(root) {
        for complex in folders(&root.join(&topic)) {
            let log = LogId::named(&topic, &complex).ok();
            let is_there = root.join(&topic).join(&complex).is_dir();
            logs.extend(log.filter(|_| is_there));
        }
    }
    logs
}

/// The log that a path ends with, and what stands before it.
fn last_two(path: &Path) -> Option<(PathBuf, LogId)> {
    let complex = path.file_name()?.to_str()?;
    let above = path.parent()?;
    let topic = above.file_name()?.to_str()?;
    let log = known(topic, complex)?;
    Some((above.parent()?.to_owned(), log))
}

fn split(url: &Url) -> (Url, Option<LogId>) {
    let path = url.path().trim_end_matches('/').to_owned();
    let mut parts = path.rsplitn(3, '/');
    let (complex, topic) = (parts.next(), parts.next());
    let log = complex
        .zip(topic)
        .and_then(|(complex, topic)| known(topic, complex));
    match log {
        Some(log) => {
            let mut base = url.clone();
            base.set_path(&format!("{}/", parts.next().unwrap_or_default()));
            (base, Some(log))
        }
        None => (url.clone(), None),
    }
}

/// A log of a topic that is one of ours.
fn known(topic: &str, complex: &str) -> Option<LogId> {
    topic.parse::<Topic>().ok()?;
    LogId::named(topic, complex).ok()
}
