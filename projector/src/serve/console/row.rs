//! One access in a list.

use domain::vocabulary::{Observation, Outcome, Verdict};
use proto::access::{AccessKind, AccessRecord};

use super::lang::Lang;
use super::moment::{Moment, Zone};
use super::{reasons, words};

/// What a record comes to, told by sign and word as well as by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Name of its style.
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) word: &'static str,
}

/// An access as a list shows it.
pub(super) struct Row {
    pub(super) event: String,
    pub(super) at: Option<Moment>,
    pub(super) device: String,
    pub(super) who: Who,
    pub(super) how: &'static str,
    pub(super) automation: &'static str,
    pub(super) kind: &'static str,
    pub(super) mark: Mark,
    pub(super) why: &'static str,
    pub(super) contradicted: bool,
    pub(super) conflicting: bool,
}

/// Whom an access is about.
pub(super) struct Who {
    pub(super) kind: &'static str,
    /// The user id, until it is erased.
    pub(super) name: String,
    /// The reference; empty where nobody is known.
    pub(super) subject: String,
}

impl Who {
    /// The reference's beginning, where there is no name.
    pub(super) fn short(&self) -> &str {
        self.subject.get(..8).unwrap_or(&self.subject)
    }
}

impl Row {
    pub(super) fn of(lang: Lang, zone: &Zone, record: &AccessRecord) -> Self {
        let actor = record.actor.clone().unwrap_or_default();
        let why = match record.kind() {
            AccessKind::Command => reasons::reason(lang, record.reason),
            _ => "",
        };
        Self {
            event: record.event_id.clone(),
            at: zone.of_wire(record.occurred_at.as_ref()),
            device: record.device_id.clone(),
            who: Who {
                kind: words::actor(lang, actor.kind),
                name: record.user_id.clone(),
                subject: actor.subject_ref,
            },
            how: words::method(lang, record.method),
            automation: words::automation(lang, record.automation),
            kind: words::kind(lang, record.kind),
            mark: mark(lang, record),
            why,
            contradicted: record.contradicted,
            conflicting: record.conflicting_contents,
        }
    }
}

/// Whether a record says that somebody was let in.
pub(super) fn opened(record: &AccessRecord) -> bool {
    record.outcome == Outcome::Executed.number()
        || record.observation == Observation::Granted.number()
}

/// What a record comes to.
pub(super) fn mark(lang: Lang, record: &AccessRecord) -> Mark {
    let of = |class, sign, word| Mark { class, sign, word };
    match record.kind() {
        AccessKind::Observed => {
            let word = words::observation(lang, record.observation);
            match Observation::from_number(record.observation) {
                Some(Observation::Granted) => of("good", "✓", word),
                Some(Observation::Denied) => of("no", "✕", word),
                _ => of("bad", "!", word),
            }
        }
        AccessKind::Command if record.void => {
            of("dim", "∅", lang.t("without effect", "без последствий"))
        }
        AccessKind::Command if record.verdict == Verdict::Deny.number() => {
            of("no", "✕", words::verdict(lang, record.verdict))
        }
        AccessKind::Command => {
            let word = words::outcome(lang, record.outcome);
            match Outcome::from_number(record.outcome) {
                Some(Outcome::Executed) => of("good", "✓", word),
                Some(Outcome::Rejected | Outcome::NotExecuted) => of("no", "–", word),
                Some(Outcome::Unknown) => of("open", "?", word),
                None => of("open", "…", lang.t("under way", "выполняется")),
            }
        }
        _ => of("bad", "!", lang.t("unreadable", "не читается")),
    }
}
