//! Apache Kafka: one broker, or three, with the settings, topics and rights of `deploy/kafka`, and TLS
//! with client certificates.
//!
//! The classes come through Maven, once, and are kept below cargo's target folder.

mod install;
mod node;
mod operator;
mod setup;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use url::Url;

use super::missing;
use crate::pki::{Issued, Pki, Profile};
use install::Installed;
use node::{Cluster, Node, Ports};

pub use operator::Operator;

/// What a broker's virtual machine is set up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tuning {
    /// To start quickly and stay small: code is compiled once, and not well. For tests.
    Start,
    /// To carry several times the load once it is warm: as the machine sets itself up. For benchmarks.
    Speed,
}

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Layout {
    /// How many brokers: 1 or 3.
    pub brokers: usize,
    /// How many further listeners each broker has that are meant for a
    /// [`Relay`](super::relay::Relay): a client that starts at such a listener's front is told to come
    /// there for everything.
    pub relays: usize,
    /// What its virtual machines are set up for.
    pub tuning: Tuning,
    /// Further lines for `server.properties`.
    pub properties: String,
    /// Whether to make the topics and grant the rights of `deploy/kafka`.
    pub set_up: bool,
}

impl Layout {
    /// So many brokers, set up for the services.
    pub fn brokers(brokers: usize) -> Self {
        Self {
            brokers,
            relays: 0,
            tuning: Tuning::Start,
            properties: String::new(),
            set_up: true,
        }
    }
}

/// A cluster, stopped when dropped.
pub struct Kafka {
    installed: Installed,
    nodes: Vec<Node>,
    dir: PathBuf,
    admin: Issued,
}

impl Kafka {
    /// Why this machine can't run it, if it can't.
    pub fn lacking() -> Option<String> {
        install::lacking()
    }

    /// Starts a cluster with its files in `dir`, which is made where absent. None where this machine
    /// can't run one, which is said loudly.
    ///
    /// # Errors
    /// It does not start; or it can't be had, and `CI` is set.
    pub async fn start(dir: &Path, pki: &Pki, layout: &Layout) -> Result<Option<Self>> {
        if let Some(why) = install::lacking() {
            missing::report("Kafka", &why)?;
            return Ok(None);
        }
        ensure!(
            matches!(layout.brokers, 1 | 3),
            "a cluster has 1 or 3 brokers"
        );
        let installed = tokio::task::spawn_blocking(install::install).await??;
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let mut kafka = Self {
            nodes: prepare(&installed, &dir, pki, layout)?,
            admin: pki.issue(
                &Profile::client("admin")
                    .unit("operators")
                    .saved_as("kafka-admin"),
            )?,
            installed,
            dir,
        };
        for node in &mut kafka.nodes {
            node.launch()?;
        }
        for node in &mut kafka.nodes {
            node.ready().await?;
        }
        if layout.set_up {
            kafka.set_up(pki).await?;
        }
        Ok(Some(kafka))
    }

    /// Makes the topics and grants the rights of `deploy/kafka`. A right is in force a second later at
    /// most.
    async fn set_up(&self, pki: &Pki) -> Result<()> {
        let calls = setup::calls(self.nodes.len(), "");
        let (installed, dir) = (self.installed.clone(), self.dir.clone());
        let (brokers, roots) = (self.addresses().join(","), pki.bundle().to_owned());
        let key_store = self.admin.combined.clone();
        tokio::task::spawn_blocking(move || {
            Operator::of(&installed, &brokers, &roots, &key_store, &dir)?.make(&calls)
        })
        .await?
    }

    /// Where each broker listens, as `host:port`.
    pub fn addresses(&self) -> Vec<String> {
        let of = |node: &Node| format!("localhost:{}", node.ports.client.number());
        self.nodes.iter().map(of).collect()
    }

    /// What `log.url` is to be.
    ///
    /// # Errors
    /// None; the address is always a URL.
    pub fn url(&self) -> Result<Url> {
        url(&self.addresses())
    }

    /// The ends between which a relay may stand: where clients come to, and where the first broker
    /// listens.
    pub fn relayed(&self, number: usize) -> Option<(SocketAddr, SocketAddr)> {
        let (front, back) = self.nodes.first()?.ports.relayed.get(number)?;
        Some((front.address(), back.address()))
    }

    /// The certificate of an operator, who may do everything.
    pub fn admin(&self) -> &Issued {
        &self.admin
    }

    /// A Java program of one source file, which may use all of Kafka's classes.
    pub fn java(&self, source: &Path) -> Command {
        let mut java = Command::new("java");
        java.args(self.installed.java(source));
        java
    }

    /// The process of a broker; brokers count from 0.
    ///
    /// # Errors
    /// It was not started.
    pub fn pid(&mut self, broker: usize) -> Result<u32> {
        Ok(self.node(broker)?.process()?.pid())
    }

    /// Kills a broker as a power cut would; brokers count from 0.
    ///
    /// # Errors
    /// It isn't running.
    pub fn kill9(&mut self, broker: usize) -> Result<()> {
        self.node(broker)?.process()?.kill9().map(drop)
    }

    /// Stops a broker in its tracks.
    ///
    /// # Errors
    /// It isn't running.
    pub fn pause(&mut self, broker: usize) -> Result<()> {
        self.node(broker)?.process()?.pause()
    }

    /// Lets a paused broker go on.
    ///
    /// # Errors
    /// It isn't running.
    pub fn resume(&mut self, broker: usize) -> Result<()> {
        self.node(broker)?.process()?.resume()
    }

    /// Asks a broker to end, and waits.
    ///
    /// # Errors
    /// It isn't running or had to be killed.
    pub async fn stop(&mut self, broker: usize) -> Result<()> {
        self.node(broker)?.process()?.terminate().await.map(drop)
    }

    /// Asks all brokers to end, side by side, and waits: the last ones alone would find no majority that
    /// lets them go.
    ///
    /// # Errors
    /// One isn't running or had to be killed.
    pub async fn stop_all(&mut self) -> Result<()> {
        let ends = self.nodes.iter_mut().map(async |node| {
            let ended = node.process()?.terminate().await;
            ended.map(drop)
        });
        try_join_all(ends).await.map(drop)
    }

    /// Starts a broker again, on the same files and ports, after it was stopped or killed.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self, broker: usize) -> Result<()> {
        let node = self.node(broker)?;
        node.launch()?;
        node.ready().await
    }

    /// Starts brokers again side by side: one that finds no majority ends by itself.
    ///
    /// # Errors
    /// One does not start.
    pub async fn restart_all(&mut self, brokers: &[usize]) -> Result<()> {
        for broker in brokers {
            self.node(*broker)?.launch()?;
        }
        for broker in brokers {
            self.node(*broker)?.ready().await?;
        }
        Ok(())
    }

    fn node(&mut self, broker: usize) -> Result<&mut Node> {
        self.nodes
            .get_mut(broker)
            .with_context(|| format!("there is no broker {broker}"))
    }
}

/// What `log.url` is to be for brokers at these addresses.
///
/// # Errors
/// There is none, or it is malformed.
pub fn url(addresses: &[String]) -> Result<Url> {
    let (first, others) = addresses.split_first().context("no broker")?;
    let mut url = format!("kafka://{first}");
    if !others.is_empty() {
        url += &format!("?bootstrap={}", others.join(","));
    }
    Ok(url.parse()?)
}

/// The calls of Kafka's commands by which the services whose topics and groups have this prefix come
/// to a cluster of so many brokers, and those by which they leave it.
pub fn residence(brokers: usize, prefix: &str) -> (Vec<String>, Vec<String>) {
    (setup::calls(brokers, prefix), setup::removal(prefix))
}

fn prepare(installed: &Installed, dir: &Path, pki: &Pki, layout: &Layout) -> Result<Vec<Node>> {
    let reserve = |_| Ports::reserve(layout.relays);
    let ports: Vec<_> = (0..layout.brokers).map(reserve).collect::<Result<_>>()?;
    let voters: Vec<_> = ports
        .iter()
        .enumerate()
        .map(|(place, p)| p.voter(place + 1))
        .collect();
    let cluster = Cluster {
        id: cluster_id(),
        voters: voters.join(","),
        nodes: layout.brokers,
        certificate: pki.issue(&Profile::peer("kafka").unit("brokers"))?,
        roots: pki.bundle().to_owned(),
        tuning: layout.tuning,
        properties: layout.properties.clone(),
    };
    let mut nodes = Vec::new();
    for (place, ports) in ports.into_iter().enumerate() {
        let (id, folder) = (place + 1, dir.join(format!("broker{place}")));
        nodes.push(Node::prepare(installed, &cluster, id, ports, &folder)?);
    }
    let id = &cluster.id;
    std::thread::scope(|scope| {
        let format = |node| scope.spawn(move || Node::format(node, installed, id));
        let formats: Vec<_> = nodes.iter().map(format).collect();
        let ended = formats.into_iter().map(|one| one.join());
        ended
            .into_iter()
            .try_for_each(|end| end.unwrap_or_else(|_| anyhow::bail!("format panicked")))
    })?;
    Ok(nodes)
}

/// 16 bytes in URL-safe base64, as Kafka wants it.
fn cluster_id() -> String {
    use base64::Engine as _;
    let bytes = uuid::Uuid::new_v4().into_bytes();
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    // One that begins with `-` would be taken for an option.
    text.strip_prefix('-')
        .map_or(text.clone(), |rest| format!("A{rest}"))
}
