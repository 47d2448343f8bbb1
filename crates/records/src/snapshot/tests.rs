//! With and without a snapshot it is the same registry; and whatever is not quite right is not
//! taken.

#![allow(clippy::unwrap_used)]
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use authn::record::{
    KeyCertificate, PublicKey, RecordSigner, RecordVerifier, Speaker, generate_key, generate_root,
    issue,
};
use domain::EventId;
use domain::event::{Actor, Body, Event, PassUseConsumed};
use domain::registry::{Change, ChangeSet, Complex, Entity, Grant, GuestPass, Refused, Resident};
use domain::vocabulary::{ActorKind, GrantRole};
use domain::window::Window;
use domain::{ChangeSetId, CommandId, ComplexId, GrantId, PassId, SubjectRef};
use eventlog::{LogOptions, MemoryLog, Record, SharedLog};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

struct Ground {
    dir: TempDir,
    log: SharedLog,
    signer: RecordSigner,
    certificate: KeyCertificate,
    root: PublicKey,
}

impl Ground {
    fn new() -> Self {
        let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let (hour, speaker) = (SignedDuration::from_hours(1), speaker());
        let certificate = issue(&root, speaker, key.public_key(), now - hour, now + hour).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, [7; 48]).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Self {
            dir,
            log: log(),
            signer: RecordSigner::new(key, certificate.clone()).unwrap(),
            certificate,
            root: root.public_key(),
        }
    }

    fn reader(&self, certificates: Vec<KeyCertificate>) -> EventReader {
        let verifier = RecordVerifier::new(self.root, certificates, vec![], speaker());
        EventReader::new(verifier.unwrap())
    }

    fn snapshots(&self) -> Arc<Snapshots> {
        self.snapshots_of("somebody", &self.reader(vec![self.certificate.clone()]))
    }

    fn snapshots_of(&self, folder: &str, reader: &EventReader) -> Arc<Snapshots> {
        let config = SnapshotConfig {
            dir: self.dir.path().join("snapshots").into(),
            key: SecretFile::new(self.dir.path().join("key")),
            every: every(),
            kept: 2,
        };
        Arc::new(Snapshots::open(&config, folder, reader).unwrap())
    }

    /// Appends what happens to a complex.
    async fn append(&self, complex: &str, body: Body) {
        let event = Event {
            id: EventId(Uuid::new_v4()),
            occurred_at: Timestamp::now(),
            complex: complex.parse().unwrap(),
            device: None,
            actor: Actor {
                kind: ActorKind::Operator,
                subject: None,
                caller: "operator".to_owned(),
            },
            correlation: String::new(),
            body,
        };
        let topic = Topic::RegistryEvents;
        let record = crate::to_signed_record(&event, topic, None, "urn:x", &self.signer);
        self.log.append(topic, record.unwrap()).await.unwrap();
    }

    /// A history with everything that a registry remembers: people of two complexes, an entity
    /// that changed, passes, uses, refusals of both kinds.
    async fn history(&self, seed: u128) {
        let id = |number: u128| Uuid::from_u128(seed * 1000 + number);
        for complex in ["sunrise", "moonlight"] {
            let first = u128::from(complex == "sunrise") * 100;
            let place = Entity::Complex(Complex {
                id: complex.parse().unwrap(),
                name: complex.to_owned(),
                time_zone: "Europe/Moscow".to_owned(),
                face_basis: None,
            });
            let version = u64::from(seed > 1) * (seed as u64 - 1);
            self.set(complex, id(first), vec![(version, place)]).await;
            let mut entities = Vec::new();
            for person in 1..20 {
                entities.push((0, resident(id(person + first))));
                // Some have two grants, and some are at home in both complexes.
                entities.push((0, grant(id(person + first), id(person + first), complex)));
                entities.push((0, grant(id(person + first + 50), id(person), complex)));
            }
            self.set(complex, id(first + 1), entities).await;
            let pass = pass(id(first + 1), id(first + 1), complex);
            self.set(complex, id(first + 2), vec![(0, pass.clone())])
                .await;
            for command in 0..4 {
                let consumed = PassUseConsumed {
                    pass: PassId(id(first + 1)),
                    command: CommandId(id(command)),
                    key_time: Timestamp::now(),
                };
                self.append(complex, Body::PassUseConsumed(consumed)).await;
            }
            self.set(complex, id(first + 3), vec![(0, pass)]).await;
            let outside = grant(id(first + 999), id(1), "elsewhere");
            self.set(complex, id(first + 4), vec![(0, outside)]).await;
        }
    }

    async fn set(&self, complex: &str, id: Uuid, entities: Vec<(u64, Entity)>) {
        let changes = entities
            .into_iter()
            .map(|(expected_version, entity)| Change {
                expected_version,
                entity,
            });
        let set = ChangeSet {
            id: ChangeSetId(id),
            note: "why".to_owned(),
            changes: changes.collect(),
        };
        self.append(complex, Body::RegistryChanged(set)).await;
    }

    /// Folds all that comes after what is known.
    async fn folded(&self, mut known: Snapshot) -> Snapshot {
        let reader = self.reader(vec![self.certificate.clone()]);
        let end = self.log.end_offsets(Topic::RegistryEvents).await.unwrap();
        let mut tail = self
            .log
            .tail(Topic::RegistryEvents, known.end())
            .await
            .unwrap();
        while tail.positions() != end {
            for record in tail.next_batch(7).await.unwrap() {
                fold(&mut known, &reader, &record);
            }
        }
        known
    }
}

/// As command-svc folds.
fn fold(known: &mut Snapshot, reader: &EventReader, record: &Record) {
    let event = reader.read(record).unwrap();
    match event.body {
        Body::RegistryChanged(set) => {
            let at = record.append_time;
            let _ = known.registry.fold_at(&event.complex, set, at);
        }
        Body::PassUseConsumed(consumed) => {
            let at = record.append_time;
            known.registry.fold_consumed(&event.complex, &consumed, at);
        }
        _ => {}
    }
    known.marks.folded(record, Digest::of(record));
}

fn log() -> SharedLog {
    Arc::new(MemoryLog::new(LogOptions::default()).unwrap())
}

fn speaker() -> Speaker {
    "command-svc".parse().unwrap()
}

fn resident(subject: Uuid) -> Entity {
    Entity::Resident(Resident {
        subject: SubjectRef(subject),
        active: true,
    })
}

fn grant(id: Uuid, subject: Uuid, complex: &str) -> Entity {
    Entity::Grant(Grant {
        id: GrantId(id),
        subject: SubjectRef(subject),
        role: GrantRole::Owner,
        devices: vec![format!("{complex}.door").parse().unwrap()],
        buildings: Box::default(),
        entrances: Box::default(),
        window: Window::default(),
        revoked: false,
    })
}

fn pass(id: Uuid, grant: Uuid, complex: &str) -> Entity {
    let mut secret_hash = [0; 32];
    secret_hash[..16].copy_from_slice(id.as_bytes());
    Entity::GuestPass(GuestPass {
        id: PassId(id),
        secret_hash,
        grant: GrantId(grant),
        devices: vec![format!("{complex}.door").parse().unwrap()],
        window: Window::default(),
        revoked: false,
        max_uses: 3,
    })
}

#[tokio::test]
async fn with_and_without_a_snapshot_it_is_the_same_registry() {
    let ground = Ground::new();
    let snapshots = ground.snapshots();
    let mut known = Snapshot::default();
    for seed in 1..6 {
        ground.history(seed).await;
        known = ground.folded(known).await;
        snapshots.write(&known).unwrap();
        let loaded = ground.snapshots().load(ground.log.as_ref()).await;
        assert_eq!(loaded, known);
        // And what comes after it, too.
        ground.history(seed + 100).await;
        known = ground.folded(known).await;
        assert_eq!(ground.folded(loaded).await, known);
        assert_eq!(ground.folded(Snapshot::default()).await, known);
    }
    let sunrise: ComplexId = "sunrise".parse().unwrap();
    let set = ChangeSetId(Uuid::from_u128(1104));
    let answer = known.registry.change_set(&sunrise, set);
    assert!(
        matches!(answer, Some(Err(Refused::Invalid { .. }))),
        "{answer:?}"
    );
    let files = std::fs::read_dir(ground.dir.path().join("snapshots")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 2, "the newest are kept");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// A snapshot of a history, and the file that it is in.
async fn written(ground: &Ground) -> (Snapshot, PathBuf) {
    ground.history(1).await;
    let known = ground.folded(Snapshot::default()).await;
    let file = ground.snapshots().write(&known).unwrap();
    (known, file)
}

#[tokio::test]
async fn not_one_byte_may_differ() {
    let ground = Ground::new();
    let (known, file) = written(&ground).await;
    let (snapshots, good) = (ground.snapshots(), std::fs::read(&file).unwrap());
    assert_eq!(snapshots.read(&file).unwrap(), known);
    // All of what comes first, and of what comes last; of the parts between some.
    let ends = (0..250).chain(good.len() - 40..good.len());
    for at in ends.chain((250..good.len()).step_by(101)) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, bad).unwrap();
        assert!(snapshots.read(&file).is_err(), "byte {at}");
    }
    for length in [0, 1, 16, 31, 32, 48, 100, good.len() - 33, good.len() - 1] {
        std::fs::write(&file, &good[..length]).unwrap();
        assert!(snapshots.read(&file).is_err(), "{length} bytes");
    }
    let loaded = snapshots.load(ground.log.as_ref()).await;
    assert_eq!(loaded, Snapshot::default(), "nothing is left to start from");
}

#[tokio::test]
async fn an_older_one_is_taken_where_the_newest_is_spoilt() {
    let ground = Ground::new();
    let (known, _) = written(&ground).await;
    let newest = ground.snapshots().write(&known).unwrap();
    std::fs::write(newest, "spoilt").unwrap();
    assert_eq!(ground.snapshots().load(ground.log.as_ref()).await, known);
}

#[tokio::test]
async fn another_key_fold_or_trust_makes_another_snapshot() {
    let ground = Ground::new();
    let (_, file) = written(&ground).await;
    let reader = ground.reader(vec![ground.certificate.clone()]);
    let other = ground.snapshots_of("somebody-else", &reader);
    assert!(matches!(other.read(&file), Err(Unfit::Basis)));
    let distrusting = ground.snapshots_of("somebody", &ground.reader(vec![]));
    assert!(matches!(distrusting.read(&file), Err(Unfit::Basis)));
    std::fs::write(ground.dir.path().join("key"), [8; 48]).unwrap();
    assert!(matches!(ground.snapshots().read(&file), Err(Unfit::Seal)));
    std::fs::write(ground.dir.path().join("key"), [8; 31]).unwrap();
    let config = SnapshotConfig {
        dir: ground.dir.path().to_path_buf().into(),
        key: SecretFile::new(ground.dir.path().join("key")),
        every: every(),
        kept: 1,
    };
    let short = Snapshots::open(&config, "somebody", &reader);
    assert!(matches!(short, Err(SnapshotError::Short)));
}

#[tokio::test]
async fn a_log_that_does_not_go_on_where_it_ends_is_another_log() {
    let ground = Ground::new();
    let (known, _) = written(&ground).await;
    let goes_on = |log: SharedLog, known: Snapshot| async move {
        goes_on(log.as_ref(), known).await.map(|_| ())
    };
    assert!(
        goes_on(Arc::clone(&ground.log), known.clone())
            .await
            .is_ok()
    );
    // The log was emptied: it ends before the snapshot does.
    assert!(matches!(
        goes_on(log(), known.clone()).await,
        Err(Unfit::Gap)
    ));
    // The log holds as much, of something else.
    let mut other = Ground::new();
    other.history(2).await;
    let ends = other.log.end_offsets(Topic::RegistryEvents).await.unwrap();
    let ours = ground.log.end_offsets(Topic::RegistryEvents).await.unwrap();
    assert_eq!(ends, ours);
    let taken = goes_on(Arc::clone(&other.log), known.clone()).await;
    assert!(matches!(taken, Err(Unfit::Record)), "{taken:?}");
    // More partitions were folded than the log has.
    other.log = log();
    let mut wide = known;
    wide.marks.resize(1000);
    assert!(matches!(
        goes_on(other.log, wide).await,
        Err(Unfit::Partitions)
    ));
}
