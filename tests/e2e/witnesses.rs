//! What a site's logs are worth to those who don't trust its key alone: a witness on another machine
//! cosigns them, and the key itself is changed while everything goes on.

use std::path::Path;

use anyhow::{Context as _, Result};
use eventlog::Topic;
use harness::clients::open_request;
use harness::process::{Port, Process, Spec, free_port, wait_until};
use harness::site::{ORIGIN, Part, Site};
use proto::access::Outcome;
use toml::{Table, Value};

use crate::support::tool::{self, Ended};
use crate::support::{Ground, PATIENCE, Scene};

const DOOR: &str = "sunrise.main-door";

/// `auditctl witness`, with its key.
struct Witness {
    port: Port,
    vkey: String,
    process: Process,
}

impl Witness {
    async fn start(folder: &Path, logs: &[&str]) -> Result<Self> {
        std::fs::create_dir(folder)?;
        let key = folder.join("witness.key").display().to_string();
        let args = ["witness-key", "witness.example/w1", "-o", &key];
        let vkey = printed(&tool::run("auditctl", args, folder).await?);
        let port = free_port()?;
        let address = port.address().to_string();
        let state = folder.join("state").display().to_string();
        let mut args = vec!["witness", "--listen", &address];
        args.extend(["--signing-key", &key, "--state", &state]);
        args.extend(logs.iter().flat_map(|log| ["--key", log]));
        let spec = Spec::workspace("auditctl", folder.join("witness.out"))?;
        let process = Process::spawn(&spec.args(args))?;
        Ok(Self {
            port,
            vkey,
            process,
        })
    }

    fn section(&self) -> Value {
        let text = format!(
            "interval = \"50ms\"\n[[list]]\nurl = \"http://{}\"\nkey = \"{}\"\n",
            self.port.address(),
            self.vkey
        );
        Value::Table(text.parse().unwrap_or_default())
    }
}

/// What a command printed that made a key.
fn printed(ended: &Ended) -> String {
    assert_eq!(ended.status.code(), Some(0), "{}", ended.text);
    ended.text.trim().to_owned()
}

fn section<'a>(config: &'a mut Table, name: &str) -> &'a mut Table {
    let section = config.get_mut(name).and_then(Value::as_table_mut);
    section.unwrap()
}

/// What an auditor with this key and the witness' sees; the exit code and what was said.
async fn verified(site: &Site, key: &str, more: &[&str]) -> Result<Ended> {
    let tiles = site.tiles().display().to_string();
    let args = [&["verify", &tiles, "--key", key], more].concat();
    tool::run("auditctl", args, &site.dir).await
}

async fn opens(scene: &Scene) -> Result<()> {
    let token = scene.token("anna").await?;
    let answer = scene.bff.open(&token, open_request(DOOR)?).await?;
    assert_eq!(answer.outcome(), Outcome::Executed);
    Ok(())
}

/// Waits until the witness has cosigned all that is recorded of accesses.
async fn witnessed(scene: &Scene) -> Result<()> {
    let log = scene.site().tiles().join("access.events.v1/sunrise");
    wait_until(PATIENCE, "a cosignature of every record", || async {
        let size = |name: &str| {
            let note = std::fs::read_to_string(log.join(name)).ok()?;
            note.lines().nth(1)?.parse::<u64>().ok()
        };
        let records = scene
            .log
            .events(Topic::AccessEvents)
            .await
            .unwrap_or_default();
        let records = records
            .iter()
            .filter(|(_, event)| event.complex.as_str() == "sunrise");
        let records = Some(records.count() as u64);
        size("checkpoint") == records && size("cosigned") == records
    })
    .await
}

async fn restart_projector(site: &mut Site) -> Result<()> {
    for part in site.running() {
        if matches!(part, Part::Projector | Part::ProjectorServe) {
            site.terminate(part).await?;
            site.start_part(part).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_witness_cosigns_what_grows_and_the_key_changes_meanwhile() -> Result<()> {
    let ground = Ground::prepare().await?;
    let folder = ground.site.dir.clone();
    let old = ground.site.keys.vkey.clone();
    let next_file = folder.join("next.key").display().to_string();
    let args = ["checkpoint-key", ORIGIN, "-o", &next_file];
    let new = printed(&tool::run("auditctl", args, &folder).await?);
    let mut witness = Witness::start(&folder.join("witness"), &[&old, &new]).await?;
    ground.configure(Part::Projector, |config| {
        section(config, "project").insert("witnesses".to_owned(), witness.section());
    })?;
    let mut scene = ground.build().await?;
    opens(&scene).await?;
    witnessed(&scene).await?;
    let by_it = ["--witness", &witness.vkey];
    let ended = verified(scene.site(), &old, &by_it).await?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.text);
    assert!(
        ended.text.contains("seen by 1 of 1 witnesses"),
        "{}",
        ended.text
    );
    let unknown = verified(scene.site(), &new, &[]).await?;
    assert_ne!(
        unknown.status.code(),
        Some(0),
        "the new key has signed nothing yet"
    );

    // Both sign: whoever has either key verifies every log, also those that nothing came to.
    let told = scene.site().keys.checkpoint_verifier.clone();
    std::fs::write(&told, format!("{old}\n{new}\n"))?;
    scene.ground.configure(Part::Projector, |config| {
        let next = Value::String(next_file.clone());
        section(config, "project").insert("next_signing_key".to_owned(), next);
    })?;
    restart_projector(scene.site_mut()).await?;
    wait_until(
        PATIENCE,
        "both signatures below every checkpoint",
        || async {
            let by_new = verified(scene.site(), &new, &[]).await;
            by_new.is_ok_and(|ended| ended.status.code() == Some(0))
        },
    )
    .await?;
    opens(&scene).await?;
    witnessed(&scene).await?;
    for key in [&old, &new] {
        let ended = verified(scene.site(), key, &by_it).await?;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.text);
    }

    // The new one alone.
    std::fs::write(&told, format!("{new}\n{old}\n"))?;
    scene.ground.configure(Part::Projector, |config| {
        let project = section(config, "project");
        project.remove("next_signing_key");
        project.insert("signing_key".to_owned(), Value::String(next_file.clone()));
    })?;
    restart_projector(scene.site_mut()).await?;
    opens(&scene).await?;
    witnessed(&scene).await?;
    let ended = verified(scene.site(), &new, &by_it).await?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.text);
    let gone = verified(scene.site(), &old, &[]).await?;
    assert_ne!(gone.status.code(), Some(0), "the old key signs no more");
    scene.site_mut().keys.vkey = new;
    let exited = witness.process.exited()?;
    assert!(exited.is_none(), "the witness went on: {exited:?}");
    witness.process.terminate().await.context("the witness")?;
    scene.finish().await
}
