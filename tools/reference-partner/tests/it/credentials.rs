//! Token keys, credentials, plates, the attestation.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{COMMAND_SVC, Caller, Running, Site, in_seconds, problem};

pub const GATE: &str = "sunrise.north-gate";
pub const PLATE: &str = "А123ВС777";

pub struct Scene {
    pub site: Site,
    pub running: Running,
    pub caller: Caller,
    pub token: String,
}

pub async fn scene(site: Site) -> Scene {
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token("credentials:write", "sunrise").await;
    Scene {
        site,
        running,
        caller,
        token,
    }
}

impl Scene {
    pub async fn attestation(&self) -> Value {
        let (_, answer) = self
            .caller
            .ask_token("command-svc", "attestation:read", None)
            .await;
        let token = answer["access_token"].as_str().unwrap();
        self.caller
            .call(Method::GET, "/v1/security/attestation", token, None)
            .await
            .1
    }

    pub async fn wrap(&self, key: &[u8], version: u32, complex: &str) -> Value {
        let attestation = self.attestation().await;
        let statement: Value = serde_json::from_slice(&decode(&attestation["statement"])).unwrap();
        let public = decode(&statement["wrapping_key"]["public"]);
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&public).unwrap();
        let info = format!("smarthome token-key v1|{complex}|{version}");
        let (enc, wrapped) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            info.as_bytes(),
            key,
            b"",
        )
        .unwrap();
        json!({"key_version": version, "enc": BASE64URL.encode(enc.to_bytes()), "wrapped": BASE64URL.encode(wrapped)})
    }

    pub async fn put_key(&self, body: Value) -> (StatusCode, Value) {
        self.caller
            .call(
                Method::PUT,
                "/v1/complexes/sunrise/token-key",
                &self.token,
                Some(body),
            )
            .await
    }

    pub async fn put(&self, id: Uuid, body: Value) -> (StatusCode, Value) {
        let path = format!("/v1/complexes/sunrise/credentials/{id}");
        self.caller
            .call(Method::PUT, &path, &self.token, Some(body))
            .await
    }

    pub async fn drive_up(&self, plate: &str) -> Value {
        self.running
            .post(
                &format!("/control/devices/{GATE}/plate"),
                json!({"plate": plate}),
            )
            .await
    }
}

pub fn decode(text: &Value) -> Vec<u8> {
    BASE64URL.decode(text.as_str().unwrap()).unwrap()
}

pub fn token(key: &[u8], normalised: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    BASE64URL.encode(hmac::sign(&key, normalised.as_bytes()))
}

pub fn credential(key: &[u8], version: u32) -> Value {
    json!({
        "kind": "plate",
        "tokens": [{"key_version": version, "token": token(key, "A123BC777")}],
        "window": {"not_before": in_seconds(-60).to_string(), "not_after": in_seconds(3600).to_string()},
        "devices": [GATE],
    })
}

#[tokio::test]
async fn a_known_plate_opens_and_is_told_by_its_credential_only() {
    let scene = scene(Site::new(None)).await;
    let key = [42; 32];
    let (status, held) = scene.put_key(scene.wrap(&key, 1, "sunrise").await).await;
    assert_eq!(
        (status, &held["key_versions"]),
        (StatusCode::OK, &json!([1]))
    );
    let id = Uuid::new_v4();
    assert_eq!(
        scene.put(id, credential(&key, 1)).await.0,
        StatusCode::NO_CONTENT
    );

    let passed = scene.drive_up(" а123вс 777").await;
    assert_eq!(
        (&passed["opened"], &passed["credential_id"]),
        (&json!(true), &json!(id.to_string()))
    );
    let passed = scene.drive_up("X999XX99").await;
    assert_eq!(
        (&passed["opened"], &passed["credential_id"]),
        (&json!(false), &Value::Null)
    );
    scene
        .running
        .post("/control/clock", json!({"offset_seconds": 7200}))
        .await;
    assert_eq!(
        scene.drive_up(PLATE).await["opened"],
        false,
        "outside the window"
    );
    scene
        .running
        .post("/control/clock", json!({"offset_seconds": 0}))
        .await;

    let journal = scene.running.get("/control/journal").await;
    let openings = journal["openings"].as_array().unwrap();
    assert_eq!(openings.len(), 1);
    assert_eq!(
        (&openings[0]["method"], &openings[0]["command_id"]),
        (&json!("plate"), &Value::Null)
    );

    let path = format!("/v1/complexes/sunrise/credentials/{id}");
    for _ in 0..2 {
        let (status, _) = scene
            .caller
            .call(Method::DELETE, &path, &scene.token, None)
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    assert_eq!(scene.drive_up(PLATE).await["opened"], false, "deleted");
}

#[tokio::test]
async fn key_versions_change_without_a_gap_and_never_back() {
    let scene = scene(Site::new(None)).await;
    let keys = [[1; 32], [2; 32], [3; 32]];
    let first = scene.wrap(&keys[0], 1, "sunrise").await;
    scene.put_key(first.clone()).await;
    let id = Uuid::new_v4();
    scene.put(id, credential(&keys[0], 1)).await;
    scene
        .put_key(scene.wrap(&keys[1], 2, "sunrise").await)
        .await;
    assert_eq!(
        scene.drive_up(PLATE).await["opened"],
        true,
        "the old version still matches"
    );
    let mut both = credential(&keys[0], 1);
    both["tokens"]
        .as_array_mut()
        .unwrap()
        .push(json!({"key_version": 2, "token": token(&keys[1], "A123BC777")}));
    assert_eq!(scene.put(id, both).await.0, StatusCode::NO_CONTENT);
    let (_, held) = scene
        .put_key(scene.wrap(&keys[2], 3, "sunrise").await)
        .await;
    assert_eq!(held["key_versions"], json!([2, 3]));
    assert_eq!(
        scene.drive_up(PLATE).await["opened"],
        true,
        "the middle version matches"
    );

    let (status, answer) = scene.put_key(first).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::CONFLICT, &problem("key-version-conflict"))
    );
    let (status, _) = scene
        .put_key(scene.wrap(&keys[0], 3, "sunrise").await)
        .await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "another key under a version that is held"
    );
    let (status, _) = scene
        .put_key(scene.wrap(&keys[2], 3, "sunrise").await)
        .await;
    assert_eq!(status, StatusCode::OK, "the same again changes nothing");
    let (status, answer) = scene.put(id, credential(&keys[0], 1)).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::CONFLICT, &problem("unknown-key-version"))
    );
    for (key, version, complex) in [
        (&keys[0][..], 4, "moonrise"),
        (&keys[0][..31], 4, "sunrise"),
    ] {
        let (status, answer) = scene.put_key(scene.wrap(key, version, complex).await).await;
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &problem("unwrap-failed"))
        );
    }
}

#[tokio::test]
async fn a_face_opens_by_its_own_credential_and_at_its_hours_only() {
    let scene = scene(Site::new(None)).await;
    let key = [42; 32];
    scene.put_key(scene.wrap(&key, 1, "sunrise").await).await;
    let zone = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
    let now = zone.to_datetime(jiff::Timestamp::now());
    let (today, tomorrow) = (
        now.weekday().to_monday_one_offset(),
        now.weekday().next().to_monday_one_offset(),
    );
    let face = |kind: &str, text: &str, weekdays: [i8; 2]| {
        json!({
            "kind": kind,
            "tokens": [{"key_version": 1, "token": token(&key, text)}],
            "window": {"weekdays": weekdays, "time_zone": "Europe/Moscow"},
            "devices": [GATE],
        })
    };
    // Midnight may be near: today and tomorrow.
    let body = face("face", "smarthome face v1\0gk-1", [today, tomorrow]);
    let id = Uuid::new_v4();
    assert_eq!(scene.put(id, body.clone()).await.0, StatusCode::NO_CONTENT);
    // The same tokens under the other kind, and a plate that is written like the face.
    let disguised = face("plate", "smarthome face v1\0gk-2", [today, tomorrow]);
    scene.put(Uuid::new_v4(), disguised).await;
    let plate = face("face", "A123BC777", [today, tomorrow]);
    scene.put(Uuid::new_v4(), plate).await;
    let show = async |reference: &str| {
        let path = format!("/control/devices/{GATE}/face");
        scene
            .running
            .post(&path, json!({ "reference": reference }))
            .await
    };
    let seen = show("gk-1").await;
    assert_eq!(
        (&seen["opened"], &seen["credential_id"]),
        (&json!(true), &json!(id.to_string()))
    );
    assert_eq!(show("gk-2").await["opened"], false);
    assert_eq!(show("A123BC777").await["opened"], false);
    assert_eq!(scene.drive_up(PLATE).await["opened"], false);
    let journal = scene.running.get("/control/journal").await;
    assert_eq!(journal["openings"][0]["method"], "face");

    let path = "/v1/complexes/sunrise/credentials";
    let (_, page) = scene
        .caller
        .call(Method::GET, path, &scene.token, None)
        .await;
    let listed = page["credentials"].as_array().unwrap();
    let listed = listed
        .iter()
        .find(|one| one["credential"] == id.to_string());
    let listed = listed.unwrap();
    assert_eq!(listed["kind"], "face");
    assert_eq!(listed["window"]["weekdays"], body["window"]["weekdays"]);
    assert_eq!(listed["window"]["time_zone"], "Europe/Moscow");

    // Two days on it is neither today nor tomorrow.
    let later = json!({"offset_seconds": 2 * 24 * 3600});
    scene.running.post("/control/clock", later).await;
    assert_eq!(show("gk-1").await["opened"], false);
}

#[tokio::test]
async fn a_credential_has_no_room_for_a_person() {
    let scene = scene(Site::new(None)).await;
    let key = [5; 32];
    scene.put_key(scene.wrap(&key, 1, "sunrise").await).await;
    let id = Uuid::new_v4();
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 11] = [
        (|c| c["name"] = json!("CANARY"), ""),
        (|c| c["window"]["owner"] = json!("CANARY"), "/window"),
        (|c| c["tokens"][0]["plate"] = json!("CANARY"), "/tokens/0"),
        (
            |c| c["tokens"][0]["token"] = json!("CANARY"),
            "/tokens/0/token",
        ),
        (|c| c["tokens"] = json!([]), "/tokens"),
        (|c| c["kind"] = json!("fingerprint"), "/kind"),
        (|c| c["devices"] = json!(["moonrise.lobby"]), "/devices"),
        (|c| c["devices"] = json!([GATE, GATE]), "/devices"),
        (
            |c| c["window"]["not_after"] = json!("2000-01-01T00:00:00Z"),
            "/window",
        ),
        (
            |c| c["window"]["weekdays"] = json!([1]),
            "/window/time_zone",
        ),
        (
            |c| c["window"]["time_zone"] = json!("Europe/Canary"),
            "/window/time_zone",
        ),
    ];
    for (change, field) in cases {
        let mut body = credential(&key, 1);
        change(&mut body);
        let (status, answer) = scene.put(id, body.clone()).await;
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}"
        );
        assert!(!answer.to_string().contains("CANARY"), "{answer}");
    }
    assert_eq!(scene.running.get("/control/held").await["credentials"], 0);
}

#[tokio::test]
async fn the_list_has_everything_but_the_tokens_page_by_page() {
    let scene = scene(Site::new(None)).await;
    let key = [5; 32];
    scene.put_key(scene.wrap(&key, 1, "sunrise").await).await;
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..5 {
        let id = Uuid::new_v4();
        scene.put(id, credential(&key, 1)).await;
        ids.push(id.to_string());
    }
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/complexes/sunrise/credentials?limit=2{next}");
        let (_, page) = scene
            .caller
            .call(Method::GET, &path, &scene.token, None)
            .await;
        assert!(!page.to_string().contains(&token(&key, "A123BC777")));
        for listed in page["credentials"].as_array().unwrap() {
            assert_eq!(
                (&listed["key_versions"], &listed["devices"]),
                (&json!([1]), &json!([GATE]))
            );
            found.push(listed["credential"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        next = format!("&after={cursor}");
    }
    found.sort();
    ids.sort();
    assert_eq!(found, ids);
    let path = "/v1/complexes/sunrise/credentials?after=nonsense";
    let (status, answer) = scene
        .caller
        .call(Method::GET, path, &scene.token, None)
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("query:after"))
    );
}
