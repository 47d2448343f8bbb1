//! Asks a witness over HTTP.

use auditlog::{Checkpoint, LogReader};
use reqwest::StatusCode;
use url::Url;

use crate::{Request, WitnessKey};

/// How often it is asked: once to learn what it has seen, once more if that changes meanwhile.
const ATTEMPTS: usize = 3;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum NotCosigned {
    /// It can't be reached, or answers what the protocol doesn't know. To be tried again.
    #[error("the witness can't be asked: {0}")]
    Unreachable(String),
    /// It refuses this log, as C2SP tlog-witness says: 404 where it doesn't know it, 403 where it doesn't
    /// know the key that signed.
    #[error(
        "the witness answered {0}: it has not been told of this log, or not of the key that signed"
    )]
    Stranger(StatusCode),
    /// It has seen more of the log than there is.
    #[error(
        "the witness has seen {0} records, and here are fewer: the log went back, or this is an older copy"
    )]
    Behind(u64),
    /// It has seen another history of the log.
    #[error(
        "the witness has seen another history of this log: compare its last checkpoint with this one"
    )]
    OtherHistory,
    /// What it answered is no cosignature of its key.
    #[error("what the witness answered is no cosignature of its key")]
    Forged,
    /// The log can't be read, to prove that it only grew.
    #[error(transparent)]
    Log(#[from] auditlog::Error),
}

impl NotCosigned {
    /// One word, for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Stranger(_) => "stranger",
            Self::Behind(_) => "behind",
            Self::OtherHistory => "other_history",
            Self::Forged => "forged",
            Self::Log(_) => "log",
        }
    }
}

/// Has a witness at `url` cosign a checkpoint; its line, without the newline. `known` is how many leaves
/// the last checkpoint had that it cosigned, as far as one remembers; where that is wrong it says so and is
/// asked again.
///
/// # Errors
/// [`NotCosigned`].
pub async fn ask(
    client: &reqwest::Client,
    url: &Url,
    key: &WitnessKey,
    reader: &LogReader,
    checkpoint: &Checkpoint,
    known: u64,
) -> Result<String, NotCosigned> {
    let url = format!("{}/add-checkpoint", url.as_str().trim_end_matches('/'));
    let mut old = known.min(checkpoint.size());
    for _ in 0..ATTEMPTS {
        let request = request(reader, checkpoint, old).await?;
        let (status, text) = post(client, &url, request.text()).await?;
        match status {
            StatusCode::OK => {
                let note = format!("{}{text}", checkpoint.note());
                let line = key.cosignature(&note).ok_or(NotCosigned::Forged)?.0;
                return Ok(line.to_owned());
            }
            StatusCode::CONFLICT => {
                let size: Option<u64> = text.trim_end().parse().ok();
                let size = size.ok_or_else(|| {
                    NotCosigned::Unreachable("it doesn't say what it has seen".to_owned())
                })?;
                if size > checkpoint.size() {
                    return Err(NotCosigned::Behind(size));
                }
                if size == checkpoint.size() && size == old {
                    return Err(NotCosigned::OtherHistory);
                }
                old = size;
            }
            StatusCode::UNPROCESSABLE_ENTITY => return Err(NotCosigned::OtherHistory),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
                return Err(NotCosigned::Stranger(status));
            }
            other => return Err(NotCosigned::Unreachable(format!("it answered {other}"))),
        }
    }
    let busy = "others have it cosign this log at the same time";
    Err(NotCosigned::Unreachable(busy.to_owned()))
}

async fn request(
    reader: &LogReader,
    checkpoint: &Checkpoint,
    old: u64,
) -> Result<Request, NotCosigned> {
    let proof = match old > 0 && old < checkpoint.size() {
        true => reader.consistency_proof(old, checkpoint.size()).await?,
        false => Vec::new(),
    };
    Ok(Request {
        old,
        proof,
        note: checkpoint.note().to_owned(),
    })
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    body: String,
) -> Result<(StatusCode, String), NotCosigned> {
    let failed = |error: reqwest::Error| NotCosigned::Unreachable(words(&error.without_url()));
    let mut answer = client.post(url).body(body).send().await.map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(NotCosigned::Unreachable("it answers too much".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((
        answer.status(),
        String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

/// An error with its causes, which reqwest's own text leaves out.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut text = error.to_string();
    for cause in causes {
        text += &format!(": {cause}");
    }
    text
}
