//! A whole process in its frame: exit codes, `--check-config`, probes, signals.
//!
//! The process is this test binary started again with `SERVICE_TEST_CONFIG` set.
#![allow(clippy::unwrap_used, missing_docs)]
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde::Deserialize;
use service::Context;
use service::cli::CommonArgs;
use service::config::{ProcessConfig, ProcessSettings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    process: ProcessSettings,
    ending: Ending,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Ending {
    WhenTold,
    Never,
    AtOnceWell,
    AtOnceBadly,
    Forbidden,
}

impl ProcessConfig for Config {
    const NAME: &'static str = "test-svc";
    const ENV_PREFIX: &'static str = "TEST_SVC";

    fn process(&self) -> &ProcessSettings {
        &self.process
    }

    fn validate(&self) -> Result<(), String> {
        match self.ending {
            Ending::Forbidden => Err("`ending` must not be `forbidden`".into()),
            _ => Ok(()),
        }
    }
}

async fn work(config: Config, context: Context) -> anyhow::Result<()> {
    let condition = context.health.condition("work");
    context.health.started();
    condition.ok();
    tracing::info!("working");
    match config.ending {
        Ending::AtOnceWell => Ok(()),
        Ending::AtOnceBadly => Err(anyhow::anyhow!("disk full").context("can't work")),
        Ending::Never => std::future::pending().await,
        _ => {
            context.shutdown.cancelled().await;
            tracing::info!("told to end");
            Ok(())
        }
    }
}

/// Not a test of its own: the process that the others start.
#[test]
fn process() {
    let Some(config) = std::env::var_os("SERVICE_TEST_CONFIG") else {
        return;
    };
    let args = CommonArgs {
        config: config.into(),
        check_config: std::env::var_os("SERVICE_TEST_CHECK").is_some(),
    };
    // The test harness gives every exit code but its own away, so end here.
    let code = service::run(&args, work);
    let known = [0, 1, 2, 130].map(|code| (code, std::process::ExitCode::from(code)));
    let code = known
        .into_iter()
        .find(|(_, known)| *known == code)
        .unwrap()
        .0;
    std::process::exit(code.into());
}

struct Setup {
    folder: tempfile::TempDir,
}

impl Setup {
    fn new(ending: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text =
            format!("ending = \"{ending}\"\n[process.admin]\nlisten = \"127.0.0.1:0\"\n{more}\n");
        std::fs::write(folder.path().join("svc.toml"), text).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("svc.toml")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "process", "--nocapture"])
            .env("SERVICE_TEST_CONFIG", self.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn finish(&self) -> (i32, String) {
        output(self.command().output().unwrap())
    }

    fn start(self) -> Running {
        let mut child = self.command().spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let _setup = self;
        Running { child, log, _setup }
    }
}

fn output(output: Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    (output.status.code().unwrap(), text)
}

struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Keeps the configuration's folder.
    _setup: Setup,
}

impl Running {
    /// Reads the log up to the line with this message.
    fn logged(&mut self, message: &str) -> serde_json::Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "no `{message}`");
            let line: serde_json::Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            assert_eq!(line["service"], "test-svc");
            if line["message"] == message {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn code(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

fn get(address: &str, path: &str) -> String {
    let mut tcp = TcpStream::connect(address).unwrap();
    write!(tcp, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn sigterm_drains_and_ends_well() {
    for signal in ["TERM", "INT"] {
        let mut running = Setup::new("when-told", "[process.shutdown]\ndrain = \"60s\"").start();
        let line = running.logged("serving health and metrics");
        let address = line["address"].as_str().unwrap().to_owned();
        running.logged("working");
        assert!(get(&address, "/readyz").contains(" 200 "));
        running.signal(signal);
        running.logged("shutting down");
        // Told others before it stopped taking work.
        let answer = get(&address, "/readyz");
        assert!(
            answer.contains(" 503 ") && answer.contains("shutting down"),
            "{answer}"
        );
        assert!(get(&address, "/livez").contains(" 200 "));
        running.signal("TERM");
        running.logged("a second signal: ended at once, work in flight was cut off");
        assert_eq!(running.code(), 130);
    }
    let mut running = Setup::new("when-told", "").start();
    running.logged("working");
    running.signal("TERM");
    running.logged("told to end");
    running.logged("ended");
    assert_eq!(running.code(), 0);
}

#[test]
fn work_that_doesnt_end_is_cut_off() {
    let mut running = Setup::new("never", "[process.shutdown]\ngrace = \"50ms\"").start();
    running.logged("working");
    running.signal("TERM");
    running.logged("ended with an error");
    assert_eq!(running.code(), 1);
}

#[test]
fn works_own_end_is_the_exit_code() {
    assert_eq!(Setup::new("at-once-well", "").finish().0, 0);
    let (code, log) = Setup::new("at-once-badly", "").finish();
    assert!(code == 1 && log.contains("can't work: disk full"), "{log}");
}

#[test]
fn a_wrong_configuration_exits_with_2_and_says_why() {
    let named = |setup: &Setup, (code, text): (i32, String), key: &str| {
        assert_eq!(code, 2, "{text}");
        let file = setup.file();
        assert!(
            text.contains(file.to_str().unwrap()) && text.contains(key),
            "{text}"
        );
        assert!(!text.contains("working"), "{text}");
    };
    let cases = [
        (
            Setup::new("when-told", "[process.shutdwn]"),
            "process.shutdwn",
        ),
        (Setup::new("forbidden", ""), "`ending`"),
        (
            Setup::new("when-told", "[process.telemetry]\nfilter = \"a=b=c\""),
            "process.telemetry.filter",
        ),
    ];
    for (setup, key) in &cases {
        named(setup, setup.finish(), key);
        let checked = setup
            .command()
            .env("SERVICE_TEST_CHECK", "1")
            .output()
            .unwrap();
        named(setup, output(checked), key);
    }
    let setup = Setup::new("when-told", "");
    let open = setup
        .command()
        .env("TEST_SVC__PROCESS__ADMIN__LISTEN", "0.0.0.0:0")
        .output();
    named(&setup, output(open.unwrap()), "insecure");
    let gone = setup
        .command()
        .env("SERVICE_TEST_CONFIG", "/nowhere.toml")
        .output();
    let (code, text) = output(gone.unwrap());
    assert!(code == 2 && text.contains("/nowhere.toml"), "{text}");
}

#[test]
fn a_good_configuration_is_checked_without_starting() {
    let setup = Setup::new("when-told", "");
    let checked = setup
        .command()
        .env("SERVICE_TEST_CHECK", "1")
        .output()
        .unwrap();
    let (code, text) = output(checked);
    assert!(code == 0 && text.contains("is good"), "{text}");
    assert!(Path::new(&setup.file()).exists() && !text.contains("working"));
}
