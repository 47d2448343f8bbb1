//! One node's process.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpStream;

use super::super::kafka::Tuning;
use super::install::{self, Installed};
use crate::pki::{Pki, Profile};
use crate::process::{Port, Process, Spec, free_port};

const YAML: &str = include_str!("cassandra.yaml");
const OPTIONS: &str = include_str!("jvm.options");
const LOGBACK: &str = include_str!("logback.xml");
/// Only a broken one takes so long.
const READY: Duration = Duration::from_secs(180);
const READY_LINE: &str = "Starting listening for CQL";
/// After SIGTERM it writes out what it holds.
const GRACE: Duration = Duration::from_secs(60);

/// How a node knows who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Authenticator {
    /// By password: only for the first steps, when no certificate has a role yet.
    Password,
    /// By certificate.
    Certificate,
}

impl Authenticator {
    fn yaml(self) -> &'static str {
        match self {
            Self::Password => "authenticator: PasswordAuthenticator",
            Self::Certificate => {
                "authenticator:\n  \
                   class_name: org.apache.cassandra.auth.MutualTlsAuthenticator\n  \
                   parameters:\n    \
                     validator_class_name: org.apache.cassandra.auth.SpiffeCertificateValidator"
            }
        }
    }
}

/// A node: running, or killed and to be started again.
pub(super) struct Node {
    spec: Spec,
    process: Process,
    native: Port,
    _others: [Port; 2],
}

impl Node {
    /// Starts a node with its files in `dir` and waits until it takes connections.
    pub(super) async fn start(
        installed: &Installed,
        dir: &Path,
        pki: &Pki,
        authenticator: Authenticator,
        tuning: Tuning,
    ) -> Result<Self> {
        let [native, storage, ssl_storage] = [free_port()?, free_port()?, free_port()?];
        let conf = dir.join("conf");
        fs::create_dir_all(&conf).with_context(|| format!("create {}", conf.display()))?;
        let identity = pki.issue(&Profile::peer("cassandra"))?;
        let yaml = YAML
            .replace("{storage_port}", &storage.number().to_string())
            .replace("{ssl_storage_port}", &ssl_storage.number().to_string())
            .replace("{native_port}", &native.number().to_string())
            .replace("{authenticator}", authenticator.yaml())
            .replace("{keystore}", &text(&identity.combined))
            .replace("{truststore}", &text(pki.bundle()))
            .replace("{dir}", &text(dir));
        fs::write(conf.join("cassandra.yaml"), yaml)?;
        fs::write(conf.join("jvm.options"), OPTIONS)?;
        fs::write(conf.join("logback.xml"), LOGBACK)?;
        let spec = spec(installed, dir, &conf, tuning)?;
        let process = spawn(&spec, native.address()).await?;
        Ok(Self {
            spec,
            process,
            native,
            _others: [storage, ssl_storage],
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.native.address()
    }

    pub(super) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again on the same files and ports.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.process = spawn(&self.spec, self.address()).await?;
        Ok(())
    }

    pub(super) async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate().await
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn spec(installed: &Installed, dir: &Path, conf: &Path, tuning: Tuning) -> Result<Spec> {
    let classes = format!("{}:{}/*", conf.display(), installed.lib().display());
    Ok(Spec::program(install::java(), dir.join("cassandra.log"))
        .args(machine(tuning))
        .arg("-XX:+ExitOnOutOfMemoryError")
        .arg(format!("-javaagent:{}", installed.agent()?.display()))
        .arg(format!("@{}", conf.join("jvm.options").display()))
        .arg("-Djdk.attach.allowAttachSelf=true")
        .arg(format!(
            "-Dcassandra.config=file://{}",
            conf.join("cassandra.yaml").display()
        ))
        .arg(format!("-Dcassandra.storagedir={}", dir.display()))
        .arg(format!("-Dcassandra.logdir={}", dir.display()))
        .args([
            "-Dcassandra-foreground=yes",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.ring_delay_ms=0",
            "-Dcassandra.superuser_setup_delay_ms=0",
            "-Dcassandra.shutdown_announce_in_ms=0",
        ])
        .args([
            "-cp",
            &classes,
            "org.apache.cassandra.service.CassandraDaemon",
        ])
        .grace(GRACE))
}

/// How the virtual machine is set up.
fn machine(tuning: Tuning) -> &'static [&'static str] {
    match tuning {
        Tuning::Start => &[
            "-Xms384m",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ],
        Tuning::Speed => &["-Xms1g", "-Xmx1g"],
    }
}

async fn spawn(spec: &Spec, native: SocketAddr) -> Result<Process> {
    let mut process = Process::spawn(spec)?;
    let log = process.log().to_owned();
    let before = starts(&log);
    // It says so just before it listens.
    let ready = || async { starts(&log) > before && TcpStream::connect(native).await.is_ok() };
    process
        .wait_ready(READY, READY_LINE, ready)
        .await
        .context("start Cassandra")?;
    Ok(process)
}

/// How often the log says that it is ready.
fn starts(log: &Path) -> usize {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text).matches(READY_LINE).count()
}
