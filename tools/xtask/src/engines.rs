//! `cargo xtask engines`: Apache Kafka and Apache Cassandra that stay up, for tests to lodge on.
//!
//! A process of its own holds them. It says where they are in a file of variables, and takes them
//! down when it is told to end, or when whoever started it for one run is gone.

#[cfg(feature = "cluster")]
mod hold;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Subcommand;

#[cfg(not(feature = "cluster"))]
use crate::build;
use crate::target;

#[cfg(feature = "cluster")]
pub(crate) use hold::hold;

/// Fetching the engines the first time is part of it.
const PATIENCE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);

/// What is to be done with them.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Starts them, and prints the variables that name them to tests.
    Up,
    /// Stops them.
    Down,
    /// Holds them up until told to end.
    #[command(hide = true)]
    Hold {
        /// Where their files are.
        dir: PathBuf,
        /// Stay when the standard input ends.
        #[arg(long)]
        stay: bool,
    },
}

/// Does it.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Down => down(),
        #[cfg(feature = "cluster")]
        Command::Up => up(),
        #[cfg(feature = "cluster")]
        Command::Hold { dir, stay } => hold(&dir, stay),
        #[cfg(not(feature = "cluster"))]
        Command::Up => build::with_cluster(&["engines", "up"]),
        #[cfg(not(feature = "cluster"))]
        Command::Hold { .. } => bail!("this build has no engines: cargo xtask engines up"),
    }
}

/// Where those of a working day keep their files.
fn standing() -> PathBuf {
    target().join("engines/standing")
}

#[cfg_attr(not(feature = "cluster"), expect(dead_code))]
fn up() -> Result<ExitCode> {
    let dir = standing();
    let place = Place(dir.clone());
    if !place.is_held()? {
        eprintln!("Starting Apache Kafka and Apache Cassandra (fetched the first time)");
        let mut holder = place.spawn(true)?;
        place.wait(&mut holder)?;
    }
    for (name, value) in place.variables()? {
        println!("export {name}={value}");
    }
    eprintln!("`cargo xtask test` uses them; `cargo xtask engines down` stops them.");
    Ok(ExitCode::SUCCESS)
}

fn down() -> Result<ExitCode> {
    let place = Place(standing());
    if !place.is_held()? {
        println!("they are not up");
        return Ok(ExitCode::SUCCESS);
    }
    let pid = fs::read_to_string(place.0.join("pid")).context("who holds them")?;
    let killed = std::process::Command::new("kill")
        .arg(pid.trim())
        .status()?;
    ensure!(killed.success(), "process {} can't be stopped", pid.trim());
    let end = Instant::now() + PATIENCE;
    while place.is_held()? {
        ensure!(Instant::now() < end, "process {} does not end", pid.trim());
        std::thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of engines that somebody holds up, or nobody.
pub(crate) struct Place(PathBuf);

impl Place {
    /// Whether a process holds them now.
    fn is_held(&self) -> Result<bool> {
        match File::open(self.0.join("lock")) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
            Ok(lock) => Ok(lock.try_lock_shared().is_err()),
        }
    }

    fn spawn(&self, stay: bool) -> Result<Child> {
        fs::create_dir_all(&self.0).with_context(|| format!("create {}", self.0.display()))?;
        let _ = fs::remove_file(self.0.join("environment"));
        let log = File::create(self.log())?;
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command
            .args(["engines", "hold"])
            .arg(&self.0)
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::piped());
        if stay {
            command.arg("--stay").stdin(Stdio::null()).process_group(0);
        }
        command.spawn().context("start the engines' process")
    }

    fn log(&self) -> PathBuf {
        self.0.join("hold.log")
    }

    /// Waits until they are up.
    fn wait(&self, holder: &mut Child) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !self.0.join("environment").exists() {
            let ended = holder.try_wait()?;
            if ended.is_some() || Instant::now() > end {
                let _ = holder.kill();
                let said = fs::read_to_string(self.log()).unwrap_or_default();
                bail!("the engines did not start:\n{said}");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// What names them in the environment of a test.
    fn variables(&self) -> Result<Vec<(String, String)>> {
        let file = self.0.join("environment");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// Engines for one run: those of the environment, those of a working day, or its own.
pub(crate) enum Engines {
    /// They have been up before, and stay.
    Found(Vec<(String, String)>),
    /// They start while the build runs, and end with this value.
    Own(Place, Child),
}

impl Engines {
    /// Finds or starts them; does not wait.
    pub(crate) fn begin(named: bool) -> Result<Self> {
        let place = Place(standing());
        if named {
            return Ok(Self::Found(Vec::new()));
        }
        if place.is_held()? && place.0.join("environment").exists() {
            return Ok(Self::Found(place.variables()?));
        }
        let place = Place(target().join(format!("engines/run-{}", std::process::id())));
        let holder = place.spawn(false)?;
        Ok(Self::Own(place, holder))
    }

    /// Waits until they are up; what names them in the environment of a test.
    pub(crate) fn variables(&mut self) -> Result<Vec<(String, String)>> {
        match self {
            Self::Found(variables) => Ok(variables.clone()),
            Self::Own(place, holder) => {
                place.wait(holder)?;
                place.variables()
            }
        }
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        if let Self::Own(_, holder) = self {
            drop(holder.stdin.take());
            let _ = holder.wait();
        }
    }
}
