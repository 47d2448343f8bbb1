//! The auditors' console.

use anyhow::Result;
use harness::clients::open_request;
use harness::engines::browser::{self, Driver};
use harness::engines::missing;
use serde_json::json;

use super::window::Window;
use crate::support::Scene;

const PASSWORD: &str = "sunrise-auditor-password";
pub(super) const DOOR: &str = "sunrise.main-door";
/// A line of the newest accesses that says that the door was opened.
pub(super) const OPENED: &str = "#live tbody tr .mark.good";

/// Logs an auditor of one complex in.
pub(super) async fn enter(own: &Window, console: &str) -> Result<()> {
    own.log_in(console, "sunrise-auditor", PASSWORD).await?;
    own.wait("#live").await?;
    assert_eq!(own.address().await?.path(), "/c/sunrise/now");
    Ok(())
}

/// Finds the newest opening of the door, and has the browser check its proof.
pub(super) async fn find_proven(own: &Window, console: &str) -> Result<()> {
    let search = format!("{console}/c/sunrise/search?device={DOOR}&outcome=1");
    own.go(&search).await?;
    own.click("tbody tr td a").await?;
    let proven = own.text(".verdict.proven").await?;
    assert!(proven.contains("Checked in your browser"), "{proven}");
    Ok(())
}

#[tokio::test]
async fn an_auditor_sees_an_opening_live_finds_it_and_has_it_proven_by_the_browser() -> Result<()> {
    if let Some(why) = browser::lacking() {
        return missing::report("a browser", &why);
    }
    let scene = Scene::start().await?;
    let anna = scene.token("anna").await?;
    let grigory = scene.token("grigory").await?;
    assert!(scene.bff.open(&grigory, open_request(DOOR)?).await.is_err());
    let driver = Driver::start(&scene.site().dir).await?;
    let console = scene.site().console_url();
    let own = Window::open(&driver, "en").await?;

    enter(&own, &console).await?;
    // It comes by itself, while the page is open.
    scene.bff.open(&anna, open_request(DOOR)?).await?;
    own.wait(OPENED).await?;
    // A device, and an alarm at it.
    let partner = &scene.partner;
    partner
        .status(DOOR, json!({ "battery_percent": 80 }))
        .await?;
    partner
        .post(&format!("/devices/{DOOR}/forced"), json!({}))
        .await?;
    own.wait("#live .alarms li a").await?;
    own.wait("#live tbody th").await?;
    own.look("console-now", &console, Some("/c/sunrise/now"))
        .await?;

    own.go(&format!(
        "{console}/c/sunrise/search?device={DOOR}&outcome=1"
    ))
    .await?;
    own.look("console-search", &console, Some("/c/sunrise/search"))
        .await?;
    find_proven(&own, &console).await?;
    let record = own.address().await?.path().to_owned();
    own.look("console-record", &console, Some(&record)).await?;

    // Both commands of the door, in one report; its proofs are checked as on a record's page.
    own.go(&format!("{console}/c/sunrise/search?device={DOOR}"))
        .await?;
    own.click("a[href*='/report?']").await?;
    own.wait(".verdict.proven").await?;
    let told = own.text("main").await?;
    for part in [
        "Europe/Moscow",
        "auditctl explain",
        "no right",
        "partner did it",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let report = format!("/c/sunrise/report?device={DOOR}");
    own.look("console-report", &console, Some(&report)).await?;
    own.print("console-report").await?;

    // Whoever was denied has his reason there.
    own.go(&format!("{console}/c/sunrise/search?verdict=2"))
        .await?;
    own.click("tbody tr td a").await?;
    own.wait(".verdict.proven").await?;
    own.text(".explained").await?;

    for part in ["pictures", "reads", "export", "integrity"] {
        let path = format!("/c/sunrise/{part}");
        own.go(&format!("{console}{path}")).await?;
        own.look(&format!("console-{part}"), &console, Some(&path))
            .await?;
    }
    own.wait(".verdict.proven").await?;
    own.go(&format!("{console}/c/sunrise/export")).await?;
    own.click("#export button").await?;
    let said = own.text("#progress[data-state=whole] p").await?;
    assert!(
        said.contains("Downloaded:") && said.contains("SHA-256"),
        "{said}"
    );
    let taken = "const form = document.querySelector('main form'); \
                 return fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })\
                 .then((answer) => answer.text())";
    let taken = own.run(taken).await?;
    let taken = taken.as_str().unwrap_or_default();
    assert!(
        taken.starts_with("README.txt") && taken.contains(DOOR),
        "an archive"
    );

    own.go(&format!("{console}/c/moonlight/now")).await?;
    let said = own.text("main h1").await?;
    assert_eq!(said, "There is nothing here");
    own.log_out(&console, "/c/sunrise/now").await?;
    own.close().await?;

    let resident = Window::open(&driver, "en").await?;
    resident
        .log_in(&console, "anna", "resident-password")
        .await?;
    let said = resident.text("main").await?;
    assert!(
        said.contains("ROLE_REQUIRED") || said.contains("This is for auditors"),
        "{said}"
    );
    resident.close().await?;
    scene.finish().await
}
