//! What a witness answers (C2SP tlog-witness, "add-checkpoint"). Pure.

use auditlog::{Checkpoint, LogId, TreeHash, rebuild_root, verify_consistency};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::keys::Keys;
use crate::stop::Stop;

/// The most lines of a proof.
const MAX_PROOF: usize = 63;

/// A request, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// How many leaves the checkpoint had that was cosigned last.
    pub(crate) old: u64,
    /// From there to the new one.
    pub(crate) proof: Vec<TreeHash>,
    /// The new one, signed.
    pub(crate) note: String,
}

impl Request {
    /// As a body.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text += &BASE64_STANDARD.encode(hash);
            text.push('\n');
        }
        text + "\n" + &self.note
    }

    /// Reads a body; none where it is not exactly as the protocol says.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
        let hash = |line: &str| BASE64_STANDARD.decode(line).ok()?.try_into().ok();
        let request = Self {
            old,
            proof: lines.map(hash).collect::<Option<_>>()?,
            note: note.to_owned(),
        };
        (request.proof.len() <= MAX_PROOF && request.text() == text).then_some(request)
    }
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: not a request.
    Malformed,
    /// 404: a log that is not witnessed here.
    UnknownLog,
    /// 403: not signed by the log's key.
    Unsigned,
    /// 409: the last checkpoint has this size.
    Conflict(u64),
    /// 422: it doesn't continue the last one.
    Inconsistent,
}

/// The checkpoint of a request and its log, if the keys know it.
pub(crate) fn checkpoint(keys: &Keys, request: &Request) -> Result<(LogId, Checkpoint), Refusal> {
    keys.checkpoint(request.note.as_bytes())
        .map_err(|stop| match stop {
            Stop::Refuted(_) => Refusal::Unsigned,
            Stop::Usage(_) | Stop::Unknown(_) | Stop::Pruned(..) => Refusal::UnknownLog,
        })
}

/// Whether `new` may be cosigned after `last`.
pub(crate) fn judge(
    request: &Request,
    last: Option<&Checkpoint>,
    new: &Checkpoint,
) -> Result<(), Refusal> {
    if request.old > new.size() {
        return Err(Refusal::Malformed);
    }
    let known = last.map_or(0, Checkpoint::size);
    if request.old != known {
        return Err(Refusal::Conflict(known));
    }
    let root = last.map_or_else(|| rebuild_root::<&[u8]>([]), Checkpoint::root);
    if known == new.size() && root != new.root() {
        return Err(Refusal::Conflict(known));
    }
    let consistent = match known == 0 || known == new.size() {
        true => request.proof.is_empty(),
        false => verify_consistency(known, root, new.size(), new.root(), &request.proof).is_ok(),
    };
    if consistent {
        Ok(())
    } else {
        Err(Refusal::Inconsistent)
    }
}
