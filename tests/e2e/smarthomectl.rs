//! `smarthomectl`: the operators' command line, against a site where nothing is registered yet.

mod credential;
mod import;
mod login;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use harness::clients::{Operator, log_in};
use harness::pki::Issued;
use harness::process::{Process, Spec, wait_until};
use harness::site::{OPERATOR, Site};
use proto::access::{ApplyRequest, GetComplexRequest};
use proto::events as pb;
use proto::events::change::Entity;
use uuid::Uuid;

use crate::support::terminal::Terminal;
use crate::support::tool::{self, Ended};
use crate::support::{Ground, PATIENCE};

pub(crate) const TOOL: &str = "smarthomectl";
const BARRIER: &str = "meadow.yard-barrier";

/// A running site with the tool's files.
struct Desk {
    ground: Ground,
    config: PathBuf,
    /// A copy of the example.
    files: PathBuf,
}

impl Desk {
    async fn set_up() -> Result<Self> {
        let mut ground = Ground::prepare().await?;
        ground.site.start(|_| {}).await?;
        let site = &ground.site;
        let config = configured(site, "operator", &site.certificates.operator).await?;
        let files = site.dir.join("registry");
        std::fs::create_dir(&files)?;
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/smarthomectl/example");
        for file in std::fs::read_dir(example)? {
            let file = file?;
            std::fs::copy(file.path(), files.join(file.file_name()))?;
        }
        Ok(Self {
            ground,
            config,
            files,
        })
    }

    fn site(&self) -> &Site {
        &self.ground.site
    }

    /// Runs the tool to its end.
    async fn run(&self, args: &[&str]) -> Result<Ended> {
        let config = self.config.to_str().context("a path in UTF-8")?;
        let args = args.iter().copied().chain(["--config", config]);
        tool::run(TOOL, args, &self.site().dir.join("logs")).await
    }

    /// `apply` of the folder.
    async fn apply(&self, more: &[&str]) -> Result<Ended> {
        let files = self.files.to_str().context("a path in UTF-8")?;
        self.run(&[&["apply", "-f", files], more].concat()).await
    }

    /// `apply` of the folder at a terminal, up to its question.
    async fn apply_at(&self, terminal: &Terminal) -> Result<Process> {
        let log = self.site().dir.join(format!("logs/{}.out", Uuid::new_v4()));
        let spec = Spec::workspace(TOOL, &log)?
            .args(["apply", "-f"])
            .arg(&self.files)
            .arg("--config")
            .arg(&self.config)
            .stdin(terminal.path());
        up_to_the_question(&spec).await
    }

    /// Changes a file of the folder.
    fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let file = self.files.join(file);
        let text = std::fs::read_to_string(&file)?;
        assert!(text.contains(from), "{from}");
        Ok(std::fs::write(file, text.replace(from, to))?)
    }

    /// The barrier as it is registered.
    async fn barrier(&self) -> Result<(u64, pb::Device)> {
        let mut operator = Operator::connect(self.site()).await?;
        let request = GetComplexRequest {
            complex_id: "meadow".to_owned(),
            ..GetComplexRequest::default()
        };
        let entities = operator.registry.get_complex(request).await?.into_inner();
        let found = entities.entities.into_iter().find_map(|entity| {
            match entity.entity.and_then(|change| change.entity) {
                Some(Entity::Device(device)) if device.device_id == BARRIER => {
                    Some((entity.version, device))
                }
                _ => None,
            }
        });
        found.context("the barrier")
    }

    /// Somebody else changes the barrier.
    async fn disable_barrier(&self) -> Result<()> {
        let (expected_version, device) = self.barrier().await?;
        let request = ApplyRequest {
            complex_id: "meadow".to_owned(),
            idempotency_key: Uuid::new_v4().to_string(),
            note: "out of order".to_owned(),
            changes: vec![pb::Change {
                expected_version,
                entity: Some(Entity::Device(pb::Device {
                    enabled: false,
                    ..device
                })),
            }],
        };
        let mut operator = Operator::connect(self.site()).await?;
        operator.registry.apply(request).await?;
        Ok(())
    }
}

/// Starts the tool, up to its question or its end.
async fn up_to_the_question(spec: &Spec) -> Result<Process> {
    let mut process = Process::spawn(spec)?;
    wait_until(PATIENCE, "the question", || {
        let asked = process.log_tail(1).contains("Only `yes` will do: ");
        let over = !matches!(process.exited(), Ok(None));
        async move { asked || over }
    })
    .await?;
    Ok(process)
}

/// A configuration file for a client certificate, and the token of the operator of everything.
pub(crate) async fn configured(site: &Site, name: &str, issued: &Issued) -> Result<PathBuf> {
    configured_as(site, name, issued, OPERATOR).await
}

/// The same, for an operator of less.
pub(crate) async fn configured_as(
    site: &Site,
    name: &str,
    issued: &Issued,
    username: &str,
) -> Result<PathBuf> {
    let token_file = site.dir.join(format!("{name}.token"));
    let token = log_in(site, username).await?.access_token;
    std::fs::write(&token_file, token)?;
    std::fs::set_permissions(&token_file, Permissions::from_mode(0o600))?;
    let file = site.dir.join(format!("{name}.toml"));
    let config = format!(
        "endpoint = \"https://localhost:{}\"\ntoken_file = {token_file:?}\n[tls]\ncertificate = {:?}\nprivate_key = {:?}\n\
         server_roots = {:?}\n",
        site.ports.registry.number(),
        issued.certificate,
        issued.private_key,
        site.pki.bundle(),
    );
    std::fs::write(&file, config)?;
    Ok(file)
}

#[track_caller]
fn ended(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.text);
    for text in texts {
        assert!(ended.text.contains(text), "{text:?} in {}", ended.text);
    }
}

#[tokio::test]
async fn what_was_applied_is_printed_and_is_then_nothing_to_do() -> Result<()> {
    let desk = Desk::set_up().await?;
    let first = desk
        .apply(&["--yes", "--note", "the first complex"])
        .await?;
    let plan = "Plan: 12 to create, 0 to change, 0 unchanged.";
    ended(
        &first,
        0,
        &["+ Device meadow.main-door", plan, "global: ", "meadow: "],
    );
    let nothing = [
        "Plan: 0 to create, 0 to change, 12 unchanged.",
        "Nothing to do.",
    ];
    ended(&desk.apply(&["--yes"]).await?, 0, &nothing);

    // What is printed takes the example's place.
    for format in ["yaml", "json"] {
        std::fs::remove_dir_all(&desk.files)?;
        std::fs::create_dir(&desk.files)?;
        for complex in ["global", "meadow"] {
            let printed = desk.run(&["get", complex, "-o", format]).await?;
            ended(&printed, 0, &[]);
            let file = desk.files.join(format!("{complex}.{format}"));
            std::fs::write(file, printed.text)?;
        }
        ended(&desk.apply(&[]).await?, 0, &nothing);
    }
    assert_eq!(desk.barrier().await?.0, 1);
    ended(
        &desk.run(&["get", "sunrise"]).await?,
        1,
        &["no complex sunrise"],
    );
    desk.ground.finish().await
}

#[tokio::test]
async fn a_change_is_shown_asked_about_and_never_laid_over_another() -> Result<()> {
    let desk = Desk::set_up().await?;
    ended(&desk.apply(&["--yes"]).await?, 0, &[]);
    desk.edit("meadow.yaml", "cooldown_ms: 3000", "cooldown_ms: 5000")?;
    let shown = ["~ Device meadow.yard-barrier", "~ cooldown_ms: 3000 → 5000"];
    ended(&desk.apply(&["--dry-run"]).await?, 0, &shown);
    ended(&desk.apply(&[]).await?, 1, &["--yes"]);
    let mut terminal = Terminal::open()?;
    let mut refused = desk.apply_at(&terminal).await?;
    terminal.enter("no")?;
    assert_eq!(refused.wait_exit(PATIENCE).await?.code(), Some(1));
    assert_eq!(desk.barrier().await?.0, 1, "nothing was changed so far");

    let mut late = desk.apply_at(&terminal).await?;
    desk.disable_barrier().await?;
    terminal.enter("yes")?;
    let status = late.wait_exit(PATIENCE).await?;
    let text = std::fs::read_to_string(late.log())?;
    let late = Ended { status, text };
    let told = "somebody else changed Device meadow.yard-barrier meanwhile";
    ended(&late, 1, &["not applied: meadow", told, "run again"]);
    let (version, barrier) = desk.barrier().await?;
    assert_eq!(
        (version, barrier.cooldown_ms, barrier.enabled),
        (2, 3000, false)
    );

    let shown = ["~ cooldown_ms: 3000 → 5000", "~ enabled: false → true"];
    let mut again = desk.apply_at(&terminal).await?;
    terminal.enter("yes")?;
    let status = again.wait_exit(PATIENCE).await?;
    let text = std::fs::read_to_string(again.log())?;
    ended(&Ended { status, text }, 0, &shown);
    let (version, barrier) = desk.barrier().await?;
    assert_eq!(
        (version, barrier.cooldown_ms, barrier.enabled),
        (3, 5000, true)
    );
    desk.ground.finish().await
}

#[tokio::test]
async fn the_history_tells_who_changed_what_and_why() -> Result<()> {
    let desk = Desk::set_up().await?;
    ended(
        &desk
            .apply(&["--yes", "--note", "the first complex"])
            .await?,
        0,
        &[],
    );
    desk.disable_barrier().await?;
    let whole = desk.run(&["history", "meadow"]).await?;
    let told = [
        "note: the first complex",
        "note: out of order",
        "kind: Complex",
    ];
    ended(&whole, 0, &told);
    let barrier = desk
        .run(&["history", "meadow", "device", BARRIER, "-o", "json"])
        .await?;
    ended(&barrier, 0, &[]);
    let entries: serde_json::Value = serde_json::from_str(&barrier.text)?;
    let entries = entries.as_array().context("an array")?;
    let versions: Vec<_> = entries
        .iter()
        .map(|entry| &entry["changes"][0]["version"])
        .collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(entries[1]["changes"][0]["to"]["enabled"], false);
    assert_eq!(entries[1]["note"], "out of order");
    let wrong = ["history", "meadow", "grant", "yard-barrier"];
    ended(&desk.run(&wrong).await?, 2, &["no id of a grant"]);
    ended(&desk.run(&["history", "sunrise"]).await?, 1, &["NotFound"]);
    desk.ground.finish().await
}

#[tokio::test]
async fn wrong_files_and_strangers_change_nothing() -> Result<()> {
    let mut desk = Desk::set_up().await?;
    desk.edit("meadow.yaml", "type: BARRIER", "type: SLUICE")?;
    desk.edit("people.yaml", "role: OWNER", "role: LANDLORD")?;
    let wrong = [
        "meadow.yaml:",
        "expected INTERCOM",
        "people.yaml:",
        "expected OWNER",
    ];
    ended(&desk.apply(&["--yes"]).await?, 2, &wrong);
    desk.edit("meadow.yaml", "type: SLUICE", "type: BARRIER")?;
    desk.edit("people.yaml", "role: LANDLORD", "role: OWNER")?;
    desk.edit(
        "meadow.yaml",
        "partner_id: gatekeeper",
        "partner_id: locksmith",
    )?;
    ended(&desk.apply(&["--yes"]).await?, 2, &["no partner locksmith"]);
    desk.edit(
        "meadow.yaml",
        "partner_id: locksmith",
        "partner_id: gatekeeper",
    )?;

    let operator = std::mem::replace(
        &mut desk.config,
        configured(&desk.ground.site, "bff", &desk.ground.site.certificates.bff).await?,
    );
    ended(&desk.apply(&["--yes"]).await?, 1, &["PermissionDenied"]);
    desk.config = desk.site().dir.join("missing.toml");
    ended(&desk.apply(&["--yes"]).await?, 2, &["missing.toml"]);
    desk.config = operator;
    ended(
        &desk.run(&["get", "meadow"]).await?,
        1,
        &["no complex meadow"],
    );
    desk.ground.finish().await
}
