//! A device that requires a fresh login.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::clients::open_request;
use jiff::{SignedDuration, Timestamp};
use proto::access::{Outcome, RequiredLogin};
use proto::events as pb;
use proto::events::change::Entity;
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::my_devices::listed;
use crate::support::status::{Told, told};
use crate::support::tokens::{Parts, issuers_key};
use crate::support::{Scene, registry};

const DOOR: &str = "sunrise.main-door";

#[tokio::test]
async fn a_door_that_requires_a_fresh_login_says_which() -> Result<()> {
    let scene = Scene::start().await?;
    let (version, door) = registry::device(&scene, DOOR).await?;
    let strict = pb::Device {
        step_up: Some(pb::StepUp {
            max_age_seconds: 300,
            acr: "1".to_owned(),
        }),
        ..door
    };
    registry::put(&scene, "sunrise", version, Entity::Device(strict)).await?;

    let fresh = scene.token("anna").await?;
    let logged_in_at = |token: &str, ago: i64| -> Result<String> {
        let at = (Timestamp::now() - SignedDuration::from_secs(ago)).as_second();
        let parts = Parts::of(token)?.claim("auth_time", json!(at));
        parts.sign(&issuers_key(scene.site())?)
    };
    let stale = logged_in_at(&fresh, 400)?;
    let weak = Parts::of(&fresh)?
        .claim("acr", json!("0"))
        .sign(&issuers_key(scene.site())?)?;
    let required = RequiredLogin {
        max_age_seconds: 300,
        acr: "1".to_owned(),
    };
    for token in [&stale, &weak] {
        let refused = scene.bff.open(token, open_request(DOOR)?).await.err();
        let status = refused.context("it opened")?;
        let denied = Told::new(Code::PermissionDenied, "STEP_UP_REQUIRED", &[]);
        assert_eq!(Told::from(&status), denied);
        let info = status.get_details_error_info().context("ErrorInfo")?;
        assert_eq!(info.metadata["max_age"], "300");
        assert_eq!(info.metadata["acr"], "1");
        let devices = listed(&scene, token).await?;
        let device = devices.iter().find(|device| device.device_id == DOOR);
        let device = device.context("it is listed, with what it takes")?;
        assert_eq!(device.required_login.as_ref(), Some(&required));
    }
    let refused = scene
        .bff
        .open_with_pass(&scene.registered.guest, open_request(DOOR)?)
        .await;
    assert_eq!(told(refused).reason, "STEP_UP_REQUIRED", "a guest");
    let stranger = logged_in_at(&scene.token("grigory").await?, 400)?;
    let refused = scene.bff.open(&stranger, open_request(DOOR)?).await;
    assert_eq!(
        told(refused).reason,
        "NO_GRANT",
        "who has no right learns nothing"
    );
    assert!(scene.openings()?.is_empty());

    let answer = scene.bff.open(&fresh, open_request(DOOR)?).await?;
    assert_eq!(answer.outcome(), Outcome::Executed);
    let events = scene.log.events(Topic::AccessEvents).await?;
    let decided = events.iter().find_map(|(_, event)| match &event.body {
        Body::AccessDecided(decided) if decided.command.to_string() == answer.command_id => {
            Some(decided)
        }
        _ => None,
    });
    let inputs = &decided.context("a decision")?.inputs;
    assert_eq!(inputs.acr.as_deref(), Some("1"));
    assert!(inputs.auth_time.is_some());
    scene.finish().await
}
