//! Denials: answered alike, recorded each.

use anyhow::{Context as _, Result};
use eventlog::Topic;
use harness::clients::open_request;
use proto::access::{OpenRequest, Operation};
use proto::events as pb;
use tonic::Code;

use crate::support::status::{Told, told};
use crate::support::{Scene, audit};

/// Who, where, under which complex it is recorded.
const DENIALS: [(&str, &str, &str); 3] = [
    ("grigory", "sunrise.main-door", "sunrise"),
    ("anna", "moonlight.yard-barrier", "moonlight"),
    ("anna", "sunrise.no-such-door", "unassigned"),
];

#[tokio::test]
async fn denials_are_recorded_and_open_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let auditor = scene.auditor().await?;
    let mut tellings = Vec::new();
    for (who, device, complex) in DENIALS {
        let token = scene.token(who).await?;
        let request = open_request(device).or_else(|_| {
            let door = open_request("sunrise.main-door")?;
            anyhow::Ok(OpenRequest {
                device_id: device.to_owned(),
                ..door
            })
        })?;
        let status = scene.bff.open(&token, request.clone()).await.err();
        let status = status.with_context(|| format!("{who} opened {device}"))?;
        assert_eq!(
            Told::from(&status),
            Told::new(Code::PermissionDenied, "NO_GRANT", &[])
        );
        tellings.push((status.message().to_owned(), status.details().to_vec()));

        let before = scene.traces().await?;
        assert_eq!(
            told(scene.bff.open(&token, request).await).reason,
            "NO_GRANT"
        );
        assert_eq!(scene.traces().await?, before, "the same key is one denial");

        let record = audit::find(&auditor, complex, "the denial", |record| {
            record.device_id == device && record.verdict() == pb::Verdict::Deny
        })
        .await?;
        assert_eq!(record.reason(), pb::Reason::NoGrant);
        assert_eq!(record.outcome, 0, "a denial has no outcome");
        assert!(record.user_id.ends_with(who), "{}", record.user_id);
        audit::verify(scene.site(), &audit::get(&auditor, &record).await?)?;
    }
    // Whoever asks can't tell a device that isn't there from one that isn't theirs.
    assert!(
        tellings.iter().all(|telling| telling == &tellings[0]),
        "{tellings:?}"
    );
    assert!(scene.openings()?.is_empty());
    scene.finish().await
}

#[tokio::test]
async fn the_wrong_operation_and_a_key_that_is_too_old() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let before = scene.traces().await?;
    let wrong = OpenRequest {
        operation: Operation::OpenBarrier.into(),
        ..open_request("sunrise.main-door")?
    };
    let refused = told(scene.bff.open(&token, wrong).await);
    assert_eq!(
        refused,
        Told::new(Code::PermissionDenied, "OPERATION_NOT_ALLOWED", &[])
    );

    let expired = Told::new(Code::FailedPrecondition, "COMMAND_EXPIRED", &[]);
    // Just out of its window; and so old that even the record of it is void.
    for age in [630, 3_600] {
        let old = OpenRequest {
            idempotency_key: key_of_age(age).to_string(),
            ..open_request("sunrise.main-door")?
        };
        assert_eq!(told(scene.bff.open(&token, old).await), expired, "{age} s");
    }
    let past = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    let late = OpenRequest {
        expires_at: Some(records::timestamp_to_wire(past)),
        ..open_request("sunrise.main-door")?
    };
    assert_eq!(
        told(scene.bff.open(&token, late).await),
        expired,
        "expires_at has passed"
    );

    let after = scene.traces().await?;
    assert_eq!(
        (after.commands, after.openings),
        (before.commands, before.openings)
    );
    let recorded = after.records(Topic::AccessEvents) - before.records(Topic::AccessEvents);
    assert_eq!(recorded, 4, "each denial is on record");
    scene.finish().await
}

/// A UUIDv7 minted so many seconds ago.
fn key_of_age(seconds: u64) -> uuid::Uuid {
    let now = uuid::Timestamp::now(uuid::NoContext);
    let (at, nanos) = now.to_unix();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        at - seconds,
        nanos,
    ))
}
