//! How far witnesses have seen a log: the newest checkpoint that enough of them have cosigned.

use auditlog::{Checkpoint, Error, LogId};
use jiff::Timestamp;
use serde_json::{Value, json};
use witness::WitnessKey;

use crate::cli::WitnessedArgs;
use crate::keys::Keys;
use crate::source::Source;
use crate::stop::Stop;

/// What they have seen.
#[derive(Debug)]
pub(super) struct Witnessed {
    size: u64,
    by: Vec<(String, Timestamp)>,
    asked: usize,
}

/// Looks for the cosignatures that the auditor wants; none where he named no witness.
pub(super) async fn witnessed(
    source: &Source,
    keys: &Keys,
    log: &LogId,
    wanted: &WitnessedArgs,
) -> Result<Option<Witnessed>, Stop> {
    let (reader, current) = keys.open(source, log).await?;
    // What lies beside the checkpoint has to be on the same tree, whether somebody counts it or not.
    let kept = match reader.cosigned().await {
        // The log of an archive, or of a copy, that is older than its cosignatures.
        Err(Error::OutOfRange { size, .. }) => {
            return Err(Stop::Refuted(format!(
                "{log}: a checkpoint of more than its {size} records was cosigned: the log went back, or this is \
                 put together from two times"
            )));
        }
        other => other?,
    };
    if wanted.witnesses.is_empty() {
        return Ok(None);
    }
    let quorum = wanted.quorum.unwrap_or(wanted.witnesses.len());
    let candidates = [Some(current), kept].into_iter().flatten();
    let enough = candidates
        .map(|checkpoint| count(&checkpoint, &wanted.witnesses))
        .filter(|seen| seen.by.len() >= quorum)
        .max_by_key(|seen| seen.size);
    enough.map(Some).ok_or_else(|| {
        Stop::Unknown(format!(
            "{log} has no checkpoint that {quorum} of these {} witnesses have cosigned",
            wanted.witnesses.len()
        ))
    })
}

fn count(checkpoint: &Checkpoint, witnesses: &[WitnessKey]) -> Witnessed {
    let seen = |key: &WitnessKey| Some((key.name().to_owned(), key.seen(checkpoint.note())?));
    Witnessed {
        size: checkpoint.size(),
        by: witnesses.iter().filter_map(seen).collect(),
        asked: witnesses.len(),
    }
}

impl Witnessed {
    /// In words.
    pub(super) fn words(&self, log: &LogId) -> String {
        let by: Vec<String> = self
            .by
            .iter()
            .map(|(name, at)| format!("{name} at {at}"))
            .collect();
        format!(
            "{log}: its first {} records were seen by {} of {} witnesses, who saw nothing before that they don't \
             continue: {}",
            self.size,
            self.by.len(),
            self.asked,
            by.join(", ")
        )
    }

    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let by = self
            .by
            .iter()
            .map(|(name, at)| json!({ "witness": name, "seen": at.to_string() }));
        json!({ "size": self.size, "by": by.collect::<Vec<_>>() })
    }
}
