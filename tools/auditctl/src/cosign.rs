//! `auditctl cosign`: has a witness sign the checkpoint that a log has now.

use serde_json::json;
use url::Url;
use witness::{NotCosigned, ask};

use crate::cli::CosignArgs;
use crate::keys::Keys;
use crate::prove::create;
use crate::say::Say;
use crate::source::{Source, http_client};
use crate::stop::Stop;

/// Asks each witness, and writes the checkpoint with what they signed.
pub(crate) async fn run(args: &CosignArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let log = source.only_log()?;
    let (reader, checkpoint) = keys.open(&source, log).await?;
    let client = http_client(&args.source, is_here(&args.witness))?;
    let asked = ask(
        &client,
        &args.witness,
        &args.witness_key,
        &reader,
        &checkpoint,
        0,
    )
    .await;
    let line = asked.map_err(|why| match why {
        NotCosigned::OtherHistory | NotCosigned::Forged => Stop::Refuted(why.to_string()),
        why => Stop::Unknown(why.to_string()),
    })?;
    let note = format!("{}{line}\n", checkpoint.note());
    let seen = args
        .witness_key
        .seen(&note)
        .map_or_else(String::new, |at| at.to_string());
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
