//! What a witness answers (C2SP tlog-witness, "add-checkpoint"). Pure.

use auditlog::{Checkpoint, LogId, rebuild_root, verify_consistency};
use witness::Request;

use crate::keys::Keys;
use crate::stop::Stop;

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
