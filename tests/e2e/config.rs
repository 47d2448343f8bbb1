//! Configuration files: `--check-config`, and what is refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use harness::site::{Part, Site};
use toml::{Table, Value};

use crate::support::Ground;
use crate::support::tool::{self, Ended};

/// Runs a part with its configuration file and perhaps one option more.
async fn run(site: &Site, part: Part, option: Option<&str>) -> Result<Ended> {
    let role = part.role(site.pair());
    let config = site.config(part);
    let config = config.to_str().context("a path in UTF-8")?;
    let args = role.into_iter().chain(["--config", config]).chain(option);
    tool::run(part.binary(), args, &site.dir.join("logs")).await
}

async fn check(site: &Site, part: Part) -> Result<Ended> {
    run(site, part, Some("--check-config")).await
}

/// The table at a dotted path.
fn at<'a>(table: &'a mut Table, path: &str) -> &'a mut Table {
    path.split('.')
        .filter(|key| !key.is_empty())
        .fold(table, |table, key| {
            table.get_mut(key).and_then(Value::as_table_mut).unwrap()
        })
}

#[tokio::test]
async fn the_sites_own_configurations_are_good() -> Result<()> {
    let ground = Ground::prepare().await?;
    for part in Part::all(ground.site.pair()) {
        let ended = check(&ground.site, part).await?;
        assert!(ended.status.success(), "{part:?}: {ended:?}");
    }
    ground.finish().await
}

#[tokio::test]
async fn a_misspelt_key_is_named_with_its_file() -> Result<()> {
    let ground = Ground::prepare().await?;
    for (part, section) in [
        (Part::CommandSvc, ""),
        (Part::CommandSvc, "process.admin"),
        (Part::CommandSvc, "access.tls"),
        (Part::CommandSvc, "limits"),
        (Part::CommandSvc, "log.options"),
        (Part::WebhookGw, ""),
        (Part::WebhookGw, "listen"),
        (Part::WebhookGw, "rejected"),
        (Part::Projector, ""),
        (ground.site.serving(), "serve.issuer"),
        (Part::Projector, "project"),
        (Part::Issuer, ""),
        (Part::Issuer, "tls"),
        (Part::Partner, ""),
        (Part::Partner, "webhook"),
    ] {
        let file = ground.site.config(part);
        let good = std::fs::read_to_string(&file)?;
        ground.configure(part, |config| {
            at(config, section).insert("listten".to_owned(), "127.0.0.1:1".into());
        })?;
        for ended in [
            check(&ground.site, part).await?,
            run(&ground.site, part, None).await?,
        ] {
            let name = file
                .file_name()
                .and_then(|name| name.to_str())
                .context("a name")?;
            assert!(!ended.status.success(), "{part:?} [{section}]: accepted");
            assert!(
                ended.text.contains("listten"),
                "{part:?} [{section}]: {}",
                ended.text
            );
            let named = ended.text.contains(name);
            assert!(named, "{part:?} [{section}]: {}", ended.text);
        }
        std::fs::write(&file, good)?;
    }
    ground.finish().await
}

#[tokio::test]
async fn plain_text_stays_on_this_machine() -> Result<()> {
    let ground = Ground::prepare().await?;
    for part in [Part::CommandSvc, Part::WebhookGw, Part::Projector] {
        let listen = |insecure: bool| {
            ground.configure(part, |config| {
                let admin = at(config, "process.admin");
                admin.insert("listen".to_owned(), "0.0.0.0:9100".into());
                admin.insert("insecure".to_owned(), insecure.into());
            })
        };
        listen(false)?;
        let ended = check(&ground.site, part).await?;
        assert!(!ended.status.success(), "{part:?}: accepted");
        for word in ["0.0.0.0:9100", "insecure = true"] {
            assert!(ended.text.contains(word), "{part:?}: {}", ended.text);
        }
        listen(true)?;
        let ended = check(&ground.site, part).await?;
        assert!(ended.status.success(), "{part:?}: {ended:?}");
    }
    // Owners' tokens depend on the issuer's keys.
    for (part, section) in [
        (Part::CommandSvc, "issuer"),
        (ground.site.serving(), "serve.issuer"),
    ] {
        ground.configure(part, |config| {
            let issuer = at(config, section);
            issuer.insert("issuer".to_owned(), "http://issuer.example".into());
        })?;
        let ended = run(&ground.site, part, None).await?;
        assert!(!ended.status.success(), "{part:?}: accepted");
        assert!(ended.text.contains("insecure"), "{part:?}: {}", ended.text);
    }
    // What is for development only stays on loopback whatever is said.
    for (part, section) in [(Part::Issuer, ""), (Part::Partner, "control")] {
        ground.configure(part, |config| {
            at(config, section).insert("listen".to_owned(), "0.0.0.0:9100".into());
        })?;
        let ended = check(&ground.site, part).await?;
        assert!(!ended.status.success(), "{part:?}: accepted");
        assert!(ended.text.contains("listen"), "{part:?}: {}", ended.text);
        assert!(ended.text.contains("loopback"), "{part:?}: {}", ended.text);
    }
    ground.finish().await
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_refused() -> Result<()> {
    let ground = Ground::prepare().await?;
    let site = &ground.site;
    let server = |part: Part| site.certificates.servers[&part].private_key.clone();
    let keys = &site.keys;
    let secrets: [(Part, PathBuf); 16] = [
        (Part::Partner, keys.webhook.clone()),
        (Part::CommandSvc, keys.record_key.clone()),
        (Part::CommandSvc, keys.lookup.clone()),
        (Part::CommandSvc, keys.identity.clone()),
        (Part::CommandSvc, keys.plate.clone()),
        (Part::CommandSvc, keys.token_key.clone()),
        (Part::CommandSvc, keys.face.clone()),
        (Part::CommandSvc, server(Part::CommandSvc)),
        (
            Part::CommandSvc,
            site.certificates.services[&Part::CommandSvc]
                .private_key
                .clone(),
        ),
        (Part::WebhookGw, keys.webhook.clone()),
        (Part::WebhookGw, server(Part::WebhookGw)),
        (Part::Projector, keys.checkpoint.clone()),
        (site.serving(), keys.identity.clone()),
        (site.serving(), keys.lookup.clone()),
        (site.serving(), keys.paging.clone()),
        (site.serving(), server(Part::Projector)),
    ];
    for (part, secret) in secrets {
        mode(&secret, 0o644)?;
        let ended = run(site, part, None).await;
        mode(&secret, 0o600)?;
        let ended = ended.with_context(|| format!("{part:?} uses {}", secret.display()))?;
        let name = secret
            .file_name()
            .and_then(|name| name.to_str())
            .context("a name")?;
        assert!(!ended.status.success(), "{part:?}: {name} accepted");
        assert!(
            ended.text.contains(name),
            "{part:?}, {name}: {}",
            ended.text
        );
        let inside = std::fs::read_to_string(&secret)?;
        let inside = inside
            .lines()
            .find(|line| line.len() > 30 && !line.contains("---"));
        assert!(
            !ended.text.contains(inside.context("a secret")?),
            "{part:?} shows {name}"
        );
    }
    ground.finish().await
}

fn mode(file: &Path, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(
        file,
        std::fs::Permissions::from_mode(mode),
    )?)
}
