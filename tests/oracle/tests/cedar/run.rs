//! Many questions to many worlds, on every core.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cedar_policy::EntityUid;
use oracle::{Ask, Dice, World};

use crate::coverage::Coverage;
use crate::difference::{Difference, agree};
use crate::entities::{Site, asker};
use crate::judge::Judge;

/// Questions to each world.
const QUESTIONS: u64 = 500;
/// Of how many questions one is also asked by rights that must not matter: of other people and
/// of other complexes. It is checked by the schema, too.
const MORE_ONE_IN: usize = 8;
/// How many of them.
const OTHERS: usize = 3;

/// Asks until at least `cases` were answered.
///
/// # Errors
/// The first difference that was found.
pub(crate) fn compare(judge: &Judge, seed: u64, cases: u64) -> Result<Coverage, Box<Difference>> {
    let worlds = cases.div_ceil(QUESTIONS);
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Ok(Coverage::of(judge)));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut coverage = Coverage::of(judge);
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= worlds {
                        break;
                    }
                    let world = oracle::world(seed.wrapping_add(number));
                    if let Err(difference) = question(judge, &world, &mut coverage) {
                        stop.store(true, Ordering::Relaxed);
                        *total.lock().unwrap() = Err(difference);
                        return;
                    }
                }
                if let Ok(total) = total.lock().unwrap().as_mut() {
                    total.add(coverage);
                }
            });
        }
    });
    total.into_inner().unwrap()
}

fn question(judge: &Judge, world: &World, coverage: &mut Coverage) -> Result<(), Box<Difference>> {
    let registry = world.registry().unwrap();
    let commands = world.commands();
    let site = Site::of(world);
    let mut dice = Dice::of(!world.seed);
    for _ in 0..QUESTIONS {
        let ask = oracle::ask(&mut dice, world, &registry);
        let more = dice.below(MORE_ONE_IN) == 0;
        let others = if more {
            others(&mut dice, &site, &ask)
        } else {
            Vec::new()
        };
        let decision = ask.decide(&registry, &commands);
        let answer = judge.judge(world, &site, &ask, &others, more);
        if !agree(&decision, &answer) {
            let found = Difference::reduced(judge, world.clone(), &ask);
            return Err(Box::new(found.expect("it differs without the others too")));
        }
        coverage.count(judge, &answer);
    }
    Ok(())
}

/// Some rights of the same person elsewhere, and of others.
fn others(dice: &mut Dice, site: &Site, ask: &Ask) -> Vec<EntityUid> {
    let own = (ask.command.device.complex(), asker(ask.command.asker));
    let own = site.of.get(&own).map_or([].as_slice(), Vec::as_slice);
    let mut others: Vec<_> = (0..OTHERS)
        .filter_map(|_| dice.pick(&site.rights))
        .collect();
    others.retain(|right| !own.contains(right));
    others.into_iter().cloned().collect()
}
