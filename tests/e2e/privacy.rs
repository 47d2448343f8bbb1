//! Canaries: no plate, name, user id, secret or token is in what is stored, logged, counted,
//! answered or sent to the partner. And the search that says so finds a leak that is put in.

mod canary;
mod leak;
mod places;
mod pushed;

use anyhow::Result;
use toml::Value;

use self::canary::Canaries;
use self::places::{Places, ours};
use crate::support::Ground;

#[tokio::test]
async fn nothing_personal_is_stored_logged_counted_or_sent() -> Result<()> {
    nothing_personal(Ground::prepare_embedded().await?, &["log.db", "views.db"]).await
}

/// Plays a day and looks through everything that is left of it; `engines` are names of the
/// engines' files.
pub(crate) async fn nothing_personal(ground: Ground, engines: &[&str]) -> Result<()> {
    talkative(&ground)?;
    let mut scene = ground.build().await?;
    let pushed = pushed::push(&scene).await?;
    let mut places = Places::of(&mut scene).await?;
    places.add("answers", pushed.answers);
    let search = pushed.canaries.search()?;
    let found = places.finds(&search);
    assert!(found.is_empty(), "{found:#?}");

    // The search finds what is there, everywhere.
    let mut there = Canaries::default();
    there.text("the opening", &pushed.opening.command_id);
    there.text("its device", "sunrise.main-door");
    there.text("its complex", "\"sunrise\"");
    there.text("who took its event in", "\"webhook-gw\"");
    let there = there.search()?;
    let always = [
        "metrics",
        "answers",
        "records of access.events.v1",
        "every row of the views",
        "received.log",
        "openings.jsonl",
        "command-svc.log",
        "webhook-gw.log",
        "tiles/access",
        "tiles/registry",
    ];
    for name in always.iter().chain(engines) {
        assert!(places.has(name, &there), "nothing of the day is in {name}");
    }
    let mut sqlite = Canaries::default();
    sqlite.text("a SQLite file", "SQLite format 3");
    assert!(places.has("partner.db", &sqlite.search()?));
    scene.finish().await
}

/// Our processes tell all that they can, and the partner keeps all that it receives.
fn talkative(ground: &Ground) -> Result<()> {
    const OURS: [&str; 11] = [
        "command_svc",
        "webhook_gw",
        "projector",
        "auditlog",
        "authn",
        "domain",
        "eventlog",
        "partner",
        "privacy",
        "records",
        "service",
    ];
    let filter = OURS.map(|name| format!("{name}=trace")).join(",");
    let filter = Value::from(format!("info,{filter}"));
    for part in ours(ground) {
        ground.configure(part, |config| {
            config["process"]["telemetry"]["filter"] = filter.clone();
        })?;
    }
    let received = ground.site.dir.join("data/received.log");
    let received = Value::from(received.to_string_lossy().into_owned());
    ground.configure(harness::site::Part::Partner, |config| {
        if let Some(control) = config["control"].as_table_mut() {
            control.insert("received".to_owned(), received);
        }
    })
}
