//! Where the two differ, as little of it as will do.

use std::fmt;

use domain::vocabulary::{Reason, Verdict};
use domain::{Decision, OpenCommand};
use oracle::{Ask, World, reduced};

use crate::entities::Site;
use crate::judge::{Answer, Judge};

/// A question that is answered differently.
pub(crate) struct Difference {
    world: World,
    ask: Ask,
    service: (Verdict, Reason),
    policy: (Verdict, Reason),
}

/// Whether both say the same, and the right that the service names is one that opens.
pub(crate) fn agree(decision: &Decision, answer: &Answer) -> bool {
    let named = decision.right.is_some_and(|(id, _)| {
        let suffix = format!("/{id}");
        let mut opening = answer.opening.iter();
        opening.any(|right| {
            let right: &str = right.id().as_ref();
            right.ends_with(&suffix)
        })
    });
    (decision.verdict, decision.reason) == (answer.verdict, answer.reason)
        && named == (answer.verdict == Verdict::Allow)
}

impl Difference {
    /// The two answers to `ask` in a world, where they differ.
    pub(crate) fn between(judge: &Judge, world: &World, ask: &Ask) -> Option<Self> {
        let registry = world.registry().ok()?;
        let decision = ask.decide(&registry, &world.commands());
        let site = Site::of(world);
        let answer = judge.judge(world, &site, ask, &[], false);
        (!agree(&decision, &answer)).then(|| Self {
            world: world.clone(),
            ask: ask.clone(),
            service: (decision.verdict, decision.reason),
            policy: (answer.verdict, answer.reason),
        })
    }

    /// The same one, in a world without what doesn't matter.
    pub(crate) fn reduced(judge: &Judge, world: World, ask: &Ask) -> Option<Self> {
        let world = reduced(world, |less| Self::between(judge, less, ask).is_some());
        Self::between(judge, &world, ask)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpenCommand {
            complex,
            device,
            operation,
            asker,
            ..
        } = &self.ask.command;
        writeln!(f, "the service and the policy differ\n")?;
        writeln!(
            f,
            "{asker:?} asks for {operation} at {device}, recorded in {complex},"
        )?;
        let (now, local) = (self.ask.at.now, self.ask.local);
        let weekday = local.date().weekday();
        writeln!(f, "at {now}, {weekday:?} {local} there")?;
        let command = &self.ask.command;
        writeln!(
            f,
            "  key of {}, expires {}",
            command.key_time, command.expires_at
        )?;
        if let Some(at) = command.auth_time {
            writeln!(f, "  logged in {at}, class {:?}", command.acr)?;
        }
        writeln!(f, "  command {}", command.id)?;
        writeln!(f, "\nregistered, in this order:")?;
        for (complex, entity) in &self.world.entities {
            writeln!(f, "  {complex}: {entity:?}")?;
        }
        for used in &self.world.uses {
            writeln!(f, "  {used:?}")?;
        }
        for past in &self.world.history {
            writeln!(f, "  {past:?}")?;
        }
        writeln!(f, "\nservice: {} {}", self.service.0, self.service.1)?;
        writeln!(f, "policy:  {} {}", self.policy.0, self.policy.1)?;
        let seed = self.world.seed;
        write!(f, "\nagain: ORACLE_SEED={seed} ORACLE_CASES=1")
    }
}
