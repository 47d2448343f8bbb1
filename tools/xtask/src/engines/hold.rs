//! The process that holds the engines up.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use harness::engines::cassandra::Cassandra;
use harness::engines::kafka::{Kafka, Layout};
use harness::engines::standing::Standing;
use harness::pki::Pki;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Files of an earlier life, which begin anew.
const FOLDERS: [&str; 3] = ["pki", "kafka", "cassandra"];

/// Starts the engines, says where they are, and waits to be told to end.
pub(crate) fn hold(dir: &Path, stay: bool) -> Result<ExitCode> {
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("hold these engines alone")?;
    fs::write(dir.join("pid"), std::process::id().to_string())?;
    for folder in FOLDERS {
        let _ = fs::remove_dir_all(dir.join(folder));
    }
    let held = tokio::runtime::Runtime::new()?.block_on(until_told(dir, stay));
    for name in FOLDERS {
        let _ = fs::remove_dir_all(dir.join(name));
    }
    let _ = fs::remove_file(dir.join("environment"));
    if !stay && held.is_ok() {
        let _ = fs::remove_dir_all(dir);
    }
    held.map(|()| ExitCode::SUCCESS)
}

async fn until_told(dir: &Path, stay: bool) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let told = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
            _ = starter_gone(), if !stay => {}
        }
    };
    tokio::pin!(told);
    let pki = Pki::create(&dir.join("pki"))?;
    let (kafka_dir, cassandra_dir) = (dir.join("kafka"), dir.join("cassandra"));
    let layout = Layout::brokers(1);
    let started = async {
        tokio::try_join!(
            Kafka::start(&kafka_dir, &pki, &layout),
            Cassandra::start(&cassandra_dir, &pki),
        )
    };
    let (kafka, cassandra) = tokio::select! {
        started = started => started?,
        () = &mut told => return Ok(()),
    };
    let kafka = kafka.context("Apache Kafka can't be had here")?;
    let cassandra = cassandra.context("Apache Cassandra can't be had here")?;
    let lines = Standing::of(&kafka, &cassandra, &pki).variables();
    let lines = lines.map(|(name, value)| format!("{name}={value}\n"));
    let fresh = dir.join("environment.new");
    fs::write(&fresh, lines.concat())?;
    fs::rename(&fresh, dir.join("environment"))?;
    told.await;
    Ok(())
}

/// The standard input ends when whoever started this ends, however that went.
async fn starter_gone() -> Result<(), oneshot::error::RecvError> {
    let (gone, told) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0; 1]);
        let _ = gone.send(());
    });
    told.await
}
