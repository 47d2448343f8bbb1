//! Open commands through command-svc, beside a bare service: from the same load, with the same
//! partner and the same log, by turns.

pub(super) mod bare;
pub(super) mod cpu;
mod load;
mod partner;
mod residents;
mod scene;
mod timers;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use harness::site::Pair;
use service::cli::CommonArgs;

use self::load::Load;
use self::scene::{Scene, Side, Spent};
use super::report::{Better, Figure, Report, Split};
use crate::{Engine, demo, target};

/// How long each side is asked in one round.
const ROUND: Duration = Duration::from_secs(4);
/// How many rounds each side has of each load.
const ROUNDS: usize = 5;
/// How long each side is asked before the first round: the broker compiles itself meanwhile.
const WARM_UP: Duration = Duration::from_secs(15);

/// One load: how long the partner takes, and how many requests are in flight.
struct Case {
    delay: Duration,
    in_flight: usize,
}

const fn case(delay_ms: u64, in_flight: usize) -> Case {
    Case {
        delay: Duration::from_millis(delay_ms),
        in_flight,
    }
}

/// The lightest first, the heaviest last: the broker goes on compiling itself for a while.
const CASES: [Case; 3] = [case(0, 1), case(20, MANY), case(0, MANY)];
const MANY: usize = 64;

/// The process beside command-svc.
pub(crate) fn bare(args: &CommonArgs) -> ExitCode {
    let code = service::run(args, bare::run);
    eventlog::wait_closed();
    code
}

/// Runs it.
pub(crate) fn run(engine: Engine) -> Result<Report> {
    let report = tokio::runtime::Runtime::new()?.block_on(measure(engine));
    eventlog::wait_closed();
    report
}

async fn measure(engine: Engine) -> Result<Report> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let dir = tempfile::tempdir_in(folder)?;
    let progress = demo::spinner();
    let pair = match engine {
        Engine::Sqlite => Pair::Embedded,
        Engine::Kafka => Pair::Cluster,
    };
    let mut scene = Scene::start(pair, dir.path(), |what| progress.set_message(what)).await?;
    for side in Side::BOTH {
        progress.set_message(format!("warming up {side}"));
        let load = Load {
            in_flight: MANY,
            time: WARM_UP,
        };
        scene.round(side, &load).await?;
    }
    let (mut figures, mut splits) = (Vec::new(), Vec::new());
    for case in &CASES {
        scene.partner.answer_after(case.delay);
        let load = Load {
            in_flight: case.in_flight,
            time: ROUND,
        };
        let mut rounds = Vec::new();
        for number in 1..=ROUNDS {
            let mut spent = Vec::new();
            for side in Side::BOTH {
                progress.set_message(format!("{case}: round {number} of {ROUNDS}, {side}"));
                spent.push(scene.round(side, &load).await?);
            }
            rounds.extend(
                spent
                    .pop()
                    .zip(spent.pop())
                    .map(|(bare, ours)| (ours, bare)),
            );
        }
        figures.extend(of_case(case, &rounds));
        splits.extend(where_it_goes(case, &rounds));
    }
    progress.set_message("counting records and openings");
    let asked = scene.check().await?;
    scene.stop().await?;
    progress.finish_and_clear();
    Ok(Report {
        load: format!(
            "log on {}: {asked} opens, all EXECUTED, each with its two records there; {ROUNDS} \
             rounds a side of {} s, by turns",
            match engine {
                Engine::Sqlite => "SQLite",
                Engine::Kafka => "Apache Kafka, one broker",
            },
            ROUND.as_secs()
        ),
        figures,
        splits,
    })
}

fn of_case(case: &Case, rounds: &[(Spent, Spent)]) -> Vec<Figure> {
    let figure = |name, unit, better, of: &dyn Fn(&Spent) -> f64| {
        let rounds = rounds.iter().map(|(ours, bare)| (of(ours), of(bare)));
        Figure::new(format!("{case}: {name}"), unit, better, rounds.collect())
    };
    let quantile = |at| move |spent: &Spent| spent.answers.quantile_ms(at);
    vec![
        figure("opens", "1/s", Better::More, &|spent| spent.answers.rate()),
        figure("p50", "ms", Better::Less, &quantile(0.5)),
        figure("p99", "ms", Better::Less, &quantile(0.99)),
        figure("p99.9", "ms", Better::Less, &quantile(0.999)),
    ]
}

/// Means: unlike medians they add up.
fn where_it_goes(case: &Case, rounds: &[(Spent, Spent)]) -> [Split; 2] {
    let (ours, bare) = rounds.iter().fold(
        (Spent::default(), Spent::default()),
        |(ours, bare), (more, other)| (ours + more, bare + other),
    );
    let (mine, reference) = (ours.stages_ms(), bare.stages_ms());
    let stages = scene::STAGES.iter().zip(mine).zip(reference);
    let cpu = scene::PROCESSES
        .iter()
        .zip(ours.cpu_us())
        .zip(bare.cpu_us());
    [
        Split {
            name: format!("{case}: time of an open, ms, mean"),
            parts: stages
                .map(|(((name, both), ours), bare)| (*name, ours, both.then_some(bare)))
                .collect(),
        },
        Split {
            name: format!("{case}: CPU of an open, µs"),
            parts: cpu
                .map(|((name, ours), bare)| (*name, ours, Some(bare)))
                .collect(),
        },
    ]
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (delay, in_flight) = (self.delay.as_millis(), self.in_flight);
        write!(f, "partner {delay} ms, {in_flight} in flight")
    }
}
