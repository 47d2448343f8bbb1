//! `AuditService` and `DeviceStatusService`: wrong requests of readers.

use anyhow::Result;
use harness::clients::{Auditor, with_token};
use proto::access::{
    GetAccessRecordRequest, GetCheckpointRequest, GetConsistencyProofRequest,
    GetDeviceStatusRequest, SearchAccessRequest,
};
use tonic::Code;
use uuid::Uuid;

use crate::support::Scene;
use crate::support::status::{Told, told};

/// Makes a good search wrong.
type Change = fn(&mut SearchAccessRequest);

fn search() -> SearchAccessRequest {
    SearchAccessRequest {
        complex_id: "sunrise".to_owned(),
        ..SearchAccessRequest::default()
    }
}

#[tokio::test]
async fn wrong_questions_are_answered_with_what_is_wrong() -> Result<()> {
    let scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let before = scene.traces().await?;
    let wrong = |fields: &[&str]| Told::new(Code::InvalidArgument, "INVALID_ARGUMENT", fields);
    let cases: [(&[&str], Change); 6] = [
        (&["complex_id"], |r| r.complex_id = "No Slug".into()),
        (&["subject_ref"], |r| r.subject_ref = "anna".into()),
        (&["device_id"], |r| {
            r.device_id = "moonlight.main-door".into()
        }),
        (&["page_size"], |r| r.page_size = 501),
        (&["page_token"], |r| r.page_token = "bmV4dCBwYWdl".into()),
        (&["outcome", "automation"], |r| {
            r.outcome = 77;
            r.automation = -1;
        }),
    ];
    for (fields, change) in cases {
        let mut request = search();
        change(&mut request);
        let refused = auditor
            .audit
            .clone()
            .search_access(auditor.request(request)?)
            .await;
        assert_eq!(told(refused), wrong(fields));
    }
    let record = |complex: &str, event: &str| {
        auditor.request(GetAccessRecordRequest {
            complex_id: complex.to_owned(),
            event_id: event.to_owned(),
            ..GetAccessRecordRequest::default()
        })
    };
    let refused = auditor
        .audit
        .clone()
        .get_access_record(record("sunrise", "one")?)
        .await;
    assert_eq!(told(refused), wrong(&["event_id"]));
    let absent = record("sunrise", &Uuid::now_v7().to_string())?;
    let refused = auditor.audit.clone().get_access_record(absent).await;
    assert_eq!(
        told(refused),
        Told::new(Code::NotFound, "RECORD_NOT_FOUND", &[])
    );
    let sizes = auditor.request(GetConsistencyProofRequest {
        complex_id: "sunrise".to_owned(),
        log: 2,
        old_size: 1,
        new_size: 1_000_000,
    })?;
    let refused = auditor.audit.clone().get_consistency_proof(sizes).await;
    assert_eq!(
        told(refused),
        Told::new(Code::OutOfRange, "OUTSIDE_TREE", &[])
    );
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

#[tokio::test]
async fn readers_see_their_own_complexes_only() -> Result<()> {
    let scene = Scene::start().await?;
    let auditor = Auditor::connect(scene.site(), "sunrise-auditor").await?;
    let checkpoint = |complex: &str| GetCheckpointRequest {
        complex_id: complex.to_owned(),
        log: 2,
    };
    // Another's complex, and none at all, look the same.
    let nothing = Told::new(Code::NotFound, "COMPLEX_NOT_FOUND", &[]);
    for complex in ["moonlight", "unassigned", "no-such-complex"] {
        let request = auditor.request(checkpoint(complex))?;
        assert_eq!(
            told(auditor.audit.clone().get_checkpoint(request).await),
            nothing,
            "{complex}"
        );
        let request = auditor.request(SearchAccessRequest {
            complex_id: complex.to_owned(),
            ..search()
        })?;
        assert_eq!(
            told(auditor.audit.clone().search_access(request).await),
            nothing,
            "{complex}"
        );
    }
    let status = auditor.request(GetDeviceStatusRequest {
        device_id: "moonlight.main-door".to_owned(),
    })?;
    let refused = told(auditor.devices.clone().get_device_status(status).await);
    assert_eq!(refused, Told::new(Code::NotFound, "DEVICE_NOT_FOUND", &[]));

    // A resident is no auditor.
    let token = scene.token("anna").await?;
    let request = with_token(search(), &token)?;
    let refused = auditor.audit.clone().search_access(request).await;
    assert_eq!(
        told(refused),
        Told::new(Code::PermissionDenied, "ROLE_REQUIRED", &[])
    );
    scene.finish().await
}
