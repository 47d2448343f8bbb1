//! Commands: which decision won its claim, and what became of the command.
//!
//! The same rules as [`domain::commands`], which folds records in log order, but over rows that
//! were written in any order and more than once: the positions say what stands first.

use domain::event::{CommandCompleted, Event};
use domain::id::EventId;
use domain::vocabulary::{Outcome, Verdict};
use eventlog::Record;
use jiff::Timestamp;

use super::rows::{ClaimRow, CompletionRow, ObservationRow, RowWrite};

/// The row of a completion.
pub(crate) fn completion(
    record: &Record,
    event: &Event,
    completed: &CommandCompleted,
    leaf: u64,
) -> RowWrite {
    RowWrite::Completion(CompletionRow {
        complex: event.complex.clone(),
        command: completed.command,
        offset: record.position.offset,
        event: event.id,
        outcome: completed.outcome,
        at: event.occurred_at,
        leaf,
    })
}

/// All rows of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandRows {
    /// Its decisions, by offset.
    pub claims: Vec<ClaimRow>,
    /// Its completions, by offset.
    pub completions: Vec<CompletionRow>,
    /// What the partner reports of it, by offset.
    pub observations: Vec<ObservationRow>,
}

/// What the log makes of a command so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// The decision that won the claim.
    pub event: EventId,
    /// The first definite outcome; until there is one the last UNKNOWN; none before that.
    pub outcome: Option<Outcome>,
    /// When that outcome came about.
    pub completed_at: Option<Timestamp>,
}

impl CommandRows {
    /// The winning decision and its effective outcome; none if every decision came too late.
    ///
    /// The first decision in log order wins unless it came too late, a denial too. Completions
    /// count only behind an ALLOW that won, the first definite one for good.
    pub fn effective(&self) -> Option<Effective> {
        let winner = self.winner()?;
        let completion = match winner.verdict {
            Verdict::Allow => self.completion_after(winner.offset),
            Verdict::Deny => None,
        };
        Some(Effective {
            event: winner.event,
            outcome: completion.map(|completion| completion.outcome),
            completed_at: completion.map(|completion| completion.at),
        })
    }

    /// The leaf of the completion that the decision's command has so far, if that decision won.
    pub fn completion_of(&self, decision: EventId) -> Option<u64> {
        let winner = self.winner().filter(|winner| winner.event == decision)?;
        let completion = match winner.verdict {
            Verdict::Allow => self.completion_after(winner.offset),
            Verdict::Deny => None,
        };
        completion.map(|completion| completion.leaf)
    }

    /// The decision that rules. Later records never change which it is.
    pub(crate) fn winner(&self) -> Option<&ClaimRow> {
        let on_time = self.claims.iter().filter(|claim| !claim.late);
        on_time.min_by_key(|claim| claim.offset)
    }

    /// The first definite completion behind the decision at an offset. Later records never change
    /// which it is.
    pub(crate) fn definite_after(&self, decision: u64) -> Option<&CompletionRow> {
        let behind = self.completions.iter().filter(|c| c.offset > decision);
        behind
            .filter(|completion| completion.outcome.is_definite())
            .min_by_key(|completion| completion.offset)
    }

    fn completion_after(&self, decision: u64) -> Option<&CompletionRow> {
        let behind = self.completions.iter().filter(|c| c.offset > decision);
        self.definite_after(decision)
            .or_else(|| behind.max_by_key(|completion| completion.offset))
    }
}
