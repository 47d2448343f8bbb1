//! Fields of an open request.

use anyhow::Result;
use harness::clients::open_request;
use jiff::{SignedDuration, Timestamp};
use proto::access::{OpenRequest, OpenWithPassRequest, RequestContext};
use records::timestamp_to_wire;
use tonic::Code;
use uuid::Uuid;

use crate::support::Scene;
use crate::support::status::{Told, told};

type Change = fn(&mut OpenRequest);

const CASES: [(&str, &str, Change); 19] = [
    ("no device", "device_id", |r| r.device_id.clear()),
    ("a device without a complex", "device_id", |r| {
        r.device_id = "main-door".into()
    }),
    ("capital letters", "device_id", |r| {
        r.device_id = "Sunrise.main-door".into()
    }),
    ("a path", "device_id", |r| {
        r.device_id = "sunrise.../etc".into()
    }),
    ("three parts", "device_id", |r| {
        r.device_id = "sunrise.main.door".into()
    }),
    ("a line feed", "device_id", |r| {
        r.device_id = "sunrise.main-door\n".into()
    }),
    ("a very long id", "device_id", |r| {
        r.device_id = format!("sunrise.{}", "d".repeat(64))
    }),
    ("no operation", "operation", |r| r.operation = 0),
    ("an operation of another version", "operation", |r| {
        r.operation = 99
    }),
    ("no key", "idempotency_key", |r| r.idempotency_key.clear()),
    ("a UUIDv4", "idempotency_key", |r| {
        r.idempotency_key = Uuid::new_v4().to_string()
    }),
    ("a key without hyphens", "idempotency_key", |r| {
        r.idempotency_key = Uuid::now_v7().simple().to_string();
    }),
    ("a key in capitals", "idempotency_key", |r| {
        r.idempotency_key = Uuid::now_v7().to_string().to_uppercase();
    }),
    ("a key from the future", "idempotency_key", |r| {
        let (seconds, nanos) = uuid::Timestamp::now(uuid::NoContext).to_unix();
        let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds + 600, nanos);
        r.idempotency_key = Uuid::new_v7(at).to_string();
    }),
    ("no expiry", "expires_at", |r| r.expires_at = None),
    ("an expiry too far ahead", "expires_at", |r| {
        let late = Timestamp::now() + SignedDuration::from_secs(90);
        r.expires_at = Some(timestamp_to_wire(late));
    }),
    ("an expiry that is no time", "expires_at", |r| {
        if let Some(at) = &mut r.expires_at {
            at.nanos = -1;
        }
    }),
    ("an app version with spaces", "context.app_version", |r| {
        r.context = Some(RequestContext {
            app_version: "Anna's phone".into(),
            method: 0,
        });
    }),
    ("an unknown input method", "context.method", |r| {
        r.context = Some(RequestContext {
            app_version: "1.0".into(),
            method: 42,
        });
    }),
];

#[tokio::test]
async fn wrong_fields_are_named_and_leave_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let before = scene.traces().await?;
    for (name, field, change) in CASES {
        let mut request = open_request("sunrise.main-door")?;
        change(&mut request);
        let refused = scene.bff.open(&token, request.clone()).await;
        let expected = Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field]);
        if let Err(status) = &refused {
            assert!(
                status.message().starts_with(field),
                "{name}: {}",
                status.message()
            );
            assert!(
                !status.message().contains("Anna"),
                "{name}: the value is repeated"
            );
        }
        assert_eq!(told(refused), expected, "{name}");
        let guest = &scene.registered.guest;
        assert_eq!(
            told(scene.bff.open_with_pass(guest, request).await),
            expected,
            "{name}, a guest"
        );
    }
    let secret = open_with_secret("not 22 characters")?;
    let refused = scene.bff.access.clone().open_with_pass(secret).await;
    let expected = Told::new(Code::InvalidArgument, "INVALID_FIELD", &["pass_secret"]);
    assert_eq!(told(refused), expected);
    for id in ["", "one", "0192f0c1-0000-7000-8000-00000000000"] {
        let refused = scene.bff.command(&token, id).await;
        let expected = Told::new(Code::InvalidArgument, "INVALID_FIELD", &["command_id"]);
        assert_eq!(told(refused), expected, "command id {id:?}");
    }
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}

#[tokio::test]
async fn oversized_messages_are_refused_before_they_are_read() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let before = scene.traces().await?;
    for bytes in [300 * 1024, 5 * 1024 * 1024] {
        let request = OpenRequest {
            device_id: "d".repeat(bytes),
            ..open_request("sunrise.main-door")?
        };
        let refused = told(scene.bff.open(&token, request).await);
        assert_eq!(refused.code, Code::OutOfRange, "{bytes}: {refused:?}");
    }
    // Headers too have a bound; whatever enforces it, the call fails and the server lives.
    let long = format!("{token}{}", "x".repeat(64 * 1024));
    let refused = scene
        .bff
        .open(&long, open_request("sunrise.main-door")?)
        .await;
    assert!(refused.is_err());
    assert_eq!(scene.traces().await?, before);
    let request = open_request("sunrise.main-door")?;
    assert_eq!(told(scene.bff.open(&token, request).await).code, Code::Ok);
    scene.finish().await
}

fn open_with_secret(secret: &str) -> Result<OpenWithPassRequest> {
    let open = open_request("sunrise.main-door")?;
    Ok(OpenWithPassRequest {
        device_id: open.device_id,
        operation: open.operation,
        idempotency_key: open.idempotency_key,
        expires_at: open.expires_at,
        context: None,
        pass_secret: secret.to_owned(),
    })
}
