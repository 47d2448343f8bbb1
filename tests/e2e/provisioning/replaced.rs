//! A partner leaves, another takes over its devices: nothing stays with the one, and the other gets
//! a key and tokens of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authn::record::generate_key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::http;
use harness::partner_control::PartnerControl;
use harness::process::{Port, Process, Spec, free_port, wait_until};
use harness::site::{PARTNER, Part, Site};
use proto::access::ProvisioningState;
use proto::events as pb;
use proto::events::change::Entity;
use serde_json::json;
use toml::{Table, Value};

use super::desk::{Desk, GATE, PLATES, held, is_deletion};
use crate::support::{Ground, PATIENCE, registry};

const OTHER: &str = "doorkeeper";

/// A second partner beside the site's own, with the same devices.
struct Other {
    process: Process,
    control: PartnerControl,
    attestation_key: Vec<u8>,
    _ports: [Port; 2],
}

impl Other {
    /// Starts it, and names it in the configuration of command-svc.
    async fn start(ground: &Ground) -> Result<Self> {
        let site = &ground.site;
        let (api, control) = (free_port()?, free_port()?);
        let key = generate_key()?;
        let pem = site.dir.join("keys/other-attestation.pem");
        std::fs::write(&pem, key.to_pem()?.as_bytes())?;
        std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o600))?;
        let config = configuration(site, &api, &control, &pem)?;
        let file = site.dir.join("config/other-partner.toml");
        std::fs::write(&file, config.to_string())?;
        let log = site.dir.join("logs/other-partner.log");
        let spec = Spec::workspace("reference-partner", log)?
            .arg("--config")
            .arg(&file);
        let mut process = Process::spawn(&spec)?;
        let ready = format!("http://127.0.0.1:{}/readyz", control.number());
        process
            .wait_ready_http(&http::plain()?, &ready.parse()?, Duration::from_secs(90))
            .await?;
        let base = format!("https://localhost:{}", api.number());
        ground.configure(Part::CommandSvc, |config| {
            let partners = config.get_mut("partners").and_then(Value::as_array_mut);
            if let Some(partners) = partners
                && let Some(mut other) = partners.first().and_then(Value::as_table).cloned()
            {
                other.insert("partner".to_owned(), OTHER.into());
                other.insert("base_url".to_owned(), base.into());
                partners.push(Value::Table(other));
            }
        })?;
        Ok(Self {
            process,
            control: PartnerControl::at(control.number())?,
            attestation_key: STANDARD.decode(key.public_key().to_string())?,
            _ports: [api, control],
        })
    }

    fn registered(&self) -> Entity {
        Entity::Partner(pb::Partner {
            partner_id: OTHER.to_owned(),
            name: "Doorkeeper".to_owned(),
            suspended: false,
            webhook_san: "dns:doorkeeper.example".to_owned(),
            attestation_key: self.attestation_key.clone(),
        })
    }
}

/// The site's partner's configuration, with what must differ.
fn configuration(site: &Site, api: &Port, control: &Port, pem: &std::path::Path) -> Result<Table> {
    let text = std::fs::read_to_string(site.config(Part::Partner))?;
    let mut config: Table = text.parse()?;
    config.insert("partner".to_owned(), OTHER.into());
    // It tells nobody what happens at its devices.
    config.remove("webhook");
    let data = site.dir.join("data");
    let path = |name: &str| json!(data.join(name));
    for (section, key, value) in [
        ("api", "listen", json!(api.address())),
        (
            "api",
            "issuer",
            json!(format!("https://localhost:{}", api.number())),
        ),
        ("store", "path", path("other-partner.db")),
        ("store", "keyring", path("other-partner-keyring.json")),
        ("journal", "path", path("other-openings.jsonl")),
        ("attestation", "signing_key", json!(pem)),
        ("control", "listen", json!(control.address())),
    ] {
        let section = config.get_mut(section).and_then(Value::as_table_mut);
        let section = section.context("a section")?;
        section.insert(key.to_owned(), Value::try_from(value)?);
    }
    Ok(config)
}

fn perimeter(of: &str, closed: bool) -> Entity {
    Entity::Perimeter(pb::Perimeter {
        partner_id: of.to_owned(),
        complex_id: "sunrise".to_owned(),
        operations: vec![
            pb::Operation::OpenDoor.into(),
            pb::Operation::OpenBarrier.into(),
        ],
        credentials: true,
        closed,
        ..pb::Perimeter::default()
    })
}

#[tokio::test]
async fn a_partner_that_is_replaced_keeps_nothing() -> Result<()> {
    let ground = Desk::ground().await?;
    let mut other = Other::start(&ground).await?;
    let desk = Desk::of(ground.build().await?).await?;
    let id = desk.in_force(PLATES[0]).await?;
    let before = desk.held().await?;
    let mut old = before.iter();
    let old = old.find(|it| it["credential"] == id.as_str()).cloned();
    let old = old.context("held before")?["fingerprints"].clone();

    // Meanwhile the old one doesn't answer: the new one need not wait for that.
    for call in ["delete_credential", "list_credentials"] {
        let silent = json!({ "call": call, "mode": "silent" });
        desk.scene.partner.post("/calls", silent).await?;
    }
    registry::put(&desk.scene, "global", 0, other.registered()).await?;
    registry::put(&desk.scene, "sunrise", 0, perimeter(OTHER, false)).await?;
    let (version, device) = registry::device(&desk.scene, GATE).await?;
    let given = pb::Device {
        partner_id: OTHER.to_owned(),
        ..device
    };
    registry::put(&desk.scene, "sunrise", version, Entity::Device(given)).await?;
    registry::put(&desk.scene, "sunrise", 1, perimeter(PARTNER, true)).await?;
    wait_until(
        PATIENCE,
        "the new partner to hold both credentials",
        || async { held(&other.control).await.is_ok_and(|held| held.len() == 2) },
    )
    .await?;
    assert!(desk.holds(&id).await?, "the old one has not answered yet");
    let shown = desk.shown(PARTNER, &id).await?;
    assert_eq!(shown.state(), ProvisioningState::BeingRemoved);

    desk.scene.partner.delete("/calls").await?;
    wait_until(
        PATIENCE,
        "nothing to be left at the old partner",
        || async { desk.held().await.is_ok_and(|held| held.is_empty()) },
    )
    .await?;
    let why = desk.recorded("the deletion", is_deletion(&id)).await?;
    assert!(
        ["NO_PERIMETER", "NO_DEVICES"].contains(&why.as_str()),
        "{why}"
    );
    wait_until(PATIENCE, "the old one to be shown as empty", || async {
        let old = desk.at(PARTNER).await;
        old.is_ok_and(|old| old.credentials.is_empty() && old.reason.is_empty())
    })
    .await?;

    let new = held(&other.control).await?;
    let new = new.iter().find(|it| it["credential"] == id.as_str());
    let new = new.context("held now")?;
    assert_ne!(new["fingerprints"], old, "other tokens");
    let seen = other.control.plate(GATE, PLATES[0]).await?;
    assert_eq!(seen["credential_id"], id.as_str());
    let told = desk.at(OTHER).await?;
    assert_eq!(told.key_versions, [1]);
    assert!(!desk.opens(PLATES[0]).await?);
    other.process.terminate().await?;
    desk.finish().await
}
