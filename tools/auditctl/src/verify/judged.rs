//! Records, counted by what can be said of who wrote them.

use auditlog::LogId;
use records::Unreadable;

use crate::pass::Placed;
use crate::stop::Stop;
use crate::trust::Trust;

/// Of one log.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Records that only command-svc may write, and that it signed.
    pub(crate) signed: u64,
    /// Records that nobody can read; they have their leaf, and mean nothing.
    pub(crate) unreadable: u64,
    /// The first that claims to be command-svc's and isn't, and why.
    forged: Option<(u64, String)>,
}

impl Judged {
    /// Looks at a leaf.
    pub(crate) fn take(
        &mut self,
        log: &LogId,
        placed: &Placed<'_>,
        trust: Option<&Trust>,
    ) -> Result<(), Stop> {
        let Some(trust) = trust else {
            self.unreadable += u64::from(crate::record::read(placed.leaf).is_err());
            return Ok(());
        };
        match trust.read_leaf(log, placed.leaf, placed.position) {
            Ok(event) => self.signed += u64::from(event.body.needs_signature()),
            Err(Unreadable::Signature(why)) => {
                self.forged.get_or_insert((placed.index, why.to_string()));
            }
            Err(_) => self.unreadable += 1,
        }
        Ok(())
    }

    /// Whether any was forged. Asked only when the log itself is proven.
    pub(crate) fn verdict(&self, log: &LogId) -> Result<(), Stop> {
        match &self.forged {
            None => Ok(()),
            Some((index, why)) => Err(Stop::Refuted(format!(
                "{log}: record {index} says what only command-svc may say, but {why}. The tree is as it \
                 was signed; the record in it was written by somebody else, or its certificate wasn't \
                 named here"
            ))),
        }
    }

    pub(crate) fn words(&self, trusted: bool) -> String {
        let mut words = String::new();
        if trusted {
            words += &format!("; {} signed by command-svc", self.signed);
        }
        if self.unreadable > 0 {
            words += &format!("; {} unreadable, which no decision counts", self.unreadable);
        }
        words
    }
}
