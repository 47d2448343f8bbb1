//! Leaks put in on purpose, through the running system: the search finds each.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::clients::Operator;
use harness::clients::open_request;
use harness::fixtures::apply;
use harness::site::{PARTNER, Part};
use proto::access::{AccessRecord, OpenRequest};
use proto::events as pb;
use proto::events::change::Entity;

use super::canary::{Canaries, Search};
use super::places::Places;
use super::talkative;
use crate::support::{Ground, audit, registry};

/// A marker, as an operator who means no harm could write a name into the registry.
const MARKER: &str = "ivan-petrov-9c1e";

fn marker() -> Result<Search> {
    let mut canaries = Canaries::default();
    canaries.text("marker", MARKER);
    canaries.search()
}

#[tokio::test]
async fn a_name_in_a_devices_id_is_found_wherever_it_gets_to() -> Result<()> {
    let ground = Ground::prepare_embedded().await?;
    talkative(&ground)?;
    let device = format!("sunrise.{MARKER}");
    ground.configure(Part::Partner, |config| {
        let devices = &mut config["complexes"][0]["devices"];
        let mut leaky = devices[0].clone();
        leaky["id"] = device.as_str().into();
        if let Some(devices) = devices.as_array_mut() {
            devices.push(leaky);
        }
    })?;
    let mut scene = ground.build().await?;
    let registered = pb::Device {
        device_id: device.clone(),
        name: "a door".to_owned(),
        kind: pb::DeviceKind::Door.into(),
        operations: vec![pb::Operation::OpenDoor.into()],
        partner_id: PARTNER.to_owned(),
        enabled: true,
        ..pb::Device::default()
    };
    let mut operator = Operator::connect(scene.site()).await?;
    apply(&mut operator, "sunrise", vec![Entity::Device(registered)]).await?;
    let request = OpenRequest {
        device_id: device,
        ..open_request("sunrise.main-door")?
    };
    scene.bff.open(&scene.token("anna").await?, request).await?;
    scene.delivered().await?;
    let auditor = scene.auditor().await?;
    let leaky = |record: &AccessRecord| record.device_id.ends_with(MARKER) && record.outcome != 0;
    audit::find(&auditor, "sunrise", "the opening", leaky).await?;

    let places = Places::of(&mut scene).await?;
    let search = marker()?;
    for name in [
        "records of registry.events.v1",
        "records of access.events.v1",
        "every row of the views",
        "log.db",
        "views.db",
        "tiles/registry",
        "tiles/access",
        "received.log",
        "openings.jsonl",
    ] {
        assert!(places.has(name, &search), "the leak is not found in {name}");
    }
    assert!(
        !places.has("partner.db", &search),
        "the partner's store is sealed"
    );
    scene.finish().await
}

#[tokio::test]
async fn a_note_that_hides_a_name_is_found() -> Result<()> {
    let hexadecimal: String = MARKER.bytes().map(|byte| format!("{byte:02X}")).collect();
    let mut scene = Ground::prepare_embedded().await?.build().await?;
    for (version, name) in [hexadecimal, STANDARD.encode(format!("  {MARKER}"))]
        .into_iter()
        .enumerate()
    {
        let version = u64::try_from(version)? + 1;
        let complex = Entity::Complex(pb::Complex {
            complex_id: "sunrise".to_owned(),
            name,
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        });
        registry::put(&scene, "sunrise", version, complex).await?;
    }
    let places = Places::of(&mut scene).await?;
    assert!(places.has("records of registry.events.v1", &marker()?));
    scene.finish().await
}
