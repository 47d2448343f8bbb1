//! Which accesses of those that a view finds are wanted: what is asked of records beyond what views are
//! ordered by.

use domain::vocabulary::{ActorKind, Automation, Method, Outcome, Reason, Verdict};
use proto::access::{AccessKind, AccessRecord, SearchAccessRequest};

use super::fields::Fields;
use crate::views::AccessRow;

/// Of each only what is named; all where nothing is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    outcome: Option<Outcome>,
    actor: Option<ActorKind>,
    kind: Option<AccessKind>,
    verdict: Option<Verdict>,
    reason: Option<Reason>,
    method: Option<Method>,
    automation: Option<Automation>,
}

impl Wanted {
    /// What a request names.
    pub(super) fn read(fields: &mut Fields, request: &SearchAccessRequest) -> Self {
        let kind = |number| AccessKind::try_from(number).ok();
        Self {
            outcome: fields.word("outcome", request.outcome, Outcome::from_number),
            actor: fields.word("actor", request.actor, ActorKind::from_number),
            kind: match request.kind {
                0 => None,
                number => fields.word("kind", number, kind),
            },
            verdict: fields.word("verdict", request.verdict, Verdict::from_number),
            reason: fields.word("reason", request.reason, Reason::from_number),
            method: fields.word("method", request.method, Method::from_number),
            automation: fields.word("automation", request.automation, Automation::from_number),
        }
    }

    /// Whether anything is named, so that many records may have to be looked at.
    pub(super) fn is_choosy(&self) -> bool {
        *self != Self::default()
    }

    /// What is named, as words `name=VALUE`.
    pub(super) fn words(&self) -> Vec<String> {
        let named = [
            ("outcome", self.outcome.map(Outcome::as_str)),
            ("actor", self.actor.map(ActorKind::as_str)),
            ("kind", self.kind.map(|kind| kind.as_str_name())),
            ("verdict", self.verdict.map(Verdict::as_str)),
            ("reason", self.reason.map(Reason::as_str)),
            ("method", self.method.map(Method::as_str)),
            ("automation", self.automation.map(Automation::as_str)),
        ];
        let named = named.into_iter();
        named
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect()
    }

    /// Whether an outcome is named, which no record says by itself.
    pub(super) fn needs_outcome(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether the record can be one of them, as far as it says by itself.
    pub(super) fn may_have(&self, row: &AccessRow) -> bool {
        let may_end = self.outcome.is_none() || row.command.is_some();
        may_end && self.fits(&row.record)
    }

    /// Whether the record, told with its outcome, is one of them.
    pub(super) fn has(&self, record: &AccessRecord) -> bool {
        let outcome = self.outcome.map(Outcome::number);
        outcome.is_none_or(|outcome| outcome == record.outcome) && self.fits(record)
    }

    fn fits(&self, record: &AccessRecord) -> bool {
        let actor = record.actor.as_ref().map_or(0, |actor| actor.kind);
        let is = |wanted: Option<i32>, is| wanted.is_none_or(|wanted| wanted == is);
        is(self.actor.map(ActorKind::number), actor)
            && self.kind.is_none_or(|kind| kind == record.kind())
            && is(self.verdict.map(Verdict::number), record.verdict)
            && is(self.reason.map(Reason::number), record.reason)
            && is(self.method.map(Method::number), record.method)
            && is(self.automation.map(Automation::number), record.automation)
    }
}
