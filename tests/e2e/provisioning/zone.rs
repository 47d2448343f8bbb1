//! Hours are those of the complex, wherever it is said to be.

use anyhow::Result;
use domain::event::Effect;
use harness::process::wait_until;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::access::{AddPlateCredentialRequest, ProvisioningState};
use proto::events as pb;
use proto::events::change::Entity;

use super::desk::{Desk, PLATES};
use crate::support::{PATIENCE, registry};

const MOSCOW: &str = "Europe/Moscow";
/// Seven hours later.
const VLADIVOSTOK: &str = "Asia/Vladivostok";
const DAY: u32 = 24 * 60;

#[tokio::test]
async fn a_complex_that_moves_to_another_zone_has_its_hours_put_again() -> Result<()> {
    let desk = Desk::set_up().await?;
    let now = TimeZone::get(MOSCOW)?.to_datetime(Timestamp::now());
    let minute = u32::try_from(i32::from(now.hour()) * 60 + i32::from(now.minute()))?;
    let hours = pb::Window {
        from_minute: (minute + DAY - 60) % DAY,
        until_minute: (minute + 60) % DAY,
        ..pb::Window::default()
    };
    let request = AddPlateCredentialRequest {
        window: Some(hours),
        ..desk.request(PLATES[0])?
    };
    let added = desk.add(&request).await?;
    assert_eq!(added.state(), ProvisioningState::InForce, "{added:?}");
    assert!(desk.opens(PLATES[0]).await?, "within its hours");

    for (version, zone, opens) in [(1, VLADIVOSTOK, false), (2, MOSCOW, true)] {
        let complex = pb::Complex {
            complex_id: "sunrise".to_owned(),
            name: "ЖК «Рассвет»".to_owned(),
            time_zone: zone.to_owned(),
            face_basis: None,
        };
        registry::put(&desk.scene, "sunrise", version, Entity::Complex(complex)).await?;
        wait_until(PATIENCE, "the hours to be those of the zone", || async {
            let seen = desk.opens(PLATES[0]).await;
            seen.is_ok_and(|opened| opened == opens)
        })
        .await?;
    }
    let moved = |effect: &Effect| {
        matches!(effect, Effect::Put { credential, holding }
            if credential.to_string() == request.credential_id
                && holding.content.time_zone == VLADIVOSTOK)
    };
    let why = desk.recorded("the put in the new zone", moved).await?;
    assert_eq!(why, "CHANGED");
    desk.finish().await
}
