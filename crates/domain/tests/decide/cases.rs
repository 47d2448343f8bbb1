//! Worlds and questions for proptest, made smaller by taking things away.

use domain::Decision;
use domain::vocabulary::Verdict;
use oracle::{Ask, Dice, World};
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;

/// Questions to a world.
const QUESTIONS: usize = 8;

/// A world and questions to it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) asks: Vec<Ask>,
}

impl Case {
    /// That which `seed` leads to.
    pub(crate) fn of(seed: u64) -> Self {
        let world = oracle::world(seed);
        let registry = world.registry().unwrap();
        let mut dice = Dice::of(!seed);
        let asks = (0..QUESTIONS).map(|_| oracle::ask(&mut dice, &world, &registry));
        let asks = asks.collect();
        Self { world, asks }
    }

    /// Without its `index`th thing: first the questions, then what is registered and recorded.
    fn without(&self, index: usize) -> Option<Self> {
        let mut less = self.clone();
        let world = &mut less.world;
        let mut index = index;
        let mut take = |len: usize| {
            let here = (index < len).then_some(index);
            index = index.wrapping_sub(len);
            here
        };
        if let Some(at) = take(less.asks.len()) {
            less.asks.remove(at);
        } else if let Some(at) = take(world.entities.len()) {
            world.entities.remove(at);
            world.settle();
        } else if let Some(at) = take(world.uses.len()) {
            world.uses.remove(at);
        } else {
            let at = take(world.history.len())?;
            world.history.remove(at);
        }
        Some(less)
    }
}

/// The service's answer in `world`.
pub(crate) fn answer(world: &World, ask: &Ask) -> Decision {
    ask.decide(&world.registry().unwrap(), &world.commands())
}

pub(crate) fn allowed(world: &World, ask: &Ask) -> bool {
    answer(world, ask).verdict == Verdict::Allow
}

/// Worlds with questions.
#[derive(Debug)]
struct Cases;

/// Worlds with questions.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    Cases
}

/// Worlds with a question that is allowed.
pub(crate) fn allowed_cases() -> impl Strategy<Value = (World, Ask)> {
    cases().prop_filter_map("nothing is allowed", |case| {
        let mut asks = case.asks.into_iter();
        let ask = asks.find(|ask| allowed(&case.world, ask))?;
        Some((case.world, ask))
    })
}

impl Strategy for Cases {
    type Tree = Tree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        Ok(Tree {
            case: Case::of(runner.rng().random()),
            before: None,
            at: 0,
        })
    }
}

/// A case that loses one thing after the other, as long as it goes on failing.
struct Tree {
    case: Case,
    before: Option<Case>,
    at: usize,
}

impl ValueTree for Tree {
    type Value = Case;

    fn current(&self) -> Case {
        self.case.clone()
    }

    fn simplify(&mut self) -> bool {
        let Some(less) = self.case.without(self.at) else {
            return false;
        };
        self.before = Some(std::mem::replace(&mut self.case, less));
        true
    }

    fn complicate(&mut self) -> bool {
        let Some(before) = self.before.take() else {
            return false;
        };
        self.case = before;
        self.at += 1;
        true
    }
}
