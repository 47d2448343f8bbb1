//! Who is refused, and what a refusal tells.

use std::time::Duration;

use domain::event::DeviceSequence;
use domain::id::EventId;
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::device_status_service_client::DeviceStatusServiceClient;
use proto::access::{
    GetAccessRecordRequest, GetCheckpointRequest, GetDeviceStatusRequest,
    ListDeviceStatusesRequest, SearchAccessRequest,
};
use serde_json::json;
use tonic::Code;
use uuid::Uuid;

use crate::fixture::{at, device, observed, status};
use crate::site::READER;

use super::{Site, reason, sunrise};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_learns_nothing() {
    let site = Site::start().await;
    let gate = device("sunset.gate");
    let seen = observed(&gate, "e", 1, at(1));
    site.disk.fixture.unsigned(Topic::AccessEvents, &seen).await;
    let sequence = DeviceSequence {
        epoch: 1,
        sequence: 1,
    };
    site.disk
        .fixture
        .unsigned(Topic::DeviceStatus, &status(&gate, sequence, at(0)))
        .await;
    site.projected().await;
    let issuer = &site.disk.issuer;
    let mut audit = site.audit().await;

    let refused = audit.search_access(sunrise()).await.unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::Unauthenticated, "TOKEN_MISSING".into())
    );
    let expired = json!({"exp": Timestamp::now().as_second() - 60});
    let tokens = [
        (
            json!({"roles": ["resident"]}),
            Code::PermissionDenied,
            "ROLE_REQUIRED",
        ),
        (
            json!({"aud": "other"}),
            Code::Unauthenticated,
            "TOKEN_WRONG_AUDIENCE",
        ),
        (expired, Code::Unauthenticated, "TOKEN_EXPIRED"),
        (
            json!({"cnf": {"x5t#S256": "A".repeat(43)}}),
            Code::Unauthenticated,
            "TOKEN_NOT_THE_HOLDER",
        ),
    ];
    for (changes, code, expected) in tokens {
        let token = issuer.token(&["sunrise"], changes);
        let refused = audit
            .search_access(site.with_token(sunrise(), &token))
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), (code, expected.into()));
    }

    // Another complex answers as one that doesn't exist, whatever is asked.
    let mut answers = Vec::new();
    for complex in ["sunset", "nowhere", "unassigned"] {
        let asked = SearchAccessRequest {
            complex_id: complex.into(),
            ..Default::default()
        };
        let refused = audit.search_access(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
        let event_id = seen.id.to_string();
        let asked = GetAccessRecordRequest {
            complex_id: complex.into(),
            event_id,
            ..GetAccessRecordRequest::default()
        };
        let refused = audit
            .get_access_record(site.auditor(asked))
            .await
            .unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
        let asked = GetCheckpointRequest {
            complex_id: complex.into(),
            log: 1,
        };
        let refused = audit.get_checkpoint(site.auditor(asked)).await.unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, (Code::NotFound, "COMPLEX_NOT_FOUND".into()));
    let event_id = EventId(Uuid::now_v7()).to_string();
    let asked = GetAccessRecordRequest {
        complex_id: "sunrise".into(),
        event_id,
        ..GetAccessRecordRequest::default()
    };
    let refused = audit
        .get_access_record(site.auditor(asked))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "RECORD_NOT_FOUND".into())
    );

    let channel = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut devices = DeviceStatusServiceClient::new(channel);
    let mut answers = Vec::new();
    for device in ["sunset.gate", "sunrise.nothing"] {
        let asked = GetDeviceStatusRequest {
            device_id: device.into(),
        };
        let refused = devices
            .get_device_status(site.auditor(asked))
            .await
            .unwrap_err();
        answers.push((reason(&refused), refused.message().to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
    let token = issuer.token(&["sunset"], json!({}));
    let asked = GetDeviceStatusRequest {
        device_id: "sunset.gate".into(),
    };
    let told = devices
        .get_device_status(site.with_token(asked, &token))
        .await
        .unwrap();
    assert_eq!(told.into_inner().firmware, "1.1");
    let asked = ListDeviceStatusesRequest {
        complex_id: "sunset".into(),
    };
    let told = devices
        .list_device_statuses(site.with_token(asked, &token))
        .await
        .unwrap();
    assert_eq!(told.into_inner().statuses.len(), 1);
    let asked = ListDeviceStatusesRequest {
        complex_id: "sunset".into(),
    };
    let refused = devices
        .list_device_statuses(site.auditor(asked))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::NotFound, "COMPLEX_NOT_FOUND".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_certificates_get_in() {
    let site = Site::start().await;
    let stranger = site
        .endpoint(Some("spiffe://smarthome/bff"))
        .connect()
        .await
        .unwrap();
    let refused = AuditServiceClient::new(stranger.clone());
    let refused = refused
        .clone()
        .search_access(site.auditor(sunrise()))
        .await
        .unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::PermissionDenied, "PEER_NOT_ALLOWED".into())
    );
    let mut health = tonic_health::pb::health_client::HealthClient::new(stranger);
    let asked = tonic_health::pb::HealthCheckRequest {
        service: String::new(),
    };
    let refused = health.check(asked.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let nobody = site.endpoint(None).connect().await;
    let nobody = match nobody {
        Ok(channel) => AuditServiceClient::new(channel)
            .search_access(site.auditor(sunrise()))
            .await
            .is_err(),
        Err(_) => true,
    };
    assert!(nobody);

    let reader = site.endpoint(Some(READER)).connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(reader);
    let serving = health.check(asked).await.unwrap().into_inner().status();
    assert_eq!(serving.as_str_name(), "SERVING");
    let large = SearchAccessRequest {
        subject_ref: "x".repeat(70_000),
        ..sunrise()
    };
    let refused = site.search(large).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let mut hurried = site.auditor(sunrise());
    hurried.set_timeout(Duration::from_millis(5));
    let refused = site.audit().await.search_access(hurried).await.unwrap_err();
    assert!(
        matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{refused:?}"
    );
}
