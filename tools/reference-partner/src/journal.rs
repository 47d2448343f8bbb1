//! The journal of physical openings: one JSON object a line, on disk before the device moves.
//!
//! It stands apart from the store so that anybody can compare it with another company's log. It
//! holds nothing about people.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::events::Method;
use crate::ids::{CommandId, ComplexId, DeviceId, OpeningId};

/// Most lines under one fsync.
const GROUP: usize = 256;

/// One physical opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) at: Timestamp,
    pub(crate) complex: ComplexId,
    pub(crate) device: DeviceId,
    pub(crate) command_id: Option<CommandId>,
    pub(crate) method: Method,
    pub(crate) opening_id: OpeningId,
}

/// An opening that is not in the journal, and so must not happen.
#[derive(Debug, Clone, thiserror::Error)]
#[error("journal: {0}")]
pub struct JournalError(String);

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

type Line = (Vec<u8>, oneshot::Sender<Result<(), JournalError>>);

/// Handle of the journal's thread.
pub(crate) struct Journal {
    path: PathBuf,
    lines: mpsc::Sender<Line>,
}

impl Journal {
    /// Opens the file, cuts off a line that a crash left unfinished, and starts the thread.
    pub(crate) fn open(path: &Path) -> Result<Self, JournalError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let length = complete_length(&mut file)?;
        file.set_len(length)?;
        file.sync_all()?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        let (lines, inbox) = mpsc::channel(GROUP);
        std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || run(&mut file, length, inbox))?;
        Ok(Self {
            path: path.to_owned(),
            lines,
        })
    }

    /// Writes an opening; it is on disk when this returns.
    ///
    /// # Errors
    /// The opening is then not in the journal and must not happen.
    pub(crate) async fn append(&self, opening: &Opening) -> Result<(), JournalError> {
        let mut line =
            serde_json::to_vec(opening).map_err(|error| JournalError(error.to_string()))?;
        line.push(b'\n');
        let closed = || JournalError("closed".into());
        let (answer, answered) = oneshot::channel();
        self.lines
            .send((line, answer))
            .await
            .map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Reads all openings.
    pub(crate) fn read(&self) -> Result<Vec<Opening>, JournalError> {
        let file = BufReader::new(File::open(&self.path)?);
        file.lines()
            .map(|line| {
                serde_json::from_str(&line?)
                    .map_err(|error| JournalError(format!("unreadable line: {error}")))
            })
            .collect()
    }

    /// The commands that opened something.
    pub(crate) fn commands(&self) -> Result<HashSet<CommandId>, JournalError> {
        Ok(self
            .read()?
            .into_iter()
            .filter_map(|opening| opening.command_id)
            .collect())
    }
}

fn complete_length(file: &mut File) -> io::Result<u64> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last as u64 + 1))
}

fn run(file: &mut File, mut length: u64, mut inbox: mpsc::Receiver<Line>) {
    let mut broken = None;
    while let Some((mut bytes, first)) = inbox.blocking_recv() {
        let mut answers = vec![first];
        while answers.len() < GROUP {
            let Ok((line, answer)) = inbox.try_recv() else {
                break;
            };
            bytes.extend(line);
            answers.push(answer);
        }
        let result = match &broken {
            Some(error) => Err(JournalError::clone(error)),
            None => append(file, length, &bytes),
        };
        match &result {
            Ok(()) => length += bytes.len() as u64,
            // What can't be taken back would tell of openings that never were.
            Err(error) if file.set_len(length).and_then(|()| file.sync_all()).is_err() => {
                broken = Some(error.clone());
            }
            Err(_) => {}
        }
        for answer in answers {
            let _ = answer.send(result.clone());
        }
    }
}

fn append(file: &mut File, length: u64, bytes: &[u8]) -> Result<(), JournalError> {
    if file.metadata()?.len() != length {
        return Err(JournalError("someone else writes to it".into()));
    }
    file.write_all(bytes)?;
    Ok(file.sync_data()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use uuid::Uuid;

    fn opening() -> Opening {
        Opening {
            at: Timestamp::UNIX_EPOCH,
            complex: ComplexId::parse("sunrise").unwrap(),
            device: DeviceId::parse("sunrise.lobby").unwrap(),
            command_id: Some(Uuid::nil().into()),
            method: Method::Remote,
            opening_id: Uuid::nil().into(),
        }
    }

    #[tokio::test]
    async fn a_line_that_a_crash_left_unfinished_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openings.jsonl");
        let journal = Journal::open(&path).unwrap();
        journal.append(&opening()).await.unwrap();
        drop(journal);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"at\":\"19")
            .unwrap();
        let journal = Journal::open(&path).unwrap();
        journal.append(&opening()).await.unwrap();
        assert_eq!(journal.read().unwrap(), [opening(), opening()]);
        assert_eq!(journal.commands().unwrap().len(), 1);
    }
}
