//! `cargo xtask demo`: a whole site, a played day, every proof verified.

mod check;
mod manifest;
mod story;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use harness::engines::keycloak::Keycloak;
use harness::fixtures;
use harness::site::{Pair, Part, Site};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{Engine, Idp, build, target};

/// Where `demo.json` is written.
pub(crate) fn manifest_path() -> PathBuf {
    target().join("demo/demo.json")
}

/// Runs the demo.
pub(crate) fn run(once: bool, engine: Engine, idp: Idp) -> Result<ExitCode> {
    if idp == Idp::Keycloak
        && let Some(why) = Keycloak::lacking()
    {
        bail!(
            "Keycloak can't be had: {why}. Install a JDK 17 and Maven, with `java` and `mvn` on the path, or \
             leave `--idp` out"
        );
    }
    let (pair, features) = match engine {
        Engine::Sqlite => (Pair::Embedded, Vec::new()),
        Engine::Kafka if cfg!(feature = "cluster") => (Pair::Cluster, build::cluster()),
        Engine::Kafka => {
            let mut arguments = vec!["demo", "--engine", "kafka"];
            if once {
                arguments.push("--once");
            }
            if idp == Idp::Keycloak {
                arguments.extend(["--idp", "keycloak"]);
            }
            return build::with_cluster(&arguments);
        }
    };
    build::binaries(&features)?;
    tokio::runtime::Runtime::new()?.block_on(play(once, pair, idp))
}

async fn play(once: bool, pair: Pair, idp: Idp) -> Result<ExitCode> {
    let dir = fresh_folder(once)?;
    let progress = spinner();
    progress.set_message(match pair {
        Pair::Embedded => "making certificates and keys",
        Pair::Cluster => "starting Apache Kafka and Apache Cassandra (fetched the first time)",
    });
    let site = Site::prepare_on(pair, &dir).await?;
    let mut site = site.context("this machine can't run the engines; see above")?;
    if idp == Idp::Keycloak {
        progress.set_message("starting Keycloak (fetched the first time)");
        site.log_in_at_keycloak().await?;
    }
    site.start(|part| progress.set_message(format!("starting {part}")))
        .await?;
    // Pages that people see start here; theirs is nothing that the story plays.
    progress.set_message("starting the residents' app");
    site.start_part(Part::ResidentApp).await?;
    progress.set_message("registering three complexes with their devices and residents");
    let registered = fixtures::register(&site).await?;
    manifest::write(&site, &manifest_path())?;

    progress.set_message("playing a day");
    let day = story::play(&site, &registered, &progress).await?;
    progress.set_message("verifying every proof");
    let checked = check::day(&site, &registered, &day).await?;
    progress.finish_and_clear();

    let table = table::Day::of(&checked);
    println!("{table}");
    for status in &checked.statuses {
        println!("{status}");
    }
    println!(
        "{} proofs verified against the signed checkpoints; {} physical openings at the partner, each with its record.",
        checked.proofs, checked.openings
    );
    let mut differences = checked.differences;
    differences.extend(table.differences());
    for difference in &differences {
        println!("DIFFERS: {difference}");
    }
    println!("Written to {}", manifest_path().display());
    let good = differences.is_empty();
    if !once {
        println!("{}", manifest::how_to_call(&site)?);
        tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
        println!("stopping");
    }
    site.stop().await?;
    site.leave().await?;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each run has a folder of its own, so that runs don't disturb each other; that of an earlier
/// run whose process is gone is removed.
fn fresh_folder(once: bool) -> Result<PathBuf> {
    let runs = target().join("demo/runs");
    std::fs::create_dir_all(&runs)?;
    for entry in std::fs::read_dir(&runs)?.flatten() {
        let name = entry.file_name();
        let ended = name
            .to_str()
            .and_then(|name| name.rsplit('-').next())
            .is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists());
        if ended {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
    let kind = if once { "once" } else { "up" };
    let dir = runs.join(format!("{kind}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}

/// Turns while something takes long.
pub(crate) fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
