//! One node's process: broker and controller in one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Tuning;
use super::install::Installed;
use crate::engines::fetched::run;
use crate::pki::Issued;
use crate::process::{Port, Process, Spec, free_port};

const COMMON: &str = include_str!("../../../../deploy/kafka/broker.properties");
/// The open port comes earlier.
const READY: &str = "Kafka Server started";
const PATIENCE: Duration = Duration::from_secs(120);

/// The ports of a node. A relayed listener tells clients to come to `front` and listens on `back`.
pub(super) struct Ports {
    pub(super) client: Port,
    controller: Port,
    pub(super) relayed: Vec<(Port, Port)>,
}

impl Ports {
    pub(super) fn reserve(relays: usize) -> Result<Self> {
        let pair = |_| Ok((free_port()?, free_port()?));
        Ok(Self {
            client: free_port()?,
            controller: free_port()?,
            relayed: (0..relays).map(pair).collect::<Result<_>>()?,
        })
    }

    /// What the quorum calls the node with this id.
    pub(super) fn voter(&self, id: usize) -> String {
        format!("{id}@127.0.0.1:{}", self.controller.number())
    }

    fn listeners(&self) -> String {
        let (client, controller) = (self.client.number(), self.controller.number());
        let mut listeners =
            format!("CLIENT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}");
        let mut advertised = format!("CLIENT://localhost:{client}");
        let mut protocols = "CLIENT:SSL,CONTROLLER:SSL".to_owned();
        for (number, (front, back)) in self.relayed.iter().enumerate() {
            let _ = write!(listeners, ",RELAY{number}://127.0.0.1:{}", back.number());
            let _ = write!(advertised, ",RELAY{number}://localhost:{}", front.number());
            let _ = write!(protocols, ",RELAY{number}:SSL");
        }
        format!(
            "listeners={listeners}\nadvertised.listeners={advertised}\n\
             listener.security.protocol.map={protocols}\n"
        )
    }
}

/// What is the same for all nodes of a cluster.
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) voters: String,
    pub(super) nodes: usize,
    pub(super) certificate: Issued,
    pub(super) roots: PathBuf,
    pub(super) tuning: Tuning,
    /// Further properties.
    pub(super) properties: String,
}

pub(super) struct Node {
    pub(super) ports: Ports,
    dir: PathBuf,
    properties: PathBuf,
    spec: Spec,
    process: Option<Process>,
}

impl Node {
    /// Writes down what the node is to be; `id` counts from 1.
    pub(super) fn prepare(
        installed: &Installed,
        cluster: &Cluster,
        id: usize,
        ports: Ports,
        dir: &Path,
    ) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let properties = dir.join("server.properties");
        fs::write(&properties, render(cluster, id, &ports, dir))?;
        let spec = Spec::program("java", dir.join("kafka.log"))
            .args(installed.tuned(cluster.tuning, "kafka.Kafka"))
            .arg(&properties)
            .grace(Duration::from_secs(30));
        Ok(Self {
            ports,
            dir: dir.to_owned(),
            properties,
            spec,
            process: None,
        })
    }

    /// Makes its files, which takes a second.
    pub(super) fn format(&self, installed: &Installed, cluster: &str) -> Result<()> {
        let mut format = Command::new("java");
        format.args(installed.java("kafka.tools.StorageTool"));
        format
            .args(["format", "-t", cluster, "-c"])
            .arg(&self.properties);
        run(format).with_context(|| format!("format {}", self.dir.display()))
    }

    pub(super) fn launch(&mut self) -> Result<()> {
        // The file is appended to; an earlier life's line must not count.
        let _ = fs::remove_file(self.dir.join("kafka.log"));
        self.process = Some(Process::spawn(&self.spec)?);
        Ok(())
    }

    pub(super) async fn ready(&mut self) -> Result<()> {
        let log = self.dir.join("kafka.log");
        let started = || async { fs::read_to_string(&log).is_ok_and(|text| text.contains(READY)) };
        self.process()?.wait_ready(PATIENCE, READY, started).await
    }

    pub(super) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("this broker was not started")
    }
}

fn render(cluster: &Cluster, id: usize, ports: &Ports, dir: &Path) -> String {
    let replicas = cluster.nodes.min(3);
    let in_sync = if replicas >= 3 { 2 } else { 1 };
    let (key_store, roots) = (
        cluster.certificate.combined.display(),
        cluster.roots.display(),
    );
    let (voters, further) = (&cluster.voters, &cluster.properties);
    let (data, listeners) = (dir.join("data"), ports.listeners());
    let data = data.display();
    format!(
        "{COMMON}
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
{listeners}
log.dirs={data}
ssl.keystore.type=PEM
ssl.keystore.location={key_store}
ssl.truststore.type=PEM
ssl.truststore.location={roots}
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
num.network.threads=1
num.io.threads=2
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.threads=1
{further}
"
    )
}
