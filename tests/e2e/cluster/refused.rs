//! What is wrong with an engine is said at start.

use anyhow::{Context as _, Result, ensure};
use harness::pki::{Issued, Pki, Profile, San, Validity};
use harness::site::{Part, Site};
use toml::{Table, Value};

use crate::support::{Ground, tool};

const OURS: [Part; 4] = [
    Part::CommandSvc,
    Part::WebhookGw,
    Part::Projector,
    Part::ProjectorServe,
];

/// Runs a process with one section of its configuration changed; it must end by itself, saying all
/// of `words`.
async fn refused(
    ground: &Ground,
    part: Part,
    section: &str,
    change: impl FnOnce(&mut Table),
    words: &[&str],
) -> Result<()> {
    let file = ground.site.config(part);
    let good = std::fs::read_to_string(&file)?;
    ground.configure(part, |config| {
        let keys = section.split('.');
        let table = keys.fold(config, |table, key| {
            table.get_mut(key).and_then(Value::as_table_mut).unwrap()
        });
        change(table);
    })?;
    let (config, role) = (file.to_string_lossy(), part.role(ground.site.pair()));
    let args = role.into_iter().chain(["--config", config.as_ref()]);
    let ended = tool::run(part.binary(), args, &ground.site.dir.join("logs")).await;
    std::fs::write(&file, good)?;
    let ended = ended.with_context(|| format!("{part:?} with other {section}"))?;
    ensure!(!ended.status.success(), "{part:?} with other {section}");
    for word in words {
        ensure!(
            ended.text.contains(word),
            "{part:?} with other {section} doesn't say {word}: {}",
            ended.text
        );
    }
    Ok(())
}

fn identity(table: &mut Table, issued: &Issued) {
    for (key, file) in [
        ("certificate", &issued.certificate),
        ("private_key", &issued.private_key),
    ] {
        table.insert(key.to_owned(), file.display().to_string().into());
    }
}

/// A certificate like a process's own, but out of date; and one of an authority that nobody trusts.
fn impostors(site: &Site, part: Part) -> Result<[Issued; 2]> {
    let like = |name: &str| {
        let uri = San::uri(format!("spiffe://smarthome/{}", part.name()));
        Profile::client(part.name()).san(uri).saved_as(name)
    };
    let expired = like(&format!("{}-expired", part.name())).validity(Validity::Expired);
    let rogue = Pki::rogue(&site.dir.join(format!("rogue-{}", part.name())))?;
    Ok([site.pki.issue(&expired)?, rogue.issue(&like("stranger"))?])
}

#[tokio::test]
async fn what_is_wrong_with_an_engine_is_said_at_start() -> Result<()> {
    let Some(ground) = Ground::prepare_alone(1).await? else {
        return Ok(());
    };
    let kafka = "log.options.kafka";
    for part in OURS {
        for impostor in impostors(&ground.site, part)? {
            let change = |table: &mut Table| identity(table, &impostor);
            refused(&ground, part, kafka, change, &["kafka.certificate"]).await?;
        }
        // The certificate of one who may do nothing.
        let nobody = ground.site.pki.issue_client("nobody", &[])?;
        let change = |table: &mut Table| identity(table, &nobody);
        refused(&ground, part, kafka, change, &["lacks a right"]).await?;
        // Topics that were set up for fewer acknowledgements than are asked for.
        let change = |table: &mut Table| {
            table.insert("min_insync_replicas".to_owned(), 2.into());
        };
        let words = ["min.insync.replicas of topic", "is 1", "must be"];
        refused(&ground, part, kafka, change, &words).await?;
        // Topics that nobody made, or that are not this process's.
        let change = |table: &mut Table| {
            table.insert("prefix".to_owned(), "none.".into());
        };
        refused(
            &ground,
            part,
            kafka,
            change,
            &["topic none.", "lacks a right"],
        )
        .await?;
    }
    for part in [Part::Projector, Part::ProjectorServe] {
        for impostor in impostors(&ground.site, part)? {
            let change = |table: &mut Table| identity(table, &impostor);
            refused(&ground, part, "views.cassandra.tls", change, &["views"]).await?;
        }
        let nobody = ground.site.pki.issue_client("nobody", &[])?;
        let change = |table: &mut Table| identity(table, &nobody);
        refused(&ground, part, "views.cassandra.tls", change, &["roles.cql"]).await?;
    }
    ground.finish().await
}
