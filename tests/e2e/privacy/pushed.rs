//! A day in which everything personal goes through the system, where it belongs and where it does
//! not. Whatever anybody is answered is kept, to be looked through too.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::clients::{Operator, log_in, open_request, with_token};
use harness::fixtures::ANNAS_PLATE;
use harness::http;
use harness::site::USERS;
use privacy::Plate;
use proto::access::{
    AddPlateCredentialRequest, EnsureSubjectRequest, ListMyDevicesRequest, OpenRequest,
    OpenResponse, RequestContext,
};
use serde_json::json;
use tonic::Request;
use uuid::Uuid;

use super::canary::Canaries;
use crate::faces;
use crate::smarthomectl::{TOOL, configured};
use crate::support::sender::{Sender, granted};
use crate::support::{Scene, audit, tool};

const STRANGE_CAR: &str = "М456ОР 199";
const NAME: &str = "Аграфена Тихомирова";
const PHONE: &str = "+79161234567";
const MAIL: &str = "agrafena.tikhomirova@mail.example";
const NEWCOMER: &str = "user-6e0b-newcomer";
/// Base64 digits of a key's 32 bytes.
const KEY_DIGITS: usize = 44;

/// What went through.
pub(crate) struct Pushed {
    /// Must not be found.
    pub(crate) canaries: Canaries,
    /// Everything that anybody was answered.
    pub(crate) answers: String,
    /// Anna's opening, which must be found.
    pub(crate) opening: OpenResponse,
}

/// Pushes it through.
pub(crate) async fn push(scene: &Scene) -> Result<Pushed> {
    let mut pushed = Pushed {
        canaries: known(scene)?,
        answers: String::new(),
        opening: people(scene).await?,
    };
    cars(scene).await?;
    a_face(scene).await?;
    tokens(scene, &mut pushed).await?;
    misplaced(scene, &mut pushed.answers).await?;
    events(scene, &mut pushed.answers).await?;
    operators(scene, &mut pushed.answers).await?;
    scene.delivered().await?;
    let auditor = scene.auditor().await?;
    let record = audit::find(&auditor, "sunrise", "anna's opening", |record| {
        record.command_id == pushed.opening.command_id && record.outcome != 0
    })
    .await?;
    let seen = "the auditor sees who it was";
    ensure!(record.user_id == "user-7f3a-anna", seen);
    audit::get(&auditor, &record).await?;
    Ok(pushed)
}

/// What is known beforehand.
fn known(scene: &Scene) -> Result<Canaries> {
    let mut canaries = Canaries::default();
    for user in USERS {
        canaries.text(&format!("{}'s user id", user.username), user.sub);
        canaries.text(&format!("{}'s password", user.username), user.password);
    }
    canaries.text("a face's reference", faces::ANNAS_FACE);
    for (name, text) in [
        ("a name", NAME),
        ("a surname", "Тихомирова"),
        ("a phone number", PHONE),
        ("a phone number without its sign", "79161234567"),
        ("a mail address", MAIL),
        ("a newcomer's user id", NEWCOMER),
    ] {
        canaries.text(name, text);
    }
    for (name, plate) in [
        ("a resident's plate", ANNAS_PLATE),
        ("a strange plate", STRANGE_CAR),
    ] {
        canaries.text(name, plate);
        canaries.text(name, &plate.replace(' ', ""));
        canaries.text(name, Plate::parse(plate)?.expose());
    }
    let site = scene.site();
    let registered = &scene.registered;
    for pass in [&registered.guest, &registered.early_guest] {
        canaries.text("a pass secret", pass.expose());
    }
    let webhook = std::fs::read_to_string(&site.keys.webhook)?;
    canaries.text("the webhook secret", webhook.trim());
    let operators = std::fs::read_to_string(&site.keys.operators)?;
    canaries.text("the operators' private key", operators.trim());
    for ring in [
        &site.keys.lookup,
        &site.keys.identity,
        &site.keys.plate,
        &site.keys.token_key,
    ] {
        let text = std::fs::read_to_string(ring)?;
        let keys = text.split('"').filter(|part| part.len() == KEY_DIGITS);
        for key in keys {
            canaries.bytes("a key of a ring", &STANDARD.decode(key)?);
        }
    }
    Ok(canaries)
}

/// A resident opens, a stranger may not, guests come too early and in time.
async fn people(scene: &Scene) -> Result<OpenResponse> {
    let anna = scene.token("anna").await?;
    let door = || open_request("sunrise.main-door");
    let opening = scene.bff.open(&anna, door()?).await?;
    let stranger = scene.token("grigory").await?;
    let denied = scene.bff.open(&stranger, door()?).await;
    ensure!(denied.is_err(), "a stranger opened");
    let (guest, early) = (&scene.registered.guest, &scene.registered.early_guest);
    scene.bff.open_with_pass(guest, door()?).await?;
    let denied = scene.bff.open_with_pass(early, door()?).await;
    ensure!(denied.is_err(), "a guest came in too early");
    Ok(opening)
}

/// Cars before the camera.
async fn cars(scene: &Scene) -> Result<()> {
    for plate in [ANNAS_PLATE, STRANGE_CAR] {
        scene.partner.plate("sunrise.north-gate", plate).await?;
    }
    Ok(())
}

/// A face before a door.
async fn a_face(scene: &Scene) -> Result<()> {
    faces::record_basis(scene, "sunrise", true).await?;
    let door = ["sunrise.main-door".to_owned()];
    let wish = faces::wish(scene, "anna", "sunrise", &door)?;
    let mut operator = Operator::connect(scene.site()).await?;
    operator.registry.add_face_credential(wish).await?;
    let seen = scene.partner.face(&door[0], faces::ANNAS_FACE).await?;
    ensure!(seen["opened"] == json!(true), "{seen}");
    Ok(())
}

/// Tokens that are good, broken, and nobody's.
async fn tokens(scene: &Scene, pushed: &mut Pushed) -> Result<()> {
    for username in ["anna", "grigory", "operator", "auditor"] {
        let tokens = log_in(scene.site(), username).await?;
        let more = [tokens.refresh_token, tokens.id_token];
        for token in more.into_iter().flatten().chain([tokens.access_token]) {
            for suffix in ["", "x"] {
                let answer = scene
                    .bff
                    .open(
                        &format!("{token}{suffix}"),
                        open_request("sunrise.main-door")?,
                    )
                    .await;
                pushed.answers += &format!("{answer:?}\n");
            }
            // Of a JWS the signature is what nobody else knows.
            let secret = token.rsplit('.').next().unwrap_or(&token);
            let name = format!("a token of {username}");
            pushed.canaries.text(&name, secret);
        }
    }
    Ok(())
}

/// Data where none belongs: in every field and header of an open.
async fn misplaced(scene: &Scene, answers: &mut String) -> Result<()> {
    let anna = scene.token("anna").await?;
    let good = open_request("sunrise.main-door")?;
    let context = |app_version: &str| {
        Some(RequestContext {
            app_version: app_version.to_owned(),
            method: 0,
        })
    };
    for text in [NAME, PHONE, MAIL, ANNAS_PLATE, NEWCOMER] {
        let requests = [
            OpenRequest {
                device_id: text.to_owned(),
                ..good.clone()
            },
            OpenRequest {
                idempotency_key: text.to_owned(),
                ..good.clone()
            },
            OpenRequest {
                context: context(text),
                ..good.clone()
            },
        ];
        for request in requests {
            let answer = scene.bff.open(&anna, request).await;
            ensure!(answer.is_err(), "a request with {text} was carried out");
            *answers += &format!("{answer:?}\n");
        }
        let answer = scene.bff.command(&anna, text).await;
        *answers += &format!("{answer:?}\n");
    }
    let mut request = with_token(ListMyDevicesRequest {}, &anna)?;
    let headers = request.metadata_mut();
    for name in ["x-user-name", "user-agent", "traceparent", "baggage"] {
        headers.insert(name, MAIL.parse()?);
    }
    let answer = scene.bff.access.clone().list_my_devices(request).await;
    *answers += &format!("{answer:?}\n");
    for port in scene.admin() {
        let url = format!("http://{}/{PHONE}?phone={PHONE}", port.address());
        let answer = http::plain()?.get(url).header("x-mail", MAIL).send();
        *answers += &answer.await?.text().await?;
    }
    Ok(())
}

/// Events that say more than they may, and messages that are none.
async fn events(scene: &Scene, answers: &mut String) -> Result<()> {
    let site = scene.site();
    let partner = Sender::new(site, &site.certificates.partner)?;
    let places: [&[&str]; 6] = [
        &["owner_name"],
        &["data", "owner_name"],
        &["data", "plate"],
        &["data", "credential"],
        &["data", "occurred_at"],
        &["data", "device"],
    ];
    let mut sequence = 0;
    for text in [NAME, PHONE, MAIL, ANNAS_PLATE] {
        for place in places {
            let mut event = granted(sequence);
            sequence += 1;
            let mut member = &mut event;
            for name in place {
                member = &mut member[name];
            }
            *member = json!(text);
            let verdict = partner.verdict(&event).await?;
            ensure!(verdict["verdict"] == "rejected", "{place:?}: {verdict}");
            *answers += &verdict.to_string();
        }
        for (body, sign) in [
            (
                json!({ "specversion": "1.0", "id": text }).to_string(),
                true,
            ),
            (format!("{{\"{text}\""), true),
            (format!("{{\"{text}\""), false),
        ] {
            let event = json!({ "body": body, "sign": sign });
            *answers += &scene.partner.post("/events/raw", event).await?.to_string();
        }
    }
    Ok(())
}

/// Operators register people and cars, and make mistakes.
async fn operators(scene: &Scene, answers: &mut String) -> Result<()> {
    let site = scene.site();
    let mut operator = Operator::connect(site).await?;
    let issuer = site.issuer()?.as_str().trim_end_matches('/').to_owned();
    let newcomer = EnsureSubjectRequest {
        issuer: issuer.clone(),
        user_id: NEWCOMER.to_owned(),
    };
    operator.registry.ensure_subject(newcomer).await?;
    for (subject_ref, plate) in [
        (NAME, ANNAS_PLATE),
        (scene.registered.subject("anna")?, NAME),
        (scene.registered.subject("anna")?, PHONE),
    ] {
        let request = AddPlateCredentialRequest {
            complex_id: "sunrise".to_owned(),
            credential_id: Uuid::new_v4().to_string(),
            plate: plate.to_owned(),
            subject_ref: subject_ref.to_owned(),
            device_ids: vec!["sunrise.north-gate".to_owned()],
            window: None,
        };
        let answer = operator
            .registry
            .add_plate_credential(Request::new(request));
        *answers += &format!("{:?}\n", answer.await);
    }
    let file = site.dir.join("residents.csv");
    let csv = format!(
        "issuer,user_id,role\n{issuer},{NEWCOMER},OWNER\n{issuer},user-6e0b-other,{NAME}\n\
         {PHONE},{MAIL},OWNER,{ANNAS_PLATE}\n{issuer},\"{NAME},OWNER\n"
    );
    std::fs::write(&file, csv)?;
    let config = configured(site, "canary", &site.certificates.operator).await?;
    let path = |path: &std::path::Path| path.to_str().map(str::to_owned).context("UTF-8");
    let (file, config) = (path(&file)?, path(&config)?);
    let args = [
        "import", "sunrise", &file, "--config", &config, "--note", "a day",
    ];
    let logs = site.dir.join("logs");
    for more in [&[][..], &["--skip-bad"]] {
        let ended = tool::run(TOOL, args.iter().chain(more), &logs).await?;
        *answers += &ended.text;
    }
    Ok(())
}
