//! Role `serve`, over real TLS with real tokens, beside role `project` on the same stores.

use std::time::Duration;

use auditlog::{LogId, Origin, verify_consistency, verify_inclusion};
use domain::event::DeviceSequence;
use domain::id::{EventId, SubjectRef};
use domain::vocabulary::{Outcome, Verdict};
use eventlog::{CloudEvent, NewRecord, Topic};
use jiff::Timestamp;
use privacy::{Identity, IdentityKeys, Item, KeyFiles, LookupIndex, SubjectKey};
use projector::config::Config;
use projector::{project, serve, views};
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::device_status_service_client::DeviceStatusServiceClient;
use proto::access::{
    AccessKind, AccessRecord, GetAccessRecordRequest, GetCheckpointRequest,
    GetConsistencyProofRequest, GetDeviceStatusRequest, ListDeviceStatusesRequest,
    SearchAccessRequest,
};
use serde_json::json;
use service::config::SecretFile;
use service::health::Health;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::fixture::{at, command, completed, decided, device, observed, status};
use crate::run::{ORIGIN, wait};
use crate::site::{OnDisk, READER};

struct Site {
    disk: OnDisk,
    config: Config,
    address: String,
    health: Health,
    shutdown: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Site {
    async fn start() -> Self {
        let disk = OnDisk::new().await;
        let config: Config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
        let context = service::Context {
            health: Health::new(),
            shutdown: CancellationToken::new(),
            metrics: service::metrics::install().unwrap(),
        };
        let project = project::prepare(&config, &context).await.unwrap();
        let serve = serve::prepare(&config, &context).await.unwrap();
        context.health.started();
        let address = format!("https://localhost:{}", serve.local_addr().port());
        tokio::spawn(project.run());
        tokio::spawn(serve.run());
        let (health, shutdown) = (context.health, context.shutdown);
        let site = Self { disk, config, address, health, shutdown };
        wait(async || site.health.status().is_ready()).await;
        site
    }

    async fn projected(&self) {
        let views = projector::store::open_reader(&self.config.views.as_ref().unwrap().url).unwrap();
        wait(async || {
            for topic in views::TOPICS {
                let ends = self.disk.fixture.log.end_offsets(topic).await.unwrap();
                for (partition, end) in (0..).zip(ends) {
                    if views.progress(topic, partition).await.unwrap().unwrap_or(0) < end {
                        return false;
                    }
                }
            }
            true
        })
        .await;
    }

    fn endpoint(&self, name: Option<&str>) -> Endpoint {
        let roots = std::fs::read(self.disk.pki.bundle()).unwrap();
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
        if let Some(name) = name {
            tls = tls.identity(self.disk.client(name));
        }
        Endpoint::from_shared(self.address.clone()).unwrap().tls_config(tls).unwrap()
    }

    async fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.endpoint(Some(READER)).connect().await.unwrap())
    }

    fn with_token<T>(&self, message: T, token: &str) -> Request<T> {
        let mut request = Request::new(message);
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// As the auditor of `sunrise`.
    fn auditor<T>(&self, message: T) -> Request<T> {
        self.with_token(message, &self.disk.issuer.token(&["sunrise"], json!({})))
    }

    async fn search(&self, asked: SearchAccessRequest) -> Result<(Vec<AccessRecord>, String), Status> {
        let answer = self.audit().await.search_access(self.auditor(asked)).await?.into_inner();
        Ok((answer.records, answer.next_page_token))
    }
}

fn sunrise() -> SearchAccessRequest {
    SearchAccessRequest { complex_id: "sunrise".into(), ..Default::default() }
}

fn reason(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().expect("every refusal has an ErrorInfo");
    assert_eq!(info.domain, "smarthome.access");
    (status.code(), info.reason)
}

fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().into_iter();
    let violations = request.flat_map(|request| request.field_violations);
    violations.map(|violation| violation.field).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_found_record_has_a_proof_that_holds() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let gate = device("sunrise.gate");
    let now = Timestamp::now();
    fixture.signed(Topic::AccessEvents, &decided(&gate, command(1), Verdict::Allow, now)).await;
    fixture.signed(Topic::AccessEvents, &decided(&gate, command(1), Verdict::Allow, now)).await;
    fixture.signed(Topic::AccessEvents, &completed(&gate, command(1), Outcome::Unknown)).await;
    fixture.signed(Topic::AccessEvents, &completed(&gate, command(1), Outcome::Executed)).await;
    fixture.signed(Topic::AccessEvents, &decided(&gate, command(2), Verdict::Deny, now)).await;
    fixture.unsigned(Topic::AccessEvents, &observed(&gate, "e", 1, at(9))).await;
    fixture.raw(Topic::AccessEvents, "sunrise", Some(vec![0xff; 9])).await;
    site.projected().await;

    let (records, next) = site.search(sunrise()).await.unwrap();
    assert_eq!(next, "");
    let kinds: Vec<_> = records.iter().map(|r| (r.kind(), r.leaf_index)).collect();
    use AccessKind::{Command, Observed, Unreadable};
    let expected = [(Unreadable, 6), (Observed, 5), (Command, 4), (Command, 1), (Command, 0)];
    assert_eq!(kinds, expected);
    let outcomes: Vec<_> = records.iter().map(|r| (r.outcome().as_str_name(), r.void)).collect();
    assert_eq!(outcomes[2], ("OUTCOME_UNSPECIFIED", false));
    assert_eq!(outcomes[3], ("OUTCOME_UNSPECIFIED", true));
    assert_eq!(outcomes[4], ("OUTCOME_EXECUTED", false));
    assert!(records[4].completed_at.is_some());

    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    for record in &records {
        let asked = GetAccessRecordRequest {
            complex_id: "sunrise".into(),
            event_id: record.event_id.clone(),
        };
        let answer = site.audit().await.get_access_record(site.auditor(asked)).await.unwrap();
        let answer = answer.into_inner();
        assert_eq!(answer.record.as_ref(), Some(record));
        let checkpoint = site.disk.verifier.verify(&origin, answer.checkpoint.as_bytes()).unwrap();
        let proof = answer.inclusion_proof.unwrap();
        assert_eq!((checkpoint.size(), proof.tree_size, proof.leaf_index), (7, 7, record.leaf_index));
        let hashes: Vec<[u8; 32]> =
            proof.hashes.iter().map(|hash| hash.as_slice().try_into().unwrap()).collect();
        let leaf = auditlog::Leaf::of(answer.leaf.into(), 0, 0).hash();
        verify_inclusion(leaf, proof.leaf_index, proof.tree_size, checkpoint.root(), &hashes).unwrap();
    }

    // Later the tree has grown, and can show that it still begins with what was seen.
    let checkpoint = async || {
        let asked = GetCheckpointRequest { complex_id: "sunrise".into(), log: 0 };
        let note = site.audit().await.get_checkpoint(site.auditor(asked)).await.unwrap();
        site.disk.verifier.verify(&origin, note.into_inner().checkpoint.as_bytes()).unwrap()
    };
    let old = checkpoint().await;
    fixture.unsigned(Topic::AccessEvents, &observed(&gate, "f", 1, at(9))).await;
    site.projected().await;
    let new = checkpoint().await;
    let asked = |old_size, new_size| GetConsistencyProofRequest {
        complex_id: "sunrise".into(),
        log: 0,
        old_size,
        new_size,
    };
    let proof = site.auditor(asked(old.size(), new.size()));
    let proof = site.audit().await.get_consistency_proof(proof).await.unwrap().into_inner();
    let hashes: Vec<[u8; 32]> =
        proof.hashes.iter().map(|hash| hash.as_slice().try_into().unwrap()).collect();
    verify_consistency(old.size(), old.root(), new.size(), new.root(), &hashes).unwrap();
    for (old, new) in [(0, 1), (2, 1), (1, 99)] {
        let refused = site.auditor(asked(old, new));
        let refused = site.audit().await.get_consistency_proof(refused).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::OutOfRange, "OUTSIDE_TREE".into()));
    }
    let asked = GetCheckpointRequest { complex_id: "sunrise".into(), log: 2 };
    let refused = site.audit().await.get_checkpoint(site.auditor(asked)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "CHECKPOINT_NOT_FOUND".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_page_and_filter() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let (gate, now) = (device("sunrise.gate"), Timestamp::now());
    for i in 0..20 {
        let outcome = if i % 4 == 0 { Outcome::Executed } else { Outcome::Rejected };
        fixture.signed(Topic::AccessEvents, &decided(&gate, command(i), Verdict::Allow, now)).await;
        fixture.signed(Topic::AccessEvents, &completed(&gate, command(i), outcome)).await;
    }
    for i in 0..3 {
        let door = device("sunrise.door");
        fixture.unsigned(Topic::AccessEvents, &observed(&door, &i.to_string(), 1, at(i))).await;
    }
    site.projected().await;
    let all = async |asked: SearchAccessRequest| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = SearchAccessRequest { page_token: token, ..asked.clone() };
            let (records, next) = site.search(page).await.unwrap();
            assert!(records.len() <= 50.min(asked.page_size as usize).max(1));
            found.extend(records.into_iter().map(|record| record.leaf_index));
            if next.is_empty() {
                return found;
            }
            token = next;
        }
    };
    let everything = all(SearchAccessRequest { page_size: 50, ..sunrise() }).await;
    assert_eq!(everything.len(), 23);
    for page_size in [1, 7, 23] {
        assert_eq!(all(SearchAccessRequest { page_size, ..sunrise() }).await, everything);
    }
    let executed = SearchAccessRequest { page_size: 2, outcome: 1, ..sunrise() };
    assert_eq!(all(executed).await.len(), 5);
    let door = SearchAccessRequest { page_size: 2, device_id: "sunrise.door".into(), ..sunrise() };
    assert_eq!(all(door).await.len(), 3);
    let automatic = SearchAccessRequest { page_size: 50, automation: 1, ..sunrise() };
    assert_eq!(all(automatic).await.len(), 3);
    let subject_ref = Uuid::from_u128(43).to_string();
    let nobody = SearchAccessRequest { page_size: 50, subject_ref, ..sunrise() };
    assert_eq!(all(nobody).await.len(), 0);

    // A page token is good for its own query only.
    let (_, token) = site.search(SearchAccessRequest { page_size: 1, ..sunrise() }).await.unwrap();
    for page_token in [token.clone() + "A", "x".into()] {
        let refused = site.search(SearchAccessRequest { page_token, ..sunrise() }).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);
    }
    let other = SearchAccessRequest { page_token: token, outcome: 1, ..sunrise() };
    assert_eq!(fields(&site.search(other).await.unwrap_err()), ["page_token"]);
    let wrong = SearchAccessRequest { complex_id: "Not One".into(), page_size: 501, ..Default::default() };
    let refused = site.search(wrong).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_ARGUMENT".into()));
    assert_eq!(fields(&refused), ["complex_id", "page_size"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_learns_nothing() {
    let site = Site::start().await;
    let gate = device("sunset.gate");
    let seen = observed(&gate, "e", 1, at(1));
    site.disk.fixture.unsigned(Topic::AccessEvents, &seen).await;
    let sequence = DeviceSequence { epoch: 1, sequence: 1 };
    site.disk.fixture.unsigned(Topic::DeviceStatus, &status(&gate, sequence, at(0))).await;
    site.projected().await;
    let issuer = &site.disk.issuer;
    let mut audit = site.audit().await;

    let refused = audit.search_access(sunrise()).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::Unauthenticated, "TOKEN_MISSING".into()));
    let expired = json!({"exp": Timestamp::now().as_second() - 60});
    let tokens = [
        (json!({"roles": ["resident"]}), Code::PermissionDenied, "ROLE_REQUIRED"),
        (json!({"aud": "other"}), Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE"),
        (expired, Code::Unauthenticated, "TOKEN_EXPIRED"),
        (
            json!({"cnf": {"x5t#S256": "A".repeat(43)}}),
            Code::Unauthenticated,
            "TOKEN_NOT_THE_HOLDER",
        ),
    ];
    for (changes, code, expected) in tokens {
        let token = issuer.token(&["sunrise"], changes);
        let refused = audit.search_access(site.with_token(sunrise(), &token)).await.unwrap_err();
        assert_eq!(reason(&refused), (code, expected.into()));
    }

    // Another complex answers as one that doesn't exist, whatever is asked.
    let mut answers = Vec::new();
    for complex in ["sunset", "nowhere", "unassigned"] {
        let asked = SearchAccessRequest { complex_id: complex.into(), ..Default::default() };
        let refused = audit.search_access(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
        let event_id = seen.id.to_string();
        let asked = GetAccessRecordRequest { complex_id: complex.into(), event_id };
        let refused = audit.get_access_record(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
        let asked = GetCheckpointRequest { complex_id: complex.into(), log: 1 };
        let refused = audit.get_checkpoint(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, (Code::NotFound, "COMPLEX_NOT_FOUND".into()));
    let event_id = EventId(Uuid::now_v7()).to_string();
    let asked = GetAccessRecordRequest { complex_id: "sunrise".into(), event_id };
    let refused = audit.get_access_record(site.auditor(asked)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "RECORD_NOT_FOUND".into()));

    let channel = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut devices = DeviceStatusServiceClient::new(channel);
    let mut answers = Vec::new();
    for device in ["sunset.gate", "sunrise.nothing"] {
        let asked = GetDeviceStatusRequest { device_id: device.into() };
        let refused = devices.get_device_status(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
    let token = issuer.token(&["sunset"], json!({}));
    let asked = GetDeviceStatusRequest { device_id: "sunset.gate".into() };
    let told = devices.get_device_status(site.with_token(asked, &token)).await.unwrap();
    assert_eq!(told.into_inner().firmware, "1.1");
    let asked = ListDeviceStatusesRequest { complex_id: "sunset".into() };
    let told = devices.list_device_statuses(site.with_token(asked, &token)).await.unwrap();
    assert_eq!(told.into_inner().statuses.len(), 1);
    let asked = ListDeviceStatusesRequest { complex_id: "sunset".into() };
    let refused = devices.list_device_statuses(site.auditor(asked)).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::NotFound, "COMPLEX_NOT_FOUND".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_certificates_get_in() {
    let site = Site::start().await;
    let stranger = site.endpoint(Some("spiffe://smarthome/bff")).connect().await.unwrap();
    let refused = AuditServiceClient::new(stranger.clone());
    let refused = refused.clone().search_access(site.auditor(sunrise())).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::PermissionDenied, "PEER_NOT_ALLOWED".into()));
    let mut health = tonic_health::pb::health_client::HealthClient::new(stranger);
    let asked = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let refused = health.check(asked.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nobody = site.endpoint(None).connect().await;
    let nobody = match nobody {
        Ok(channel) => AuditServiceClient::new(channel).search_access(site.auditor(sunrise())).await.is_err(),
        Err(_) => true,
    };
    assert!(nobody);

    let reader = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(reader);
    let serving = health.check(asked).await.unwrap().into_inner().status();
    assert_eq!(serving.as_str_name(), "SERVING");
    let large = SearchAccessRequest { subject_ref: "x".repeat(70_000), ..sunrise() };
    let refused = site.search(large).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let mut hurried = site.auditor(sunrise());
    hurried.set_timeout(Duration::from_millis(5));
    let refused = site.audit().await.search_access(hurried).await.unwrap_err();
    assert!(matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_id_is_told_until_it_is_erased() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let subject = SubjectRef(Uuid::from_u128(42));
    let index: LookupIndex = "a".repeat(64).parse().unwrap();
    let key = SubjectKey { index, subject, item: Item::Identity };
    let files = KeyFiles {
        identity: Some(SecretFile::new(site.disk.path().join("identity.json"))),
        ..KeyFiles::default()
    };
    let keys = IdentityKeys::load(&files).unwrap();
    let identity = Identity::new("https://issuer.example", "user-4711");
    let sealed = keys.seal(&key, &identity, Timestamp::now()).unwrap();
    let write = async |value: Option<Vec<u8>>| {
        let event = CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:test".into(),
            kind: "subject".into(),
            subject: None,
            time: at(0),
            dataschema: None,
            traceparent: None,
        };
        let value = value.map(Into::into);
        let record = NewRecord { key: key.to_string(), event, value };
        fixture.log.append(Topic::Subjects, record).await.unwrap();
    };
    let gate = device("sunrise.gate");
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    fixture.signed(Topic::AccessEvents, &decision).await;
    site.projected().await;
    let told = async || site.search(sunrise()).await.unwrap().0[0].user_id.clone();
    assert_eq!(told().await, "");
    write(Some(sealed)).await;
    wait(async || told().await == "user-4711").await;
    write(None).await;
    wait(async || told().await.is_empty()).await;
    // It stands nowhere else.
    for entry in ["views.db", "views.db-wal"] {
        let bytes = std::fs::read(site.disk.path().join(entry)).unwrap_or_default();
        assert!(!bytes.windows(9).any(|window| window == b"user-4711"), "{entry}");
    }
}
