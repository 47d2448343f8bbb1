//! From the log to a registry that is known, beside reading the log and nothing else.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use authn::record::{RecordSigner, RecordVerifier, Speaker, generate_key, generate_root, issue};
use domain::EventId;
use domain::event::{Actor, Body, Event};
use domain::vocabulary::ActorKind;
use eventlog::{LogOptions, SharedLog, TailFrom, Topic};
use jiff::{SignedDuration, Timestamp};
use records::{EventReader, RegistryFollower, Snapshot, SnapshotConfig, Snapshots};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::site::Site;
use super::{Better, Figure, seconds};

/// Rounds of each; the middle one counts.
const ROUNDS: usize = 3;
/// Appends in flight at once.
const IN_FLIGHT: usize = 32;
/// Records read at once.
const BATCH: usize = 1024;

/// Writes the log, and measures.
pub(super) async fn measure(site: &Site, dir: &Path, told: impl Fn(String)) -> Result<Vec<Figure>> {
    let url = format!("sqlite://{}", dir.join("log.db").display()).parse()?;
    let log = eventlog::open(&url, LogOptions::default()).await?;
    let (signer, certificate, root) = keys()?;
    let reader = || -> Result<Arc<EventReader>> {
        let speaker: Speaker = "command-svc".parse()?;
        let certificates = vec![certificate.clone()];
        let verifier = RecordVerifier::new(root, certificates, vec![], speaker)?;
        Ok(Arc::new(EventReader::new(verifier)))
    };
    told("writing the log".to_owned());
    let records = written(site, &log, &signer).await?;

    let snapshots = snapshots(dir, reader()?.as_ref())?;
    let (mut whole, mut written, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        told(format!("hydrating, round {round} of {ROUNDS}"));
        let (ours, known) = followed(site, &log, reader()?, Snapshot::default()).await?;
        let raw = read(&log, records).await?;
        whole.push((ours, raw));
        let start = Instant::now();
        snapshots.write(&known)?;
        written.push((seconds(start), raw));
        drop(known);
        let start = Instant::now();
        let known = snapshots.load(log.as_ref()).await;
        let took = seconds(start);
        ensure!(known != Snapshot::default(), "the snapshot was thrown away");
        let (after, _) = followed(site, &log, reader()?, known).await?;
        taken.push((took + after, raw));
    }
    let figure = |name: String, rounds| Figure::new(name, "s", Better::Less, rounds);
    Ok(vec![
        figure(
            format!("hydrate from {records} records; the reference reads them and nothing else"),
            whole,
        ),
        figure(
            "hydrate with a snapshot of them; the same reference".to_owned(),
            taken,
        ),
        figure("write a snapshot; the same reference".to_owned(), written),
    ])
}

fn keys() -> Result<(
    RecordSigner,
    authn::record::KeyCertificate,
    authn::record::PublicKey,
)> {
    let (root, key) = (generate_root()?, generate_key()?);
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let hour = SignedDuration::from_hours(1);
    let speaker: Speaker = "command-svc".parse()?;
    let certificate = issue(
        &root,
        speaker,
        key.public_key(),
        now - hour,
        now + hour * 24,
    )?;
    let signer = RecordSigner::new(key, certificate.clone())?;
    Ok((signer, certificate, root.public_key()))
}

/// Writes everything as command-svc does, and says how many records it took.
async fn written(site: &Site, log: &SharedLog, signer: &RecordSigner) -> Result<usize> {
    let mut count = 0;
    let mut tasks = tokio::task::JoinSet::new();
    for (complex, set) in site.change_sets() {
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex,
            device: None,
            actor: Actor {
                kind: ActorKind::Operator,
                subject: Some(Uuid::from_u128(7)),
                caller: "dns:operator.example".to_owned(),
            },
            correlation: set.id.to_string(),
            body: Body::RegistryChanged(set),
        };
        let source = "urn:smarthome:command-svc";
        let topic = Topic::RegistryEvents;
        let record = records::to_signed_record(&event, topic, None, source, signer)?;
        let log = Arc::clone(log);
        tasks.spawn(async move { log.append(topic, record).await });
        count += 1;
        while tasks.len() >= IN_FLIGHT {
            tasks.join_next().await.context("an append")???;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(count)
}

fn snapshots(dir: &Path, reader: &EventReader) -> Result<Arc<Snapshots>> {
    let key = dir.join("key");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&key)?.write_all(&[7; 48])?;
    let config: SnapshotConfig = toml::from_str(&format!(
        "dir = '{}'\nkey = '{}'",
        dir.join("snapshots").display(),
        key.display()
    ))?;
    Ok(Arc::new(Snapshots::open(&config, "bench", reader)?))
}

/// Seconds until a follower knows everything, and what it knows.
async fn followed(
    site: &Site,
    log: &SharedLog,
    reader: Arc<EventReader>,
    known: Snapshot,
) -> Result<(f64, Snapshot)> {
    let start = Instant::now();
    let stop = CancellationToken::new();
    let follower = RegistryFollower::spawn(Arc::clone(log), reader, known, stop);
    follower.hydrated().await;
    let took = seconds(start);
    let known = follower.read(|registry, _| {
        let last = Site::subject(site.people() - 1);
        registry.complexes_of(last).len()
    });
    ensure!(known == 1, "the last resident is not known");
    Ok((took, follower.copy()))
}

/// Seconds to read the log's records.
async fn read(log: &SharedLog, records: usize) -> Result<f64> {
    let start = Instant::now();
    let mut tail = log.tail(Topic::RegistryEvents, TailFrom::Beginning).await?;
    let mut seen = 0;
    while seen < records {
        seen += tail.next_batch(BATCH).await?.len();
    }
    Ok(seconds(start))
}
