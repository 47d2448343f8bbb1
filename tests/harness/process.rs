//! Operating-system processes under test: started, awaited, paused, killed, and never left behind.
//!
//! Each one leads a process group of its own, so that a signal reaches what it started too, and an
//! interrupt from the keyboard reaches nobody before the test has decided. Output goes to a log file.
//! The end of a [`Process`] value ends the process; a guard does it where the test dies first.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::time;
use url::Url;

mod guard;
mod locate;
mod port;
mod spec;
mod wait;

pub use port::{Port, free_port};
pub use spec::Spec;
pub use wait::{wait_for, wait_until};

use guard::Guard;
use wait::{POLL, within};

const TAIL: usize = 30;

/// A running process, or one whose exit status is known.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    log: PathBuf,
    grace: Duration,
    status: Option<ExitStatus>,
    guard: Option<Guard>,
}

impl Process {
    /// Starts the process; its output is appended to the log.
    ///
    /// # Errors
    /// The program or the log can't be opened.
    pub fn spawn(spec: &Spec) -> Result<Self> {
        let name = spec.name();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&spec.log)
            .with_context(|| format!("open {name}'s log {}", spec.log.display()))?;
        let stdin = match &spec.stdin {
            // It must not become this process' own terminal.
            Some(file) => open(
                file,
                OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .with_context(|| format!("open {}", file.display()))?
            .into(),
            None => Stdio::null(),
        };
        let child = Command::new(&spec.program)
            .args(&spec.args)
            .envs(spec.env.iter().map(|(key, value)| (key, value)))
            .stdin(stdin)
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {}", spec.program.display()))?;
        let group = Pid::from_child(&child);
        let mut process = Self {
            name,
            child,
            group,
            log: spec.log.clone(),
            grace: spec.grace,
            status: None,
            guard: None,
        };
        // A failure here drops, and so ends, the process that was just started.
        process.guard = Some(Guard::watch(group)?);
        Ok(process)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<_> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// The exit status, once it has ended.
    ///
    /// # Errors
    /// The operating system can't say.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let status = self.child.try_wait();
            self.status = status.with_context(|| format!("wait for {}", self.name))?;
        }
        Ok(self.status)
    }

    /// Kills the process and all it started (SIGKILL): a crash. It is gone when this returns.
    ///
    /// # Errors
    /// It had ended before.
    pub fn kill9(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Asks the process to end (SIGTERM) and waits for it.
    ///
    /// # Errors
    /// It had ended before, or needed SIGKILL after its grace; it is gone in either case.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        // A paused process takes no other signal than SIGKILL; one that has ended needs none.
        let _ = self.signal(Signal::CONT);
        let ended = self.wait_exit(self.grace).await;
        if ended.is_err() {
            // Fails where it has ended after all, which is the aim.
            let _ = self.kill9();
        }
        ended.context("it ignored SIGTERM and was killed")
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// It still runs after `timeout`; the text ends with its log.
    pub async fn wait_exit(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        let asking = async {
            loop {
                if let Some(status) = self.exited()? {
                    return Ok(status);
                }
                time::sleep(POLL).await;
            }
        };
        let ended = within(timeout, &what, asking).await.and_then(|ended| ended);
        ended.with_context(|| self.excerpt())
    }

    /// Stops the process and all it started in their tracks (SIGSTOP). It is stopped when this returns.
    ///
    /// # Errors
    /// It has ended, or doesn't stop within its grace.
    pub fn pause(&mut self) -> Result<()> {
        // First the process alone: one that is about to start another stops only once that runs, and
        // that would never run if it were stopped as well.
        self.signal_to(Signal::STOP, kill_process)?;
        let end = Instant::now() + self.grace;
        // NOWAIT leaves the status of one that ended to `exited`.
        let look = WaitIdOptions::STOPPED
            | WaitIdOptions::EXITED
            | WaitIdOptions::NOWAIT
            | WaitIdOptions::NOHANG;
        while waitid(WaitId::Pid(self.group), look)?.is_none() {
            ensure!(Instant::now() < end, "{} doesn't stop", self.name);
            thread::sleep(POLL);
        }
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on (SIGCONT).
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Waits until the predicate holds, asking again and again.
    ///
    /// # Errors
    /// The process ends first or `timeout` passes; the text ends with its log.
    pub async fn wait_ready<F, Fut>(
        &mut self,
        timeout: Duration,
        what: &str,
        mut predicate: F,
    ) -> Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let what = format!("{} to be ready: {what}", self.name);
        let asking = async {
            loop {
                if let Some(status) = self.exited()? {
                    bail!("it ended: {status}");
                }
                if predicate().await {
                    return Ok(());
                }
                time::sleep(POLL).await;
            }
        };
        let ready = within(timeout, &what, asking).await.and_then(|ready| ready);
        ready.with_context(|| self.excerpt())
    }

    /// Waits until a GET of `url` is answered with a status of the 2xx class.
    ///
    /// # Errors
    /// As [`Process::wait_ready`].
    pub async fn wait_ready_http(
        &mut self,
        http: &reqwest::Client,
        url: &Url,
        timeout: Duration,
    ) -> Result<()> {
        self.wait_ready(timeout, url.as_str(), || async {
            let answer = http.get(url.clone()).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        self.signal_to(signal, kill_process_group)
    }

    fn signal_to(
        &mut self,
        signal: Signal,
        send: fn(Pid, Signal) -> rustix::io::Result<()>,
    ) -> Result<()> {
        // Once its status has been collected the id may belong to another process.
        let ended = self.exited()?;
        ensure!(ended.is_none(), "{} has ended: {ended:?}", self.name);
        send(self.group, signal).with_context(|| format!("signal {signal:?} to {}", self.name))
    }

    fn excerpt(&self) -> String {
        format!(
            "{}; the end of {}:\n{}\n",
            self.name,
            self.log.display(),
            self.log_tail(TAIL)
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = self.signal(Signal::TERM).and_then(|()| self.resume());
        if asked.is_ok() {
            let end = Instant::now() + self.grace;
            while matches!(self.exited(), Ok(None)) && Instant::now() < end {
                thread::sleep(POLL);
            }
            // Fails where it has ended, which is the aim.
            let _ = self.kill9();
        }
    }
}

#[cfg(test)]
mod tests;
