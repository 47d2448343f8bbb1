//! Commands: which decision won its claim, and what became of the command.
//!
//! The same rules as [`domain::commands`], which folds records in log order, but over rows that
//! were written in any order and more than once: the positions say what stands first.

use domain::event::{CommandCompleted, Event};
use domain::id::EventId;
use domain::vocabulary::{Outcome, Verdict};
use eventlog::Record;
use jiff::Timestamp;

use super::rows::{ClaimRow, CompletionRow, RowWrite};

/// The row of a completion.
pub(crate) fn completion(record: &Record, event: &Event, completed: &CommandCompleted) -> RowWrite {
    RowWrite::Completion(CompletionRow {
        complex: event.complex.clone(),
        command: completed.command,
        offset: record.position.offset,
        outcome: completed.outcome,
        at: event.occurred_at,
    })
}

/// All rows of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandRows {
    /// Its decisions, by offset.
    pub claims: Vec<ClaimRow>,
    /// Its completions, by offset.
    pub completions: Vec<CompletionRow>,
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
        let on_time = self.claims.iter().filter(|claim| !claim.late);
        let winner = on_time.min_by_key(|claim| claim.offset)?;
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

    fn completion_after(&self, decision: u64) -> Option<&CompletionRow> {
        let behind = || self.completions.iter().filter(|c| c.offset > decision);
        let first_definite = behind()
            .filter(|completion| completion.outcome.is_definite())
            .min_by_key(|completion| completion.offset);
        first_definite.or_else(|| behind().max_by_key(|completion| completion.offset))
    }
}
