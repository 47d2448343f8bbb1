//! Logs as the projector writes them, of records that were signed or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditlog::{CheckpointSigner, Leaf, LogId, LogWriter, MemoryHeads, Origin, open_folder};
use authn::record::{RecordSigner, RootKey, generate_key, generate_root, issue};
use bytes::Bytes;
use clap::Parser as _;
use domain::EventId;
use domain::event::{AccessObserved, Actor, Body, DeviceSequence, Event, LogPosition};
use domain::vocabulary::{ActorKind, Method, Observation, Resolution};
use eventlog::Topic;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use crate::cli::Cli;
use crate::stop::Stop;

pub(super) const BASE: &str = "audit.example.org";

/// When the first record was written; one a minute follows.
pub(super) fn begin() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// A folder of tiles, and keys.
pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) signer: Arc<CheckpointSigner>,
    pub(super) speaker: RecordSigner,
    pub(super) root: RootKey,
}

impl World {
    pub(super) fn new() -> Self {
        let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
        let day = SignedDuration::from_hours(24);
        let valid = (begin() - day, begin() + day * 30);
        let name = "command-svc".parse().unwrap();
        let certificate = issue(&root, name, key.public_key(), valid.0, valid.1).unwrap();
        Self {
            dir: tempfile::tempdir().unwrap(),
            signer: Arc::new(CheckpointSigner::generate(BASE).unwrap().0),
            speaker: RecordSigner::new(key, certificate).unwrap(),
            root,
        }
    }

    /// With a log of so many events of a partner.
    pub(super) async fn of(size: u64) -> Self {
        let world = Self::new();
        world.write(&access(), (0..size).map(observed)).await;
        world
    }

    pub(super) fn tiles(&self) -> PathBuf {
        self.dir.path().join("tiles")
    }

    /// A file beside the tiles.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a log of values, at every third offset, a minute apart.
    pub(super) async fn write(&self, log: &LogId, values: impl Iterator<Item = Bytes>) {
        self.write_to(&self.tiles(), log, values).await;
    }

    pub(super) async fn write_to(
        &self,
        folder: &Path,
        log: &LogId,
        values: impl Iterator<Item = Bytes>,
    ) {
        let leaves: Vec<(u64, Leaf)> = (0..)
            .zip(values)
            .map(|(n, value)| {
                let at = begin() + SignedDuration::from_mins(n as i64);
                let leaf = Leaf::of(value, 0, 3 * n).appended_at(at.as_millisecond());
                (3 * n, leaf)
            })
            .collect();
        let origin = Origin::new(BASE, log).unwrap();
        let (store, heads) = (
            open_folder(folder).unwrap(),
            Arc::new(MemoryHeads::default()),
        );
        let signer = Arc::clone(&self.signer);
        let writer = LogWriter::open(log.clone(), origin, store, heads, signer).await;
        writer.unwrap().append(leaves).await.unwrap();
    }

    /// A record that command-svc says.
    pub(super) fn signed(&self, event: &Event, topic: Topic) -> Bytes {
        let record = records::to_signed_record(event, topic, None, "urn:x", &self.speaker);
        record.unwrap().value.unwrap()
    }

    /// Runs a command about these tiles, with the right key.
    pub(super) async fn run(&self, args: &[&str]) -> Result<(), Stop> {
        let key = self.signer.verifier().vkey();
        run(args, &key).await
    }

    /// The same, with the root of records' keys and the certificate.
    pub(super) async fn run_trusting(&self, args: &[&str]) -> Result<(), Stop> {
        let certificate = self.file("certificate.json");
        std::fs::write(&certificate, self.speaker.certificate().to_json().unwrap()).unwrap();
        let root = self.root.public_key().to_string();
        let more = [
            "--records-root",
            &root,
            "--records-certificate",
            certificate.to_str().unwrap(),
        ];
        self.run(&[args, &more].concat()).await
    }

    /// Every file below the tiles.
    pub(super) fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.tiles()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path),
                }
            }
        }
        found.sort();
        found
    }
}

/// Runs a command with a key.
pub(super) async fn run(args: &[&str], key: &str) -> Result<(), Stop> {
    let args = [&["auditctl"], args, &["--key", key]].concat();
    let cli = Cli::try_parse_from(args).unwrap();
    crate::run(&cli).await.map(drop)
}

/// The exit code that a command would end with.
pub(super) fn code(ended: &Result<(), Stop>) -> u8 {
    ended.as_ref().map_or_else(Stop::code, |()| 0)
}

pub(super) fn access() -> LogId {
    LogId::new("access.events.v1", "sunrise").unwrap()
}

/// The `n`th event of a partner, which nobody signs; always the same.
pub(super) fn observed(n: u64) -> Bytes {
    let at = begin() + SignedDuration::from_mins(n as i64);
    let event = Event {
        id: EventId(Uuid::from_u128(u128::from(n) + 1)),
        occurred_at: at,
        complex: "sunrise".parse().unwrap(),
        device: Some("sunrise.gate".parse().unwrap()),
        actor: Actor {
            kind: ActorKind::AtDevice,
            subject: None,
            caller: "gatekeeper".to_owned(),
        },
        correlation: n.to_string(),
        body: Body::AccessObserved(AccessObserved {
            partner: "gatekeeper".parse().unwrap(),
            partner_event_id: n.to_string(),
            digest: [3; 32],
            observation: Observation::ALL[0],
            method: Some(Method::ALL[0]),
            credential: None,
            resolution: Resolution::NotIdentified,
            registry_position: LogPosition::default(),
            command: None,
            sequence: DeviceSequence::default(),
            received_at: at,
            late: false,
        }),
    };
    records::to_record(&event, None, "urn:x").value.unwrap()
}
