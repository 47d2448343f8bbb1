//! Sessions end by time, and pages ask for the login again.

use anyhow::Result;
use harness::engines::browser::{self, Driver};
use harness::engines::missing;
use harness::process::wait_until;
use harness::site::Part;
use jiff::{SignedDuration, Timestamp};
use toml::{Table, Value};

use super::window::Window;
use super::{console, resident};
use crate::support::{Ground, PATIENCE, Scene};

/// How old a session of the console gets, in seconds: its page asks twice in this time.
const OLD: i64 = 11;
/// After how many seconds the app's ends that nobody uses.
const IDLE: i64 = 6;

#[tokio::test]
async fn a_session_ends_when_it_is_old_and_when_nobody_uses_it() -> Result<()> {
    if let Some(why) = browser::lacking() {
        return missing::report("a browser", &why);
    }
    let ground = Ground::prepare().await?;
    ground.configure(ground.site.serving(), |config| {
        let console = config["serve"]["console"].as_table_mut();
        limit(console.unwrap(), &[("idle", OLD), ("longest", OLD)]);
    })?;
    ground.configure(Part::ResidentApp, |config| limit(config, &[("idle", IDLE)]))?;
    let mut scene = ground.build().await?;
    scene.site_mut().start_part(Part::ResidentApp).await?;
    let driver = Driver::start(&scene.site().dir).await?;
    tokio::try_join!(old(&scene, &driver), idle(&scene, &driver))?;
    scene.finish().await
}

/// A page that renews itself uses its session all the time, and does not keep it alive for ever.
async fn old(scene: &Scene, driver: &Driver) -> Result<()> {
    let page = scene.site().console_url();
    let own = Window::open(driver, "en").await?;
    console::enter(&own, &page).await?;
    own.wait("[data-state=live]:not([hidden])").await?;
    own.wait("[data-state=lost]:not([hidden])").await?;
    assert_eq!(own.address().await?.path(), "/c/sunrise/now");
    own.go(&format!("{page}/c/sunrise/now")).await?;
    own.wait("#username").await?;
    own.close().await
}

/// A press after the session's end opens nothing, and leads to the login and back.
async fn idle(scene: &Scene, driver: &Driver) -> Result<()> {
    let app = scene.site().app_url();
    let own = Window::open(driver, "en").await?;
    resident::enter(&own, &app).await?;
    let over = Timestamp::now() + SignedDuration::from_secs(IDLE);
    wait_until(PATIENCE, "the session to end", || async {
        Timestamp::now() >= over
    })
    .await?;
    own.click("form[data-door] button").await?;
    own.fill_in("anna", resident::PASSWORD).await?;
    own.wait("form[data-door]").await?;
    assert!(scene.openings()?.is_empty());
    own.close().await
}

fn limit(page: &mut Table, seconds: &[(&str, i64)]) {
    let limits = seconds.iter();
    let limits = limits.map(|(name, seconds)| ((*name).to_owned(), format!("{seconds}s").into()));
    let login = page["login"].as_table_mut().unwrap();
    login.insert("sessions".to_owned(), Value::Table(limits.collect()));
}
