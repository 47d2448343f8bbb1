//! A door that asks for a fresh login, in the residents' app.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use domain::event::Body;
use domain::vocabulary::Reason;
use eventlog::Topic;
use harness::engines::browser::{self, Driver};
use harness::engines::missing;
use harness::process::wait_until;
use harness::site::Part;
use jiff::{SignedDuration, Timestamp};
use proto::events as pb;
use proto::events::change::Entity;

use super::resident::{self, PASSWORD};
use super::window::Window;
use crate::support::{PATIENCE, Scene, registry};

const DOOR: &str = "sunrise.main-door";
/// How fresh a login the door asks for, in seconds: time enough for a press after one.
const FRESH: u32 = 15;

#[tokio::test]
async fn a_door_that_asks_for_a_fresh_login_leads_to_it_and_back() -> Result<()> {
    if let Some(why) = browser::lacking() {
        return missing::report("a browser", &why);
    }
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::ResidentApp).await?;
    let driver = Driver::start(&scene.site().dir).await?;
    let app = scene.site().app_url();
    let own = Window::open(&driver, "en").await?;
    resident::enter(&own, &app).await?;
    let logged_in = Timestamp::now();
    let (version, door) = registry::device(&scene, DOOR).await?;
    let strict = pb::Device {
        step_up: Some(pb::StepUp {
            max_age_seconds: FRESH,
            acr: "1".to_owned(),
        }),
        ..door
    };
    registry::put(&scene, "sunrise", version, Entity::Device(strict)).await?;
    let old = logged_in + SignedDuration::from_secs(i64::from(FRESH) + 1);
    wait_until(PATIENCE, "the login to be old", || async {
        Timestamp::now() >= old
    })
    .await?;

    let form = format!("form:has([value='{DOOR}'])");
    // A browser without script is sent there as well: this is no press that the script sees.
    own.run(&format!("document.querySelector(\"{form}\").submit()"))
        .await?;
    is_asked(&own).await?;
    own.go(&app).await?;
    own.click(&format!("{form} button")).await?;
    is_asked(&own).await?;
    own.fill_in("anna", PASSWORD).await?;
    let said = own.text(&format!("{form} .result.ready")).await?;
    assert!(said.contains("Press once more"), "{said}");
    assert!(scene.openings()?.is_empty(), "nothing opens by itself");
    let focused = "return document.activeElement.closest('form').elements.device.value";
    assert_eq!(own.run(focused).await?, DOOR, "it is at hand");
    resident::open(&own, &scene, DOOR).await?;

    // A refusal stands under its key, so the press after it had another.
    let events = scene.log.events(Topic::AccessEvents).await?;
    let decided = events.iter().filter_map(|(_, event)| match &event.body {
        Body::AccessDecided(decided) => Some((decided.reason, decided.command)),
        _ => None,
    });
    let (reasons, commands): (Vec<_>, BTreeSet<_>) = decided.unzip();
    let refused = Reason::StepUpRequired;
    assert_eq!(reasons, [refused, refused, Reason::Granted]);
    assert_eq!(commands.len(), 3);
    own.close().await?;
    scene.finish().await
}

/// The provider's page asks for the login that the door requires.
async fn is_asked(own: &Window) -> Result<()> {
    own.wait("#username").await?;
    let asked = own.address().await?;
    let asked: BTreeMap<_, _> = asked.query_pairs().into_owned().collect();
    for (name, value) in [("max_age", "15"), ("acr_values", "1"), ("prompt", "login")] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    Ok(())
}
