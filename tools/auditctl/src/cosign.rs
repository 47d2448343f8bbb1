//! `auditctl cosign`: has a witness sign the checkpoint that a log has now.

use auditlog::{Checkpoint, LogReader};
use reqwest::StatusCode;
use serde_json::json;
use url::Url;

use crate::cli::CosignArgs;
use crate::keys::Keys;
use crate::prove::create;
use crate::say::Say;
use crate::source::{Source, http_client};
use crate::stop::Stop;
use crate::witness::Request;

/// The longest answer.
const MAX_ANSWER: u64 = 64 * 1024;

/// Asks each witness, and writes the checkpoint with what they signed.
pub(crate) async fn run(args: &CosignArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let log = source.only_log()?;
    let (reader, checkpoint) = keys.open(&source, log).await?;
    let client = http_client(&args.source, is_here(&args.witness))?;
    let lines = ask(&client, &args.witness, &reader, &checkpoint).await?;
    let note = format!("{}{lines}", checkpoint.note());
    let seen = args.witness_key.seen(&note).ok_or_else(|| {
        Stop::Refuted("what the witness answered is no cosignature of its key".to_owned())
    })?;
    create(&args.output, note.as_bytes(), false)?;
    let line = format!(
        "{}: {log} with {} records, seen by the witness at {seen}, who saw nothing before that it doesn't \
         continue",
        args.output.display(),
        checkpoint.size()
    );
    Ok(Say::new(
        vec![line],
        json!({ "log": log.to_string(), "size": checkpoint.size(), "seen": seen }),
    ))
}

/// Whether a witness is on this machine, where plain HTTP will do.
fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

async fn ask(
    client: &reqwest::Client,
    witness: &Url,
    reader: &LogReader,
    checkpoint: &Checkpoint,
) -> Result<String, Stop> {
    let url = format!("{}/add-checkpoint", witness.as_str().trim_end_matches('/'));
    let failed = |error: reqwest::Error| Stop::Unknown(format!("{:#}", anyhow::Error::new(error)));
    let mut request = Request {
        old: 0,
        proof: Vec::new(),
        note: checkpoint.note().to_owned(),
    };
    // The first time to learn what it has seen.
    for _ in 0..2 {
        let answer = client
            .post(&url)
            .body(request.text())
            .send()
            .await
            .map_err(failed)?;
        let status = answer.status();
        if answer
            .content_length()
            .is_none_or(|length| length > MAX_ANSWER)
        {
            return Err(Stop::Unknown("the witness answers too much".to_owned()));
        }
        let text = answer.text().await.map_err(failed)?;
        match status {
            StatusCode::OK => return Ok(text),
            StatusCode::CONFLICT => {
                let size: Option<u64> = text.trim_end().parse().ok();
                let size = size.ok_or_else(|| {
                    Stop::Unknown("the witness doesn't say what it has seen".to_owned())
                })?;
                if size > checkpoint.size() {
                    return Err(Stop::Unknown(format!(
                        "the witness has seen {size} records, and here are only {}: the log went back, or \
                         this is an older copy",
                        checkpoint.size()
                    )));
                }
                if request.old == size {
                    break;
                }
                request.old = size;
                if size > 0 && size < checkpoint.size() {
                    request.proof = reader.consistency_proof(size, checkpoint.size()).await?;
                }
            }
            StatusCode::UNPROCESSABLE_ENTITY => break,
            other => return Err(Stop::Unknown(format!("the witness answered {other}"))),
        }
    }
    Err(Stop::Refuted(
        "the witness has seen another history of this log: compare its last checkpoint with this one"
            .to_owned(),
    ))
}
