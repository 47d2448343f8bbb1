//! The partner's events through webhook-gw, beside a bare producer that writes records of the same
//! size with the same settings, by turns.

mod load;
mod producer;
mod scene;
mod spent;

use std::time::Duration;

use anyhow::{Result, ensure};

use self::load::Load;
use self::scene::Scene;
use self::spent::Spent;
use super::report::{Better, Figure, Report, Split};
use crate::{demo, target};

/// How long each side works in one round.
const ROUND: Duration = Duration::from_secs(4);
/// How many rounds each side has of each load.
const ROUNDS: usize = 5;
/// How long each side works before the first round: the broker compiles itself meanwhile.
const WARM_UP: Duration = Duration::from_secs(12);
/// How many times as many clients come in the end.
const TOO_MANY: usize = 10;

/// The loads. The one that is exceeded in the end is the last.
const CASES: [Load; 4] = [
    load(1, 64, false),
    load(50, 16, false),
    load(1, 64, true),
    load(50, 16, true),
];

const fn load(batch: usize, clients: usize, kept: bool) -> Load {
    Load {
        batch,
        clients,
        kept,
        time: ROUND,
    }
}

/// Runs it.
pub(crate) fn run(linger_ms: u32) -> Result<Report> {
    let report = tokio::runtime::Runtime::new()?.block_on(measure(linger_ms));
    eventlog::wait_closed();
    report
}

async fn measure(linger_ms: u32) -> Result<Report> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder)?;
    let dir = tempfile::tempdir_in(folder)?;
    let progress = demo::spinner();
    let scene = Scene::start(dir.path(), linger_ms, |what| progress.set_message(what));
    let mut scene = scene.await?;
    progress.set_message("warming up");
    let warm_up = Load {
        time: WARM_UP,
        ..CASES[CASES.len() - 1]
    };
    scene.ours(&warm_up).await?;
    scene.bare(&warm_up).await?;
    let (mut figures, mut splits) = (Vec::new(), Vec::new());
    for load in &CASES {
        let mut rounds = Vec::new();
        for number in 1..=ROUNDS {
            progress.set_message(format!("{load}: round {number} of {ROUNDS}"));
            rounds.push((scene.ours(load).await?, scene.bare(load).await?));
        }
        for (ours, _) in &rounds {
            ensure!(ours.refused == 0, "{load}: {} refused", ours.refused);
        }
        figures.extend(of_load(load, &rounds));
        splits.push(cpu(load, &rounds));
    }
    progress.set_message("counting records");
    let records = scene.check(true).await?;
    progress.set_message("ten times the load");
    let (served, memory) = (&CASES[CASES.len() - 1], scene.peak_memory()?);
    let usual = scene.ours(served).await?;
    let exceeded = Load {
        clients: TOO_MANY * served.clients,
        time: 3 * ROUND,
        ..*served
    };
    let spent = scene.ours(&exceeded).await?;
    let peak = scene.peak_memory()?;
    scene.check(false).await?;
    scene.stop().await?;
    progress.finish_and_clear();
    let name = |what| format!("{exceeded}: {what}");
    let rate = vec![(spent.rate(), usual.rate())];
    figures.push(Figure::new(
        name("records; the reference is the load that it serves"),
        "1/s",
        Better::More,
        rate,
    ));
    figures.push(Figure::new(
        name("peak memory (RSS); the reference is before it"),
        "MiB",
        Better::Less,
        vec![(mebibytes(peak), mebibytes(memory))],
    ));
    Ok(Report {
        load: format!(
            "log on Apache Kafka, one broker, linger {linger_ms} ms: {records} records, each answered 200 and there; {ROUNDS} \
             rounds a side of {} s, by turns. At {exceeded}: {} requests taken, {} refused with \
             Retry-After, peak memory {:.0} MiB",
            ROUND.as_secs(),
            spent.requests(),
            spent.refused,
            mebibytes(peak),
        ),
        figures,
        splits,
    })
}

fn of_load(load: &Load, rounds: &[(Spent, Spent)]) -> Vec<Figure> {
    let figure = |name, unit, better, of: &dyn Fn(&Spent) -> f64| {
        let rounds = rounds.iter().map(|(ours, bare)| (of(ours), of(bare)));
        Figure::new(format!("{load}: {name}"), unit, better, rounds.collect())
    };
    let quantile = |at| move |spent: &Spent| spent.quantile_ms(at);
    vec![
        figure("records", "1/s", Better::More, &Spent::rate),
        figure("requests", "1/s", Better::More, &Spent::request_rate),
        figure("p50", "ms", Better::Less, &quantile(0.5)),
        figure("p99", "ms", Better::Less, &quantile(0.99)),
    ]
}

fn cpu(load: &Load, rounds: &[(Spent, Spent)]) -> Split {
    let mean = |of: &dyn Fn(&(Spent, Spent)) -> f64| {
        rounds.iter().map(of).sum::<f64>() / rounds.len() as f64
    };
    let [ours, broker, load_itself] = std::array::from_fn(|at| mean(&|(ours, _)| ours.cpu_us(at)));
    let [_, bare_broker, bare] = std::array::from_fn(|at| mean(&|(_, bare)| bare.cpu_us(at)));
    Split {
        name: format!("{load}: CPU of a record, µs"),
        parts: vec![
            ("webhook-gw", ours, None),
            ("the broker", broker, Some(bare_broker)),
            ("the clients, or the producer", load_itself, Some(bare)),
        ],
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
