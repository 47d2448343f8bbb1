//! Grants to buildings and entrances, and devices that are moved.

use anyhow::Result;
use harness::clients::{Operator, open_request};
use proto::access::ApplyRequest;
use proto::events as pb;
use proto::events::change::Entity;
use tonic::Code;
use uuid::Uuid;

use super::my_devices;
use crate::support::status::{Told, told};
use crate::support::{Scene, registry};

const DOOR: &str = "sunrise.main-door";

async fn listed(scene: &Scene, token: &str) -> Result<Vec<String>> {
    let devices = my_devices::listed(scene, token).await?.into_iter();
    Ok(devices.map(|device| device.device_id).collect())
}

/// Two buildings with an entrance each.
async fn build(scene: &Scene) -> Result<()> {
    let named = |name: &str| format!("sunrise.{name}");
    let mut entities = Vec::new();
    for (building, entrance) in [("tower", "east"), ("annex", "low")] {
        entities.push(Entity::Entrance(pb::Entrance {
            entrance_id: named(entrance),
            building_id: named(building),
            name: entrance.to_owned(),
        }));
        entities.push(Entity::Building(pb::Building {
            building_id: named(building),
            name: building.to_owned(),
        }));
    }
    registry::put_all(scene, "sunrise", entities).await
}

async fn move_door(scene: &Scene, entrance: &str) -> Result<()> {
    let (version, door) = registry::device(scene, DOOR).await?;
    let moved = pb::Device {
        place: Some(pb::device::Place::EntranceId(entrance.to_owned())),
        ..door
    };
    registry::put(scene, "sunrise", version, Entity::Device(moved)).await
}

#[tokio::test]
async fn a_grant_to_a_building_is_for_the_devices_that_stand_in_it_now() -> Result<()> {
    let scene = Scene::start().await?;
    let anna = scene.token("anna").await?;
    build(&scene).await?;
    move_door(&scene, "sunrise.east").await?;
    let (version, grant) = registry::grant_of(&scene, "sunrise", "anna").await?;
    let of_tower = pb::Grant {
        building_ids: vec!["sunrise.tower".to_owned()],
        ..grant
    };
    registry::put(&scene, "sunrise", version, Entity::Grant(of_tower)).await?;
    assert_eq!(listed(&scene, &anna).await?, [DOOR]);
    scene.bff.open(&anna, open_request(DOOR)?).await?;
    assert_eq!(scene.openings()?.len(), 1);

    // The door is hung in the other building: its tenants open it now.
    move_door(&scene, "sunrise.low").await?;
    let refused = scene.bff.open(&anna, open_request(DOOR)?).await;
    let no_grant = Told::new(Code::PermissionDenied, "NO_GRANT", &[]);
    assert_eq!(told(refused), no_grant);
    assert!(listed(&scene, &anna).await?.is_empty());
    assert_eq!(scene.openings()?.len(), 1);
    scene.finish().await
}

#[tokio::test]
async fn what_is_not_registered_is_refused_by_its_name() -> Result<()> {
    let scene = Scene::start().await?;
    let operator = Operator::connect(scene.site()).await?;
    let (version, door) = registry::device(&scene, DOOR).await?;
    let nowhere = pb::Device {
        place: Some(pb::device::Place::EntranceId("sunrise.no".to_owned())),
        ..door.clone()
    };
    let nobodys = pb::Device {
        partner_id: "nobody".to_owned(),
        ..door
    };
    let cases = [
        (nowhere, "changes[0]", "there is no entrance sunrise.no;"),
        (
            nobodys,
            "changes[0].device.partner_id",
            "there is no partner nobody;",
        ),
    ];
    for (device, field, why) in cases {
        let request = ApplyRequest {
            complex_id: "sunrise".to_owned(),
            idempotency_key: Uuid::new_v4().to_string(),
            note: String::new(),
            changes: vec![pb::Change {
                expected_version: version,
                entity: Some(Entity::Device(device)),
            }],
        };
        let refused = operator.registry.clone().apply(request).await;
        let refused = refused.expect_err("it names what is not there");
        assert!(refused.message().contains(why), "{refused}");
        let wrong = Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field]);
        assert_eq!(told::<()>(Err(refused)), wrong);
    }
    scene.finish().await
}
