//! The body of a request to a witness (C2SP tlog-witness, "add-checkpoint").

use auditlog::TreeHash;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The most lines of a proof.
const MAX_PROOF: usize = 63;

/// A request: please cosign this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How many leaves the checkpoint had that was cosigned last.
    pub old: u64,
    /// From there to the new one.
    pub proof: Vec<TreeHash>,
    /// The new one, signed.
    pub note: String,
}

impl Request {
    /// As a body.
    pub fn text(&self) -> String {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text += &BASE64_STANDARD.encode(hash);
            text.push('\n');
        }
        text + "\n" + &self.note
    }

    /// Reads a body; none where it is not exactly as the protocol says.
    pub fn parse(text: &str) -> Option<Self> {
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
