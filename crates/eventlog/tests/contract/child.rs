//! The second processes of the suite: this program started again in a role. They
//! say on standard output what they were told, a line each.

use std::env;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use eventlog::{AppendError, GroupEvent, LogOptions, Position, SharedLog};
use tokio::process::{Child, Command};
use url::Url;

use crate::kit::{TOPIC, record};

const ROLE: &str = "EVENTLOG_CONTRACT_ROLE";
const URL: &str = "EVENTLOG_CONTRACT_URL";
const OPTIONS: &str = "EVENTLOG_CONTRACT_OPTIONS";

/// Appends without end. Says `acked KEY VALUE PARTITION OFFSET`.
pub(crate) const WRITER: &str = "writer";
/// Joins the group `group` and reads one record at a time; commits the first
/// [`COMMITS`] of them. Says `read PARTITION OFFSET` and `committed PARTITION NEXT`.
pub(crate) const MEMBER: &str = "member";

pub(crate) const COMMITS: usize = 10;

/// Appends one record after the other until some have failed, and ends. Says
/// `acked KEY VALUE PARTITION OFFSET`, `not_written VALUE` or `maybe_written VALUE`.
pub(crate) const SQUEEZED: &str = "squeezed";

const FAILURES: usize = 6;

/// Starts a process that is killed when it is dropped.
pub(crate) fn start(role: &str, url: &Url, options: &LogOptions) -> Child {
    spawn(
        Command::new(env::current_exe().unwrap()),
        role,
        url,
        options,
    )
}

/// Starts a process whose files can't grow beyond about a megabyte: a write past
/// that fails as it does on a full disk.
pub(crate) fn start_squeezed(url: &Url, options: &LogOptions) -> Child {
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 1500; exec \"$0\"")
        .arg(env::current_exe().unwrap());
    spawn(shell, SQUEEZED, url, options)
}

fn spawn(mut command: Command, role: &str, url: &Url, options: &LogOptions) -> Child {
    command
        .env(ROLE, role)
        .env(URL, url.as_str())
        .env(OPTIONS, serde_json::to_string(options).unwrap())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

pub(crate) fn run(role: &str) -> ExitCode {
    let url = env::var(URL).unwrap().parse().unwrap();
    let options = serde_json::from_str(&env::var(OPTIONS).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = eventlog::open(&url, options).await.unwrap();
        match role {
            WRITER => write(log).await,
            MEMBER => consume(log).await,
            SQUEEZED => fill(log).await,
            other => panic!("no role {other}"),
        }
    });
    ExitCode::SUCCESS
}

fn say(line: String) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

async fn write(log: SharedLog) {
    let writers = (0..8).map(|writer| {
        let log = Arc::clone(&log);
        async move {
            for number in 0_u64.. {
                let (key, value) = (format!("key{writer}"), format!("{writer}-{number}"));
                let at = log.append(TOPIC, record(key.clone(), value.clone()));
                let Position { partition, offset } = at.await.unwrap();
                say(format!("acked {key} {value} {partition} {offset}"));
            }
        }
    });
    futures::future::join_all(writers).await;
}

async fn fill(log: SharedLog) {
    let mut failures = 0;
    for number in 0_u64.. {
        let value = format!("squeezed{number}");
        let outcome = log
            .append(TOPIC, record(value.clone(), value.clone()))
            .await;
        failures += usize::from(outcome.is_err());
        match outcome {
            Ok(Position { partition, offset }) => {
                say(format!("acked {value} {value} {partition} {offset}"));
            }
            Err(AppendError::NotWritten { .. }) => say(format!("not_written {value}")),
            Err(AppendError::MaybeWritten { .. }) => say(format!("maybe_written {value}")),
        }
        if failures == FAILURES {
            return;
        }
    }
}

async fn consume(log: SharedLog) {
    let mut subscription = log.subscribe("group", &[TOPIC]).await.unwrap();
    let mut commits = 0;
    loop {
        let GroupEvent::Records(records) = subscription.next(1).await.unwrap() else {
            continue;
        };
        for record in records {
            let Position { partition, offset } = record.position;
            say(format!("read {partition} {offset}"));
            if commits < COMMITS {
                commits += 1;
                let next = Position {
                    partition,
                    offset: offset + 1,
                };
                subscription.commit(TOPIC, next).await.unwrap();
                say(format!("committed {partition} {}", next.offset));
            }
        }
    }
}
