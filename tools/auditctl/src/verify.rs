//! `auditctl verify`: is this log what was signed?

mod archived;
mod judged;
mod witnessed;

use auditlog::{Checkpoint, LogId};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::cli::{VerifyArgs, WitnessedArgs};
use crate::keys::Keys;
use crate::pass;
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;
use crate::trust::Trust;
use judged::Judged;
use witnessed::{Witnessed, witnessed};

/// What is not proven by any of it.
const NOT_PROVEN: &str = "Not proven: that nothing was left out before it came to the log, that the log has not grown \
since, or that others were not shown another history.";

/// Proves every log that is named.
pub(crate) async fn run(args: &VerifyArgs) -> Result<Say, Stop> {
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let trust = Trust::read(&args.trust, Some(&source))?;
    let by = Believed {
        keys: &keys,
        trust: trust.as_ref(),
        witnesses: &args.witnessed,
    };
    let found = match source.archive() {
        Some(archive) => archived::all(archive, &source, by).await?,
        None => {
            let mut found = Vec::new();
            for log in source.logs() {
                found.push(whole(&source, by, log).await?);
            }
            found
        }
    };
    let said = said(&found, trust.is_some());
    let unseen = found.iter().filter_map(|found| {
        let unseen = found.unseen.as_ref()?;
        Some(format!("{}: {unseen}", found.log))
    });
    let unseen: Vec<String> = unseen.collect();
    match unseen.is_empty() {
        true => Ok(said),
        false => Err(Stop::Pruned(Box::new(said), unseen.join("; "))),
    }
}

/// Whom the auditor believes.
#[derive(Clone, Copy)]
struct Believed<'a> {
    keys: &'a Keys,
    trust: Option<&'a Trust>,
    witnesses: &'a WitnessedArgs,
}

/// What was found of one log.
pub(crate) struct Found {
    log: LogId,
    checkpoint: Checkpoint,
    /// Indices of the leaves that were looked at.
    leaves: std::ops::Range<u64>,
    judged: Judged,
    witnessed: Option<Witnessed>,
    /// What of it could not be looked at, since it was pruned.
    unseen: Option<String>,
}

async fn whole(source: &Source, by: Believed<'_>, log: &LogId) -> Result<Found, Stop> {
    let mut judged = Judged::default();
    let passed = pass::over(
        source,
        by.keys,
        log,
        None,
        by.trust.is_some(),
        &mut |placed| judged.take(log, &placed, by.trust),
    )
    .await?;
    judged.verdict(log)?;
    Ok(Found {
        log: log.clone(),
        leaves: 0..passed.checkpoint.size(),
        unseen: passed.unseen(),
        checkpoint: passed.checkpoint,
        judged,
        witnessed: witnessed(source, by.keys, log, by.witnesses).await?,
    })
}

fn said(found: &[Found], trusted: bool) -> Say {
    let mut lines = Vec::new();
    for found in found {
        let size = found.checkpoint.size();
        let root = BASE64_STANDARD.encode(found.checkpoint.root());
        let which = match found.leaves.clone() {
            _ if found.unseen.is_some() => format!("of {size} records all that is kept"),
            all if all == (0..size) => format!("all {size} records"),
            part => format!(
                "records {} to {} of {size}",
                part.start,
                part.end.saturating_sub(1)
            ),
        };
        let kinds = found.judged.words(trusted);
        lines.push(format!(
            "{}: {which} lead to the signed root {root}{kinds}",
            found.log
        ));
        lines.extend(found.witnessed.as_ref().map(|seen| seen.words(&found.log)));
    }
    let signatures = match trusted {
        true => {
            ", and that every record which only command-svc may write was signed by a key of the \
             pinned root"
        }
        false => "; who wrote a record was not checked (--records-root)",
    };
    lines.push(format!(
        "PROVEN: these records, in this order and unchanged, are what the key's holder signed{signatures}."
    ));
    lines.push(NOT_PROVEN.to_owned());
    let logs: Vec<Value> = found.iter().map(|found| found.json(trusted)).collect();
    Say::new(lines, json!({ "logs": logs, "not_proven": NOT_PROVEN }))
}

impl Found {
    fn json(&self, trusted: bool) -> Value {
        json!({
            "log": self.log.to_string(),
            "origin": self.checkpoint.origin().as_str(),
            "size": self.checkpoint.size(),
            "root": BASE64_STANDARD.encode(self.checkpoint.root()),
            "first": self.leaves.start,
            "end": self.leaves.end,
            "signed": trusted.then_some(self.judged.signed),
            "unreadable": self.judged.unreadable,
            "witnessed": self.witnessed.as_ref().map(Witnessed::json),
            "not_seen": self.unseen,
        })
    }
}
