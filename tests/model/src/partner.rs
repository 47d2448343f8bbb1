//! The partner: what it remembers of an id, and what its fence answers.

use domain::vocabulary::Outcome;

use crate::check::Model;
use crate::state::{AtPartner, Known, State};

impl Known {
    /// What it answers, once it is final.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self {
            Known::Executed => Some(Outcome::Executed),
            Known::Rejected => Some(Outcome::Rejected),
            Known::Refused | Known::Forbidden => Some(Outcome::NotExecuted),
            Known::Unseen | Known::Accepted { .. } | Known::Actuating => None,
        }
    }
}

impl AtPartner {
    /// The device opens.
    pub(crate) fn open(&mut self) {
        self.known = Known::Executed;
        self.openings += 1;
    }
}

impl Model {
    /// An open arrives that expires at the end of `expires`.
    pub(crate) fn arrive(&self, state: &mut State, command: u8, expires: u8, rejected: bool) {
        let expired = state.phase > expires && self.with.partner_refuses_expired;
        let at = &mut state.partner[usize::from(command)];
        let answered = matches!(at.known, Known::Executed | Known::Rejected | Known::Refused);
        let forgotten = answered && !self.with.partner_remembers_answered;
        if at.known != Known::Unseen && !forgotten {
            return;
        }
        at.known = match (expired, rejected) {
            (true, _) => Known::Refused,
            (false, true) => Known::Rejected,
            (false, false) => Known::Accepted { expires },
        };
        if !self.scenario.slow && matches!(at.known, Known::Accepted { .. }) {
            at.open();
        }
    }

    /// A queued command's turn has come.
    pub(crate) fn actuate(&self, state: &mut State, command: u8) {
        let phase = state.phase;
        let at = &mut state.partner[usize::from(command)];
        if let Known::Accepted { expires } = at.known {
            let expired = phase > expires && self.with.partner_refuses_expired;
            at.known = if expired {
                Known::Refused
            } else {
                Known::Actuating
            };
        }
    }

    /// The final state, or forbidden for ever; UNKNOWN while it is being actuated.
    pub(crate) fn fence(&self, state: &mut State, command: u8) -> Outcome {
        let at = &mut state.partner[usize::from(command)];
        match at.known {
            Known::Actuating => Outcome::Unknown,
            Known::Unseen if !self.with.partner_remembers_unseen => Outcome::NotExecuted,
            Known::Unseen | Known::Accepted { .. } => {
                at.known = Known::Forbidden;
                Outcome::NotExecuted
            }
            known => known.outcome().unwrap_or(Outcome::Unknown),
        }
    }

    /// The end of the partner's memory.
    pub(crate) fn forget_at_partner(state: &mut State) {
        for at in &mut state.partner {
            if at.known.outcome().is_some() {
                at.known = Known::Unseen;
            }
        }
    }
}
