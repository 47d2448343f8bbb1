//! The log and the partner's journal, held against each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::CommandId;
use domain::commands::Commands;
use domain::event::{AccessObserved, Body, CommandCompleted, Event, LogPosition};
use domain::vocabulary::{Outcome, Verdict};
use eventlog::{Record, Topic};
use harness::journal::Opening;
use harness::process::wait_until;
use jiff::Timestamp;
use uuid::Uuid;

use super::load::Told;
use crate::support::Scene;

/// Expiry and the reconciler's pauses are well below.
const SETTLING: Duration = Duration::from_secs(120);

/// Everything that is known, from the two sides that don't know of each other.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// The log's commands, folded.
    pub(super) commands: Commands,
    /// Their ids.
    pub(crate) ids: BTreeSet<CommandId>,
    /// What the partner reported, with our event's id.
    pub(super) observed: Vec<(Uuid, AccessObserved)>,
    /// When the log took each winning decision in.
    durable: HashMap<CommandId, Timestamp>,
    /// Every completion, in log order.
    completions: HashMap<CommandId, Vec<CommandCompleted>>,
    openings: Vec<Opening>,
}

impl Evidence {
    /// As it stands now.
    pub(crate) async fn read(scene: &Scene) -> Result<Self> {
        let mut evidence = Self {
            commands: Commands::default(),
            ids: BTreeSet::new(),
            observed: Vec::new(),
            durable: HashMap::new(),
            completions: HashMap::new(),
            openings: scene.openings()?,
        };
        for (record, event) in scene.log.events(Topic::AccessEvents).await? {
            evidence.fold(&record, event);
        }
        Ok(evidence)
    }

    /// Once every command has a definite outcome and the partner has told all that it had to tell.
    pub(crate) async fn settled(scene: &Scene) -> Result<Self> {
        wait_until(SETTLING, "every command to be settled", || async {
            let evidence = Self::read(scene).await;
            evidence.is_ok_and(|evidence| evidence.open().is_empty())
        })
        .await?;
        scene.delivered().await?;
        Self::read(scene).await
    }

    /// Commands without a definite outcome.
    pub(crate) fn open(&self) -> Vec<CommandId> {
        self.commands.open().map(|(id, _)| id).collect()
    }

    fn fold(&mut self, record: &Record, event: Event) {
        match &event.body {
            Body::AccessDecided(decided) => {
                let at = LogPosition {
                    partition: record.position.partition,
                    offset: record.position.offset,
                };
                self.commands
                    .fold_decided(&event, decided, at, record.append_time);
                self.ids.insert(decided.command);
                self.durable
                    .entry(decided.command)
                    .or_insert(record.append_time);
            }
            Body::CommandCompleted(completed) => {
                self.commands.fold_completed(&event, completed);
                self.completions
                    .entry(completed.command)
                    .or_default()
                    .push(completed.clone());
            }
            Body::AccessObserved(observed) => self.observed.push((event.id.0, observed.clone())),
            other => panic!("no access event: {other:?}"),
        }
    }

    /// The effective outcome of a command; none for a denial.
    pub(super) fn outcome(&self, id: CommandId) -> Option<Outcome> {
        self.commands.get(id).and_then(|command| command.outcome())
    }

    fn is_allowed(&self, id: CommandId) -> bool {
        let command = self.commands.get(id);
        command.is_some_and(|command| command.verdict == Verdict::Allow)
    }

    /// Winning ALLOWs.
    fn allowed(&self) -> impl Iterator<Item = CommandId> {
        self.ids.iter().copied().filter(|id| self.is_allowed(*id))
    }

    /// Everything that must hold between the log, the doors and what callers were told.
    pub(crate) fn adds_up(&self, told: &Told) -> Result<()> {
        self.one_effective_outcome_each()?;
        self.openings_and_outcomes_agree()?;
        self.callers_were_told_the_truth(told)
    }

    /// Every winning ALLOW has a definite outcome, and nothing in the log says otherwise.
    fn one_effective_outcome_each(&self) -> Result<()> {
        for id in self.allowed() {
            let effective = self.outcome(id);
            ensure!(
                effective.is_some_and(Outcome::is_definite),
                "{id}: {effective:?}"
            );
            for completed in self.completions.get(&id).context("no completion")? {
                let agrees =
                    !completed.outcome.is_definite() || Some(completed.outcome) == effective;
                ensure!(agrees, "{id} is {effective:?}, and {completed:?}");
            }
        }
        for id in self.completions.keys() {
            ensure!(self.is_allowed(*id), "{id} was completed, not allowed");
        }
        Ok(())
    }

    /// EXECUTED is what opened, once, after its decision was durable; and was reported.
    pub(crate) fn openings_and_outcomes_agree(&self) -> Result<()> {
        let mut opened: BTreeMap<CommandId, &Opening> = BTreeMap::new();
        for opening in &self.openings {
            let Some(command) = opening.command.map(CommandId) else {
                continue;
            };
            let twice = opened.insert(command, opening);
            ensure!(
                twice.is_none(),
                "{command} opened twice: {opening:?} and {twice:?}"
            );
            ensure!(self.is_allowed(command), "{command} opened, not allowed");
            let durable = self.durable.get(&command).context("no decision")?;
            ensure!(
                *durable <= opening.at,
                "{command} opened {} before {durable}",
                opening.at
            );
        }
        for id in self.allowed() {
            let outcome = self.outcome(id);
            let executed = outcome == Some(Outcome::Executed);
            ensure!(
                executed == opened.contains_key(&id),
                "{id} is {outcome:?}, unlike the door"
            );
            let reported = self
                .observed
                .iter()
                .any(|(_, seen)| seen.command == Some(id));
            ensure!(
                executed == reported,
                "{id} is {outcome:?}, unlike the partner's report"
            );
        }
        Ok(())
    }

    /// No answer is contradicted by the log; UNKNOWN says nothing.
    fn callers_were_told_the_truth(&self, told: &Told) -> Result<()> {
        ensure!(
            !told.answers.is_empty() && !told.cars.is_empty(),
            "nobody was told anything"
        );
        for answer in &told.answers {
            let effective = self
                .outcome(answer.command_id.parse()?)
                .map(Outcome::number);
            let unknown = answer.outcome() == proto::access::Outcome::Unknown;
            ensure!(
                unknown || effective == Some(answer.outcome),
                "{answer:?}: {effective:?}"
            );
        }
        for reason in &told.denials {
            // A stranger; or a key whose command expired while nobody could decide it.
            ensure!(
                ["NO_GRANT", "COMMAND_EXPIRED"].contains(&reason.as_str()),
                "{reason}"
            );
        }
        Ok(())
    }

    /// Commands were cut off and brought to an end by somebody else: else nothing was shown.
    pub(super) fn crashes_were_met(&self) {
        let all = || self.completions.values().flatten();
        let reconciled = all().filter(|completed| completed.reconciled).count();
        let fenced = all().filter(|completed| completed.fenced).count();
        let away = |completed: &&CommandCompleted| {
            completed.outcome == Outcome::NotExecuted && !completed.reconciled
        };
        let away = all().filter(away).count();
        eprintln!(
            "{} commands, {} openings, {reconciled} reconciled, {fenced} fenced, {away} not sent",
            self.ids.len(),
            self.openings.len()
        );
        assert!(reconciled > 0 && fenced > 0 && away > 0);
    }

    /// The checks notice what they are for: openings without a decision, twice or too early,
    /// decisions and completions that are lost.
    pub(super) fn forgeries_are_noticed(&self, told: &Told) {
        let remote = |opening: &Opening| opening.command.is_some();
        let at = self.openings.iter().position(remote).unwrap();
        let refused = |what: &str, forge: &dyn Fn(&mut Self)| {
            let mut forged = self.clone();
            forge(&mut forged);
            assert!(forged.adds_up(told).is_err(), "{what} was not noticed");
        };
        refused("a second opening", &|forged| {
            let again = forged.openings[at].clone();
            forged.openings.push(again);
        });
        refused("an opening of nobody", &|forged| {
            forged.openings[at].command = Some(Uuid::new_v4());
        });
        refused("an opening before its decision", &|forged| {
            forged.openings[at].at = Timestamp::UNIX_EPOCH;
        });
        refused("an opening that is missing", &|forged| {
            forged.openings.remove(at);
        });
        refused("a lost completion", &|forged| {
            forged.completions.clear();
        });
        refused("a report of nothing", &|forged| {
            let denied = forged
                .ids
                .iter()
                .find(|id| forged.outcome(**id) != Some(Outcome::Executed));
            let seen = forged
                .observed
                .iter_mut()
                .find(|(_, seen)| seen.command.is_some());
            seen.unwrap().1.command = denied.copied();
        });
    }
}
