//! The residents' app.

use anyhow::Result;
use harness::engines::browser::{self, Driver};
use harness::engines::missing;
use harness::process::wait_until;
use harness::site::Part;

use super::window::Window;
use crate::support::{PATIENCE, Scene};

pub(super) const PASSWORD: &str = "resident-password";
/// A guest's car.
const PLATE: &str = "М456ОР 777";

/// Logs a resident in.
pub(super) async fn enter(own: &Window, app: &str) -> Result<()> {
    own.log_in(app, "anna", PASSWORD).await?;
    own.wait("form[data-door]").await?;
    Ok(())
}

/// Opens a door without a mouse, and sees that it has opened.
pub(super) async fn open(own: &Window, scene: &Scene, device: &str) -> Result<()> {
    let openings = scene.openings()?.len();
    let door = format!("form:has([value='{device}'])");
    let key = own.value(&format!("{door} [name=key]")).await?;
    own.enter(&format!("{door} button")).await?;
    let said = own.text(&format!("{door} .result.opened")).await?;
    assert!(said.contains("Opened"), "{said}");
    assert_eq!(scene.openings()?.len(), openings + 1);
    let next = own.value(&format!("{door} [name=key]")).await?;
    assert_ne!(next, key, "it is spent");
    Ok(())
}

#[tokio::test]
async fn a_resident_opens_a_gate_lets_a_guest_in_and_sees_what_is_recorded() -> Result<()> {
    if let Some(why) = browser::lacking() {
        return missing::report("a browser", &why);
    }
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::ResidentApp).await?;
    let driver = Driver::start(&scene.site().dir).await?;
    let app = scene.site().app_url();
    let own = Window::open(&driver, "en").await?;

    enter(&own, &app).await?;
    assert_eq!(own.address().await?.path(), "/");
    own.look("doors", &app, Some("/")).await?;
    let openings = scene.openings()?.len();
    open(&own, &scene, "sunrise.north-gate").await?;

    // Somebody who asks for what isn't theirs is told why not.
    let other = "document.querySelector('form:has([value=\"sunrise.main-door\"]) [name=device]').value \
                 = 'moonlight.main-door'";
    own.run(other).await?;
    let door = "form:has([value='moonlight.main-door'])";
    own.click(&format!("{door} button")).await?;
    let said = own.text(&format!("{door} .result.refused")).await?;
    assert!(said.contains("You have no right to open this."), "{said}");

    own.go(&format!("{app}/guests")).await?;
    own.look("guests", &app, Some("/guests")).await?;
    own.enter("form.card button[type=submit]").await?;
    let link = own.value("#link").await?;
    own.look("made", &app, None).await?;

    let guest = Window::open(&driver, "en").await?;
    guest.go(&link).await?;
    let held = guest.text("#pass form button").await?;
    assert!(held.contains("Open"), "{held}");
    let (_, fragment) = link.split_once("/pass").unwrap();
    guest
        .look("pass", &app, Some(&format!("/pass{fragment}")))
        .await?;
    guest.click("#pass form button").await?;
    guest.wait("#pass .result.opened").await?;
    assert_eq!(scene.openings()?.len(), openings + 2);
    guest
        .go(&format!("{app}/pass#sunrise.AAAAAAAAAAAAAAAAAAAAAA"))
        .await?;
    let said = guest.text("#pass [role=alert]").await?;
    assert!(said.contains("There is no such pass."), "{said}");
    guest.close().await?;

    own.go(&format!("{app}/guests")).await?;
    // A car is let in by its camera, which counts nothing; what was typed stays in the form, and goes nowhere else.
    own.keys("[name=plate]", PLATE).await?;
    own.enter("form.card button[type=submit]").await?;
    let said = own.text("[role=alert]").await?;
    assert!(said.contains("Any number"), "{said}");
    own.look("guests-refused", &app, None).await?;
    assert_eq!(own.value("[name=plate]").await?, PLATE);
    own.click("[value='sunrise.intercom']").await?;
    own.click("[value='sunrise.north-gate']").await?;
    own.click("[name=uses] [value='0']").await?;
    own.enter("form.card button[type=submit]").await?;
    own.wait("#link").await?;
    assert!(!own.address().await?.as_str().contains("777"));
    let drive_up = async || scene.partner.plate("sunrise.north-gate", PLATE).await;
    wait_until(PATIENCE, "the camera", || async {
        drive_up().await.is_ok_and(|seen| seen["opened"] == true)
    })
    .await?;

    // The view is a moment behind the log.
    own.go(&format!("{app}/history")).await?;
    while own
        .run("return document.querySelectorAll('.row .opened').length")
        .await?
        .as_i64()
        < Some(1)
    {
        own.go(&format!("{app}/history")).await?;
    }
    own.look("history", &app, Some("/history")).await?;
    let receipt =
        "return fetch(document.querySelector('a[download]').href).then((file) => file.text())";
    let receipt = own.run(receipt).await?;
    assert!(receipt.as_str().unwrap().contains("sunrise"), "{receipt}");
    own.go(&format!("{app}/looked")).await?;
    own.look("looked", &app, Some("/looked")).await?;

    own.go(&app).await?;
    own.log_out(&app, "/").await?;
    own.go(&format!("{app}/signed-out")).await?;
    own.look("signed-out", &app, Some("/signed-out")).await?;
    own.close().await?;
    scene.finish().await
}
