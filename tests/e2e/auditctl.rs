//! `auditctl`: an auditor with the tiles and two keys proves what a site wrote, and then with an
//! archive alone, when the site is gone.

mod readers;

use std::path::Path;

use anyhow::{Context as _, Result};
use auditlog::CheckpointVerifier;
use domain::event::Body;
use domain::vocabulary::{Reason, Verdict};
use eventlog::Topic;
use futures::future::join_all;
use harness::clients::{channel, open_request, with_token};
use harness::process::wait_until;
use harness::site::Site;
use proto::access::resident_service_client::ResidentServiceClient;
use proto::access::{
    GetMyReceiptRequest, ListMyHistoryRequest, ListWhoLookedRequest, OpenRequest, Outcome,
};
use proto::events as pb;
use proto::events::change::Entity;

use crate::support::tool::{self, Ended};
use crate::support::{PATIENCE, Scene, registry};

const DOOR: &str = "sunrise.main-door";

/// An auditor's desk: what was given to them.
struct Desk {
    vkey: String,
    root: String,
    certificates: Vec<String>,
    folder: std::path::PathBuf,
}

impl Desk {
    fn new(site: &Site) -> Result<Self> {
        let folder = site.dir.join("auditor");
        std::fs::create_dir(&folder)?;
        let certificates = site.keys.record_certificates.iter();
        Ok(Self {
            vkey: site.keys.vkey.clone(),
            root: site.keys.record_root.to_string(),
            certificates: certificates
                .map(|file| file.display().to_string())
                .collect(),
            folder,
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    async fn run(&self, args: &[&str]) -> Result<Ended> {
        let args = [args, &["--key", &self.vkey]].concat();
        tool::run("auditctl", args, &self.folder).await
    }

    /// With the root of records' keys; certificates only where an archive doesn't bring them.
    async fn run_trusting(&self, args: &[&str], certificates: bool) -> Result<Ended> {
        let mut args = [args, &["--records-root", &self.root]].concat();
        for file in self.certificates.iter().filter(|_| certificates) {
            args.extend(["--records-certificate", file]);
        }
        self.run(&args).await
    }
}

fn ended(ended: &Ended, code: i32) -> &str {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.text);
    &ended.text
}

/// How many leaves the logs of a topic have, as their checkpoints say.
fn leaves(site: &Site, topic: Topic) -> Option<u64> {
    let folders = std::fs::read_dir(site.tiles().join(topic.name())).ok()?;
    let sizes = folders.map(|folder| {
        let note = std::fs::read_to_string(folder.ok()?.path().join("checkpoint")).ok()?;
        note.lines().nth(1)?.parse::<u64>().ok()
    });
    sizes.sum()
}

/// Waits until every record has its leaf.
async fn audited(scene: &Scene) -> Result<()> {
    wait_until(PATIENCE, "a leaf for each record", || async {
        for topic in [Topic::AccessEvents, Topic::RegistryEvents] {
            let ends = scene.log.ends(topic).await;
            let records = ends.map(|ends| ends.iter().sum()).ok();
            if records.is_none() || leaves(scene.site(), topic) != records {
                return false;
            }
        }
        true
    })
    .await
}

/// Opened, rejected, denied for several reasons, and a pass with one use that two presses want.
async fn a_day(scene: &Scene) -> Result<()> {
    let anna = scene.token("anna").await?;
    let grigory = scene.token("grigory").await?;
    for _ in 0..3 {
        scene.bff.open(&anna, open_request(DOOR)?).await?;
    }
    let (version, device) = registry::device(scene, DOOR).await?;
    let slow = pb::Device {
        cooldown_ms: 600_000,
        ..device.clone()
    };
    registry::put(scene, "sunrise", version, Entity::Device(slow)).await?;
    assert!(scene.bff.open(&anna, open_request(DOOR)?).await.is_err());
    registry::put(scene, "sunrise", version + 1, Entity::Device(device)).await?;
    assert!(scene.bff.open(&grigory, open_request(DOOR)?).await.is_err());
    let nowhere = OpenRequest {
        device_id: "sunrise.no-such-door".to_owned(),
        ..open_request(DOOR)?
    };
    assert!(scene.bff.open(&anna, nowhere).await.is_err());
    scene.partner.fail(DOOR, "reject", 1).await?;
    let rejected = scene.bff.open(&anna, open_request(DOOR)?).await?;
    assert_eq!(rejected.outcome(), Outcome::Rejected);
    let pass = registry::pass(scene, 1).await?;
    let requests = [open_request(DOOR)?, open_request(DOOR)?];
    let presses = requests.map(|request| scene.bff.open_with_pass(&pass, request));
    join_all(presses).await;
    scene.delivered().await
}

/// The event of a decision.
async fn decision(
    scene: &Scene,
    complex: &str,
    verdict: Verdict,
    reason: Reason,
) -> Result<String> {
    let events = scene.log.events(Topic::AccessEvents).await?;
    let found = events.iter().find(|(_, event)| {
        event.complex.as_str() == complex
            && matches!(&event.body, Body::AccessDecided(decided)
                if (decided.verdict, decided.reason) == (verdict, reason))
    });
    let (_, event) = found.with_context(|| format!("no {verdict} for {reason} in {complex}"))?;
    Ok(event.id.to_string())
}

/// Through the BFF: what is recorded of anna, a receipt that stands alone, and that an auditor looked.
async fn a_resident_proves_an_opening(scene: &Scene, desk: &Desk) -> Result<()> {
    let site = scene.site();
    let channel = channel(site, &site.ports.audit, Some(&site.certificates.bff)).await?;
    let mut residents = ResidentServiceClient::new(channel);
    let anna = scene.token("anna").await?;
    let asked = ListMyHistoryRequest {
        complex_id: "sunrise".to_owned(),
        outcome: Outcome::Executed.into(),
        ..ListMyHistoryRequest::default()
    };
    let mine = residents.list_my_history(with_token(asked, &anna)?).await?;
    let opened = mine
        .into_inner()
        .accesses
        .pop()
        .context("anna opened a door")?;
    let asked = GetMyReceiptRequest {
        complex_id: "sunrise".to_owned(),
        event_id: opened.event_id,
    };
    let receipt = residents.get_my_receipt(with_token(asked, &anna)?).await?;
    let file = desk.path("opening.receipt");
    std::fs::write(&file, receipt.into_inner().receipt)?;
    let verified = desk.run_trusting(&["verify-receipt", &file], true).await?;
    let subject = scene.registered.subject("anna")?;
    let text = ended(&verified, 0);
    assert!(
        text.contains(subject) && text.contains("the outcome was EXECUTED"),
        "{text}"
    );

    let looked = || async {
        let asked = ListWhoLookedRequest {
            complex_id: "sunrise".to_owned(),
            ..ListWhoLookedRequest::default()
        };
        let asked = with_token(asked, &anna).ok()?;
        let looks = residents.clone().list_who_looked(asked).await.ok()?;
        let mut looks = looks.into_inner().looks.into_iter();
        looks.find(|look| look.method() == pb::ReadMethod::LogEntries)
    };
    wait_until(PATIENCE, "the auditor's look", || async {
        looked().await.is_some()
    })
    .await?;
    let look = looked().await.context("the auditor's look")?;
    assert_eq!(look.reader(), pb::ActorKind::Auditor);
    Ok(())
}

#[tokio::test]
async fn what_a_site_wrote_is_proven_replayed_and_kept_without_it() -> Result<()> {
    let scene = Scene::start().await?;
    a_day(&scene).await?;
    audited(&scene).await?;
    let desk = Desk::new(scene.site())?;
    let tiles = scene.site().tiles().display().to_string();
    let denied = decision(&scene, "sunrise", Verdict::Deny, Reason::NoGrant).await?;
    decision(&scene, "sunrise", Verdict::Deny, Reason::Cooldown).await?;
    decision(&scene, "unassigned", Verdict::Deny, Reason::NoGrant).await?;
    let allowed = decision(&scene, "sunrise", Verdict::Allow, Reason::Granted).await?;

    let verified = desk.run_trusting(&["verify", &tiles], true).await?;
    let text = ended(&verified, 0);
    assert!(
        text.contains("PROVEN") && text.contains("Not proven"),
        "{text}"
    );
    let replayed = desk.run_trusting(&["replay", &tiles], true).await?;
    assert!(ended(&replayed, 0).contains("decisions follow from the records"));
    let found = desk
        .run(&["search", &tiles, "--outcome", "deny", "--jsonl"])
        .await?;
    assert!(ended(&found, 0).contains(&denied));

    // Served, the log is the same.
    let served = format!("https://localhost:{}", scene.site().ports.tiles.number());
    let (roots, token) = (
        scene.site().pki.bundle().display().to_string(),
        desk.path("token"),
    );
    std::fs::write(&token, scene.token("auditor").await?)?;
    let over_https = ["--ca", &roots, "--token-file", &token];
    let log = format!("{served}/access.events.v1/sunrise");
    let verify = [&["verify", &log], &over_https[..]].concat();
    let verified = desk.run_trusting(&verify, true).await?;
    assert!(ended(&verified, 0).contains("PROVEN"));
    let explain = ["explain", &served, &denied];
    let of = ["--log", "access.events.v1/sunrise"];
    let explain = [&explain[..], &of, &over_https].concat();
    let explained = desk.run_trusting(&explain, true).await?;
    assert!(
        ended(&explained, 0).contains("DENY, NO_GRANT"),
        "{}",
        explained.text
    );

    a_resident_proves_an_opening(&scene, &desk).await?;
    readers::take_an_archive(&scene, &desk, &over_https).await?;
    readers::read_on(&scene, &desk).await?;

    let state = desk.path("state");
    let file_url = format!("file://{tiles}/access.events.v1/sunrise");
    let watch = ["watch", &file_url, "--state", &state, "--once", "--json"];
    assert!(ended(&desk.run(&watch).await?, 0).contains("\"verdict\":\"proven\""));
    let seen = Path::new(&state).join("access.events.v1@sunrise.checkpoint");
    let before = desk.path("before.checkpoint");
    std::fs::copy(&seen, &before)?;
    scene
        .bff
        .open(&scene.token("anna").await?, open_request(DOOR)?)
        .await?;
    audited(&scene).await?;
    ended(&desk.run(&watch).await?, 0);
    let after = seen.display().to_string();
    let compared = desk.run(&["compare", &file_url, &before, &after]).await?;
    assert!(
        ended(&compared, 0).contains("continues it"),
        "{}",
        compared.text
    );

    let archive = desk.path("all.tar");
    ended(
        &desk
            .run_trusting(&["export", &tiles, "-o", &archive], true)
            .await?,
        0,
    );
    let proof = desk.path("denied.tlog-proof");
    ended(
        &desk.run(&["prove", &tiles, &denied, "-o", &proof]).await?,
        0,
    );
    // From here on there is nobody left to ask.
    std::fs::rename(scene.site().tiles(), desk.path("gone"))?;
    ended(&desk.run_trusting(&["verify", &archive], false).await?, 0);
    let replayed = desk
        .run_trusting(&["replay", &archive, "--json"], false)
        .await?;
    let count = scene.log.events(Topic::AccessEvents).await?;
    let count = count
        .iter()
        .filter(|(_, event)| matches!(event.body, Body::AccessDecided(_)));
    let text = ended(&replayed, 0);
    let least = count.count();
    let replayed: serde_json::Value = serde_json::from_str(
        text.lines()
            .find(|line| line.starts_with('{'))
            .context("no JSON")?,
    )?;
    assert!(
        replayed["decisions"].as_u64() >= Some(least as u64),
        "{text} {least}"
    );
    let explained = desk
        .run_trusting(&["explain", &archive, &denied], false)
        .await?;
    assert!(
        ended(&explained, 0).contains("DENY, NO_GRANT"),
        "{}",
        explained.text
    );
    let explained = desk
        .run_trusting(&["explain", &archive, &allowed], false)
        .await?;
    let text = ended(&explained, 0);
    assert!(
        text.contains("Perimeter:") && text.contains("Grant:"),
        "{text}"
    );
    ended(&desk.run(&["verify-proof", &proof]).await?, 0);

    let mut bytes = std::fs::read(&archive)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let changed = desk.path("changed.tar");
    std::fs::write(&changed, bytes)?;
    ended(&desk.run(&["verify", &changed]).await?, 1);
    let other = auditlog::CheckpointSigner::generate(harness::site::ORIGIN)?.0;
    let other = CheckpointVerifier::vkey(other.verifier());
    let forged = tool::run(
        "auditctl",
        ["verify", &archive, "--key", &other],
        &desk.folder,
    )
    .await?;
    ended(&forged, 1);
    std::fs::rename(desk.path("gone"), scene.site().tiles())?;
    scene.finish().await
}
