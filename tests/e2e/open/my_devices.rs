//! What an owner is told that they may open is what opens.

use anyhow::Result;
use harness::clients::{open_request, with_token};
use jiff::{SignedDuration, Timestamp};
use proto::access::{DeviceKind, ListMyDevicesRequest, MyDevice, Operation, Outcome};
use proto::events as pb;
use proto::events::change::Entity;
use records::timestamp_to_wire;

use crate::support::{Scene, registry};

/// What the BFF is told of the owner of `token`.
pub(super) async fn listed(scene: &Scene, token: &str) -> Result<Vec<MyDevice>> {
    let request = with_token(ListMyDevicesRequest {}, token)?;
    let mut access = scene.bff.access.clone();
    Ok(access.list_my_devices(request).await?.into_inner().devices)
}

fn ids(devices: &[MyDevice]) -> Vec<&str> {
    devices
        .iter()
        .map(|device| device.device_id.as_str())
        .collect()
}

#[tokio::test]
async fn an_owner_sees_what_opens_and_a_stranger_nothing() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.token("anna").await?;
    let devices = listed(&scene, &anna).await?;
    let all = [
        "sunrise.intercom",
        "sunrise.main-door",
        "sunrise.north-gate",
    ];
    assert_eq!(ids(&devices), all);
    let gate = &devices[2];
    assert_eq!(gate.name, "Северный шлагбаум");
    assert_eq!(gate.kind(), DeviceKind::Barrier);
    assert_eq!(gate.operations, [i32::from(Operation::OpenBarrier)]);
    assert_eq!((&gate.until, &gate.required_login), (&None, &None));
    for device in &devices {
        let answer = scene
            .bff
            .open(&anna, open_request(&device.device_id)?)
            .await;
        assert_eq!(answer?.outcome(), Outcome::Executed, "{device:?}");
    }

    let before = scene.traces().await?;
    let grigory = scene.token("grigory").await?;
    assert!(listed(&scene, &grigory).await?.is_empty());
    assert_eq!(scene.traces().await?, before, "nobody is minted for a look");

    let (version, door) = registry::device(&scene, "sunrise.main-door").await?;
    let off = pb::Device {
        enabled: false,
        ..door
    };
    registry::put(&scene, "sunrise", version, Entity::Device(off)).await?;
    assert_eq!(
        ids(&listed(&scene, &anna).await?),
        ["sunrise.intercom", "sunrise.north-gate"]
    );

    let end = timestamp_to_wire(Timestamp::now() + SignedDuration::from_hours(1));
    let (version, grant) = registry::grant_of(&scene, "sunrise", "anna").await?;
    let shorter = pb::Grant {
        device_ids: vec!["sunrise.intercom".to_owned()],
        window: Some(pb::Window {
            not_after: Some(end),
            ..pb::Window::default()
        }),
        ..grant
    };
    registry::put(&scene, "sunrise", version, Entity::Grant(shorter)).await?;
    let devices = listed(&scene, &anna).await?;
    assert_eq!(ids(&devices), ["sunrise.intercom"]);
    assert_eq!(devices[0].until, Some(end));
    scene.finish().await
}
