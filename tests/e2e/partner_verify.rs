//! `smarthomectl partner verify`: a partner is asked for what it must refuse, and a partner that
//! does not refuse it is found out, with every door closed.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use harness::http;
use harness::process::wait_until;
use harness::site::{PARTNER, Part};
use serde_json::{Value, json};

use crate::smarthomectl::configured;
use crate::support::tool::{self, Ended};
use crate::support::{Ground, PATIENCE, Scene};

/// A site with its fixtures, and the tool's configuration.
struct Desk {
    scene: Scene,
    config: PathBuf,
}

impl Desk {
    /// Tokens live for `ttl`; the schedule begins after `first_after`.
    async fn set_up(ttl: &str, first_after: &str) -> Result<Self> {
        let ground = Ground::prepare().await?;
        let oauth = toml::Value::try_from(json!({ "token_ttl": ttl }))?;
        ground.configure(Part::Partner, |config| {
            config.insert("oauth".to_owned(), oauth);
        })?;
        let privileges = toml::Value::try_from(json!({
            "first_after": first_after, "interval": "1h", "leeway": "1ms",
        }))?;
        ground.configure(Part::CommandSvc, |config| {
            config.insert("privileges".to_owned(), privileges);
        })?;
        let scene = ground.build().await?;
        let site = scene.site();
        let config = configured(site, "operator", &site.certificates.operator).await?;
        Ok(Self { scene, config })
    }

    async fn verify(&self, complex: &str) -> Result<Ended> {
        let config = self.config.to_str().context("a path in UTF-8")?;
        let args = ["partner", "verify", complex, PARTNER, "--config", config];
        tool::run("smarthomectl", args, &self.scene.site().dir.join("logs")).await
    }

    /// Makes the partner forget to look at something.
    async fn relax(&self, unchecked: &str) -> Result<()> {
        let body = json!({ "unchecked": unchecked });
        self.scene.partner.post("/authorization", body).await?;
        Ok(())
    }

    async fn nothing_opened(&self) -> Result<()> {
        assert!(self.scene.openings()?.is_empty());
        let commands = self.scene.partner.get("/commands?limit=10000").await?;
        let open = |command: &&Value| command["state"] != "cancelled";
        let commands = commands["commands"].as_array().context("commands")?;
        assert_eq!(commands.iter().find(open), None);
        Ok(())
    }

    async fn metrics(&self) -> Result<String> {
        let url = format!("http://{}/metrics", self.scene.admin()[0].address());
        Ok(http::plain()?.get(url).send().await?.text().await?)
    }
}

/// The line of one check.
fn line<'a>(ended: &'a Ended, check: &str) -> Result<&'a str> {
    let mut lines = ended.text.lines();
    let found = lines.find(|line| line.split_whitespace().next() == Some(check));
    found.with_context(|| format!("no {check} in {}", ended.text))
}

#[tokio::test]
async fn a_partner_that_keeps_the_contract_refuses_it_all() -> Result<()> {
    let desk = Desk::set_up("2s", "1h").await?;
    let first = desk.verify("sunrise").await?;
    assert_eq!(first.status.code(), Some(1), "{}", first.text);
    let expired = line(&first, "open_with_expired_token")?;
    assert!(expired.contains("not yet"), "{expired}");
    assert!(!first.text.contains("ACCEPTED"), "{}", first.text);
    assert!(!first.text.contains("unclear"), "{}", first.text);
    wait_until(
        PATIENCE,
        "the kept token to expire and be refused",
        || async {
            desk.verify("sunrise")
                .await
                .is_ok_and(|ended| ended.status.success())
        },
    )
    .await?;
    let all = desk.verify("sunrise").await?;
    for (check, seen) in [
        ("open_in_other_complex", "403 wrong_resource"),
        ("open_foreign_device", "400 invalid_request"),
        ("list_credentials_in_other_complex", "403 wrong_resource"),
        ("open_barrier_with_door_token", "403 insufficient_scope"),
        ("open_door_with_barrier_token", "403 insufficient_scope"),
        ("open_with_commands_token", "403 insufficient_scope"),
        ("open_with_attestation_token", "403 insufficient_scope"),
        ("list_credentials_with_open_token", "403 insufficient_scope"),
        (
            "list_credentials_with_attestation_token",
            "403 insufficient_scope",
        ),
        ("open_without_certificate", "TLS handshake"),
        ("open_with_expired_token", "401 token_invalid"),
        ("open_with_garbage_token", "401 token_invalid"),
        ("open_with_tampered_token", "401 token_invalid"),
        ("open_without_token", "401 token_missing"),
        ("read_command_without_token", "401 token_missing"),
    ] {
        let line = line(&all, check)?;
        assert!(line.contains("refused") && line.contains(seen), "{line}");
    }
    let unknown = desk.verify("meadow").await?;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.text.contains("no perimeter"), "{}", unknown.text);
    desk.nothing_opened().await?;
    desk.scene.finish().await
}

#[tokio::test]
async fn a_partner_that_forgets_to_look_is_found_out_and_opens_nothing() -> Result<()> {
    let desk = Desk::set_up("5m", "1h").await?;
    for (unchecked, found, kept) in [
        (
            "scope",
            "open_barrier_with_door_token",
            "open_in_other_complex",
        ),
        (
            "resource",
            "open_in_other_complex",
            "open_barrier_with_door_token",
        ),
    ] {
        desk.relax(unchecked).await?;
        let ended = desk.verify("sunrise").await?;
        assert_eq!(ended.status.code(), Some(1), "{}", ended.text);
        assert!(ended.text.contains("not refused"), "{}", ended.text);
        let found = line(&ended, found)?;
        assert!(
            found.contains("ACCEPTED") && !found.contains("OPENED"),
            "{found}"
        );
        let kept = line(&ended, kept)?;
        assert!(kept.contains("refused"), "{kept}");
    }
    desk.nothing_opened().await?;
    desk.scene.finish().await
}

#[tokio::test]
async fn the_schedule_finds_it_too_and_says_so() -> Result<()> {
    let mut desk = Desk::set_up("2s", "1s").await?;
    let told = |check: &'static str, verdict: &'static str| {
        let place = format!("partner=\"{PARTNER}\",complex=\"riverside\"");
        let line = format!(
            "partner_privilege_checks{{{place},check=\"{check}\",verdict=\"{verdict}\"}} 1"
        );
        let desk = &desk;
        async move {
            wait_until(PATIENCE, &line, || async {
                desk.metrics().await.is_ok_and(|text| text.contains(&line))
            })
            .await
        }
    };
    told("open_in_other_complex", "refused").await?;
    // The interval is long: it comes again for the token that was to expire.
    told("open_with_expired_token", "refused").await?;
    desk.relax("resource").await?;
    assert_eq!(desk.verify("riverside").await?.status.code(), Some(1));
    told("open_in_other_complex", "accepted").await?;
    let process = desk.scene.site_mut().process(Part::CommandSvc)?;
    let log = std::fs::read_to_string(process.log())?;
    let finding = |line: &&str| {
        line.contains("did not refuse what it must refuse") && line.contains("riverside")
    };
    let warning = log.lines().find(finding).context("a warning")?;
    assert!(warning.contains("WARN"));
    desk.nothing_opened().await?;
    desk.scene.finish().await
}
