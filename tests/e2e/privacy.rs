//! Canaries: no plate, user id, secret or token is in what is stored, logged or counted.

use std::path::{Path, PathBuf};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use eventlog::Topic;
use harness::clients::{Operator, log_in, open_request};
use harness::fixtures::ANNAS_PLATE;
use harness::site::USERS;
use proto::access::{OpenRequest, OpenResponse};

use crate::faces;
use crate::support::{Ground, Scene, audit};

/// Something that must not be found, and a name for it.
type Canary = (String, Vec<u8>);

#[tokio::test]
async fn nothing_personal_is_stored_logged_or_counted() -> Result<()> {
    let scene = Ground::prepare_embedded().await?.build().await?;
    nothing_personal(scene, "log.db", "views.db").await
}

/// Plays a day and looks through every file of the site; `log` and `views` name the files of the
/// engines, or the folders that they are in.
pub(crate) async fn nothing_personal(mut scene: Scene, log: &str, views: &str) -> Result<()> {
    let mut canaries = fixed(&scene)?;
    let answer = day(&scene, &mut canaries).await?;
    let metrics = metrics(&scene).await?;
    let records = records(&scene).await?;
    scene.site_mut().stop().await?;

    let mut places = vec![
        ("metrics".into(), metrics),
        ("every record of the log".into(), records),
    ];
    let dir = scene.site().dir.clone();
    for folder in ["data", "logs", "engines"] {
        let folder = dir.join(folder);
        if folder.is_dir() {
            read_all(&folder, &mut places)?;
        }
    }
    for name in [
        log,
        views,
        "partner.db",
        "openings.jsonl",
        "command-svc.log",
        "checkpoint",
    ] {
        let there = places
            .iter()
            .any(|(place, _)| place.to_string_lossy().contains(name));
        assert!(there, "{name} was not looked at");
    }
    for (place, bytes) in &places {
        for (name, canary) in &canaries {
            assert!(!contains(bytes, canary), "{name} is in {}", place.display());
        }
    }

    // The search finds what is there: the command's id in text, a device, a counter.
    let found = |name: &str, marker: &str| {
        let mut places = places
            .iter()
            .filter(|(place, _)| place.to_string_lossy().contains(name));
        places.any(|(_, bytes)| contains(bytes, marker.as_bytes()))
    };
    for name in [
        log,
        "openings.jsonl",
        "command-svc.log",
        "tiles/access",
        "every record",
    ] {
        assert!(
            found(name, &answer.command_id),
            "the command is not found in {name}"
        );
    }
    assert!(found(views, "sunrise.main-door"));
    assert!(found("partner.db", "SQLite format 3"));
    assert!(found("metrics", "decisions_total"));
    scene.finish().await
}

/// What is known beforehand.
fn fixed(scene: &Scene) -> Result<Vec<Canary>> {
    let mut canaries: Vec<Canary> = Vec::new();
    let mut add =
        |name: &str, text: &str| canaries.push((name.to_owned(), text.as_bytes().to_vec()));
    for user in USERS {
        add(&format!("{}'s user id", user.username), user.sub);
        add(&format!("{}'s password", user.username), user.password);
    }
    let plate = privacy::Plate::parse(ANNAS_PLATE)?;
    for (name, text) in [
        ("the plate as typed", ANNAS_PLATE.to_owned()),
        ("the plate without a space", ANNAS_PLATE.replace(' ', "")),
        ("the plate, normalised", plate.expose().to_owned()),
        (
            "the plate, normalised, small",
            plate.expose().to_lowercase(),
        ),
        ("a face's reference", faces::ANNAS_FACE.to_owned()),
        ("the strange car's plate", "М456ОР".to_owned()),
        ("the strange car's plate, normalised", "M456OP".to_owned()),
    ] {
        add(name, &text);
    }
    let secrets = [
        ("a pass secret", scene.registered.guest.expose().to_owned()),
        (
            "another pass secret",
            scene.registered.early_guest.expose().to_owned(),
        ),
        (
            "the webhook secret",
            std::fs::read_to_string(&scene.site().keys.webhook)?,
        ),
    ];
    for (name, text) in &secrets {
        add(name, text.trim());
    }
    for (name, text) in &secrets[..2] {
        // The secret itself, of which the text is base64url.
        canaries.push((format!("{name}, its bytes"), URL_SAFE_NO_PAD.decode(text)?));
    }
    for (name, bytes) in canaries.clone() {
        canaries.push((format!("{name}, in base64"), inner_base64(&bytes)));
    }
    Ok(canaries)
}

/// The part of the base64 that depends on these bytes alone, where they stand at the start.
fn inner_base64(bytes: &[u8]) -> Vec<u8> {
    let whole = bytes.len() / 3 * 3;
    STANDARD.encode(&bytes[..whole]).into_bytes()
}

/// Everything that touches personal data: logins, opens, denials, a guest, cars, wrong
/// requests with names in them, an auditor's look.
async fn day(scene: &Scene, canaries: &mut Vec<Canary>) -> Result<OpenResponse> {
    let tokens = log_in(scene.site(), "anna").await?;
    let answer = scene
        .bff
        .open(&tokens.access_token, open_request("sunrise.main-door")?)
        .await?;
    let stranger = scene.token("grigory").await?;
    let denied = scene
        .bff
        .open(&stranger, open_request("sunrise.main-door")?)
        .await;
    assert!(denied.is_err());
    let (guest, early) = (&scene.registered.guest, &scene.registered.early_guest);
    scene
        .bff
        .open_with_pass(guest, open_request("sunrise.main-door")?)
        .await?;
    assert!(
        scene
            .bff
            .open_with_pass(early, open_request("sunrise.main-door")?)
            .await
            .is_err()
    );
    faces::record_basis(scene, "sunrise", true).await?;
    let door = ["sunrise.main-door".to_owned()];
    let wish = faces::wish(scene, "anna", "sunrise", &door)?;
    let mut operator = Operator::connect(scene.site()).await?;
    operator.registry.add_face_credential(wish).await?;
    let seen = scene.partner.face(&door[0], faces::ANNAS_FACE).await?;
    assert_eq!(seen["opened"], serde_json::json!(true));
    for plate in [ANNAS_PLATE, "М456ОР 199"] {
        scene.partner.plate("sunrise.north-gate", plate).await?;
    }
    // Data where none belongs.
    let misplaced = OpenRequest {
        device_id: ANNAS_PLATE.to_owned(),
        ..open_request("sunrise.main-door")?
    };
    assert!(
        scene
            .bff
            .open(&tokens.access_token, misplaced)
            .await
            .is_err()
    );
    let broken = format!("{}x", tokens.access_token);
    assert!(
        scene
            .bff
            .open(&broken, open_request("sunrise.main-door")?)
            .await
            .is_err()
    );
    let event = serde_json::json!({
        "body": format!("{{\"specversion\":\"1.0\",\"id\":\"{ANNAS_PLATE}\"}}"), "sign": true,
    });
    scene.partner.post("/events/raw", event).await?;

    scene.delivered().await?;
    let auditor = scene.auditor().await?;
    let record = audit::find(&auditor, "sunrise", "anna's opening", |record| {
        record.command_id == answer.command_id && record.outcome != 0
    })
    .await?;
    assert_eq!(
        record.user_id, "user-7f3a-anna",
        "the auditor sees who it was"
    );
    audit::get(&auditor, &record).await?;
    for (name, token) in [
        ("an access token", Some(&tokens.access_token)),
        ("a refresh token", tokens.refresh_token.as_ref()),
        ("an ID token", tokens.id_token.as_ref()),
        ("a stranger's access token", Some(&stranger)),
    ] {
        if let Some(token) = token {
            // Of a JWS the signature is what nobody else knows.
            let secret = token.rsplit('.').next().unwrap_or(token);
            canaries.push((name.to_owned(), secret.as_bytes().to_vec()));
        }
    }
    Ok(answer)
}

/// What each process counts.
async fn metrics(scene: &Scene) -> Result<Vec<u8>> {
    let mut all = String::new();
    for port in scene.admin() {
        let url = format!("http://{}/metrics", port.address());
        all += &harness::http::plain()?
            .get(url)
            .send()
            .await?
            .text()
            .await?;
    }
    Ok(all.into_bytes())
}

/// The log's content as its readers get it: a page boundary hides nothing here.
async fn records(scene: &Scene) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for topic in Topic::ALL {
        for record in scene.log.records(topic).await? {
            all.extend_from_slice(&record.key);
            for (name, value) in &record.headers {
                all.extend_from_slice(name.as_bytes());
                all.extend_from_slice(value);
            }
            all.extend_from_slice(record.value.as_deref().unwrap_or_default());
        }
    }
    Ok(all)
}

/// Every file below a folder.
fn read_all(folder: &Path, places: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path, places)?;
        } else {
            let mut bytes = std::fs::read(&path)?;
            // Engines set space aside.
            let end = bytes.iter().rposition(|byte| *byte != 0);
            bytes.truncate(end.map_or(0, |last| last + 1));
            places.push((path, bytes));
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && memchr::memmem::find(bytes, needle).is_some()
}
