//! Both pages with logins at Keycloak, on its own login page, as its users see it.

use anyhow::Result;
use harness::engines::browser::{self, Driver};
use harness::engines::keycloak::Keycloak;
use harness::engines::missing;
use harness::site::Part;

use super::console::{self, DOOR, OPENED};
use super::resident;
use super::window::Window;
use crate::support::Ground;

#[tokio::test]
async fn people_log_in_at_keycloak_and_what_one_opens_the_other_has_proven() -> Result<()> {
    if let Some(why) = browser::lacking() {
        return missing::report("a browser", &why);
    }
    if let Some(why) = Keycloak::lacking() {
        return missing::report("Keycloak", &why);
    }
    let mut ground = Ground::prepare().await?;
    ground.site.log_in_at_keycloak().await?;
    let mut scene = ground.build().await?;
    scene.site_mut().start_part(Part::ResidentApp).await?;
    let driver = Driver::start(&scene.site().dir).await?;
    let (page, app) = (scene.site().console_url(), scene.site().app_url());

    let auditor = Window::open(&driver, "en").await?;
    console::enter(&auditor, &page).await?;
    let owner = Window::open(&driver, "en").await?;
    resident::enter(&owner, &app).await?;
    resident::open(&owner, &scene, DOOR).await?;
    // It comes by itself, while the page is open.
    auditor.wait(OPENED).await?;
    console::find_proven(&auditor, &page).await?;

    auditor.log_out(&page, "/c/sunrise/now").await?;
    auditor.close().await?;
    owner.log_out(&app, "/").await?;
    owner.close().await?;

    // Whose token says nothing of an auditor sees nothing.
    let stranger = Window::open(&driver, "en").await?;
    stranger.log_in(&page, "anna", resident::PASSWORD).await?;
    let said = stranger.text("main").await?;
    assert!(said.contains("This is for auditors"), "{said}");
    stranger.close().await?;
    scene.finish().await
}
