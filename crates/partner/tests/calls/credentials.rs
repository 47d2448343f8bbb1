//! Credentials and keys go only to an attested partner, only within the perimeter, and say no
//! more than the contract does.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::window::Window;
use domain::{CredentialId, DeviceId};
use jiff::{SignedDuration, Timestamp};
use partner::{
    AttestationPolicy, Attested, CallError, CredentialToPut, OutOfPerimeter, PartnerClient,
};
use privacy::{
    HpkePrivateKey, KeyError, KeyProvider, Keyring, Plate, PlateToken, Purpose, TokenKey,
    TokenKeyRoots,
};
use uuid::Uuid;

use crate::partner::{Asked, Partner, Reply, json, problem, soon, sunrise};

struct Ring(Keyring);

impl KeyProvider for Ring {
    fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
        Ok(self.0.clone())
    }
}

fn token_key(complex: &str, partner: &str, version: u32) -> TokenKey {
    let ring = Keyring::generate().unwrap().rotated().unwrap();
    TokenKeyRoots::load(&Ring(ring.rotated().unwrap()))
        .unwrap()
        .token_key(
            &complex.parse().unwrap(),
            &partner.parse().unwrap(),
            version,
        )
        .unwrap()
}

fn plate_token(complex: &str, partner: &str, version: u32) -> PlateToken {
    let plate = Plate::parse("A123BC77").unwrap();
    token_key(complex, partner, version).token(&plate)
}

fn devices() -> Vec<DeviceId> {
    vec!["sunrise.north-gate".parse().unwrap()]
}

/// An answer to the attestation call, and the key that it is signed with.
fn attestation() -> (String, Ed25519KeyPair) {
    let wrapping = HpkePrivateKey::generate().unwrap().public_key().unwrap();
    let kid = digest::digest(&digest::SHA256, wrapping.as_bytes());
    let now = Timestamp::now();
    let statement = serde_json::json!({
        "issued_at": now,
        "valid_until": now + SignedDuration::from_hours(1),
        "partner": "gatekeeper",
        "wrapping_key": {
            "kid": URL_SAFE_NO_PAD.encode(kid),
            "kem": "DHKEM(X25519,HKDF-SHA256)",
            "public": wrapping.to_string(),
        },
        "storage": {
            "algorithm": "AES-256-GCM",
            "key_rotated_at": now - SignedDuration::from_hours(1),
            "key_rotation_days": 90,
            "scope": ["credentials", "token_keys"],
        },
    })
    .to_string();
    let key = Ed25519KeyPair::generate().unwrap();
    let body = serde_json::json!({
        "statement": URL_SAFE_NO_PAD.encode(&statement),
        "signature": URL_SAFE_NO_PAD.encode(key.sign(statement.as_bytes())),
        "key_id": "a hint",
    });
    (body.to_string(), key)
}

/// A partner that answers the attestation call properly and the rest with `script`.
async fn attested(
    script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (Partner, PartnerClient, Attested) {
    let (body, key) = attestation();
    let partner = Partner::start(move |asked| match asked.target.as_str() {
        "/v1/security/attestation" => json(body.clone()),
        _ => script(asked),
    })
    .await;
    let client = partner.client();
    let attested = client
        .attestation(soon())
        .await
        .unwrap()
        .verify(
            client.partner(),
            key.public_key().as_ref(),
            &AttestationPolicy::default(),
            Timestamp::now(),
        )
        .unwrap();
    let token = &partner.tokens_asked()[0];
    assert_eq!(
        token.parameter("scope").as_deref(),
        Some("attestation:read")
    );
    assert_eq!(token.parameter("resource"), None);
    (partner, client, attested)
}

fn no_content() -> Reply {
    Reply::Answer(204, "", String::new())
}

#[tokio::test]
async fn a_credential_says_what_the_contract_says_and_no_more() {
    let (partner, client, attested) = attested(|_| no_content()).await;
    let handle = client.within(&sunrise(), Timestamp::now()).unwrap();
    let tokens = [
        plate_token("sunrise", "gatekeeper", 1),
        plate_token("sunrise", "gatekeeper", 2),
    ];
    let window = Window {
        not_after: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        weekdays: 0b1111_1110,
        ..Window::default()
    };
    let credential = CredentialToPut {
        id: CredentialId(Uuid::from_u128(7)),
        tokens: &tokens,
        window: &window,
        devices: &devices(),
    };
    handle
        .put_credential(&attested, &credential, soon())
        .await
        .unwrap();
    handle
        .closing()
        .delete_credential(credential.id, soon())
        .await
        .unwrap();

    let calls = partner.calls();
    let [_, put, delete] = &calls[..] else {
        panic!("{calls:?}");
    };
    let path = "/v1/complexes/sunrise/credentials/00000000-0000-0000-0000-000000000007";
    assert_eq!((put.method.as_str(), put.target.as_str()), ("PUT", path));
    let body: serde_json::Value = serde_json::from_str(&put.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "kind": "plate",
            "tokens": [
                {"key_version": 1, "token": tokens[0].expose()},
                {"key_version": 2, "token": tokens[1].expose()},
            ],
            "window": {"not_after": "2027-01-01T00:00:00Z"},
            "devices": ["sunrise.north-gate"],
        })
    );
    assert!(!put.body.contains("A123BC77"));
    assert_eq!(
        (delete.method.as_str(), delete.target.as_str()),
        ("DELETE", path)
    );
}

#[tokio::test]
async fn a_token_key_goes_out_wrapped() {
    let (partner, client, attested) = attested(|asked| {
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        json(format!(r#"{{"key_versions":[{}]}}"#, body["key_version"]))
    })
    .await;
    let handle = client.within(&sunrise(), Timestamp::now()).unwrap();
    let key = token_key("sunrise", "gatekeeper", 3);
    handle.put_token_key(&attested, &key, soon()).await.unwrap();
    let calls = partner.calls();
    assert_eq!(calls[1].target, "/v1/complexes/sunrise/token-key");
    let body: serde_json::Value = serde_json::from_str(&calls[1].body).unwrap();
    assert_eq!(body["key_version"], 3);
    assert_eq!(body["enc"].as_str().unwrap().len(), 43);
    assert_eq!(body["wrapped"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn what_may_not_go_out_does_not() {
    let (partner, client, proof) = attested(|_| no_content()).await;
    let sent_before = partner.asked().len();
    let good = [plate_token("sunrise", "gatekeeper", 1)];
    let everyday = Window::default();
    let here = devices();
    let put = |perimeter, tokens: Vec<PlateToken>, window: Window, devices: Vec<DeviceId>| {
        let handle = client.within(&perimeter, Timestamp::now()).unwrap();
        let proof = proof.clone();
        async move {
            let credential = CredentialToPut {
                id: CredentialId(Uuid::from_u128(7)),
                tokens: &tokens,
                window: &window,
                devices: &devices,
            };
            let put = handle.put_credential(&proof, &credential, soon());
            put.await.unwrap_err()
        }
    };
    let mut no_credentials = sunrise();
    no_credentials.credentials = false;
    let outside = CallError::OutOfPerimeter;
    let refused = put(
        no_credentials,
        good.to_vec(),
        everyday.clone(),
        here.clone(),
    )
    .await;
    assert_eq!(refused, outside(OutOfPerimeter::Credentials));
    let tokens = vec![plate_token("sunset", "gatekeeper", 1)];
    let refused = put(sunrise(), tokens, everyday.clone(), here.clone()).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherComplex));
    let tokens = vec![plate_token("sunrise", "other", 1)];
    let refused = put(sunrise(), tokens, everyday.clone(), here.clone()).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherPartner));
    let elsewhere = vec!["sunset.gate".parse().unwrap()];
    let refused = put(sunrise(), good.to_vec(), everyday.clone(), elsewhere).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherComplex));

    let weekend = Window {
        weekdays: 0b1100_0000,
        ..Window::default()
    };
    let evening = Window {
        minutes: (18 * 60, 23 * 60),
        ..Window::default()
    };
    let twice = [good.to_vec(), good.to_vec()].concat();
    for (tokens, window, devices) in [
        (good.to_vec(), weekend, here.clone()),
        (good.to_vec(), evening, here.clone()),
        (Vec::new(), everyday.clone(), here.clone()),
        (twice, everyday.clone(), here.clone()),
        (good.to_vec(), everyday.clone(), Vec::new()),
        (
            good.to_vec(),
            everyday.clone(),
            [here.clone(), here.clone()].concat(),
        ),
    ] {
        let refused = put(sunrise(), tokens, window, devices).await;
        assert!(
            matches!(refused, CallError::Inexpressible(_)),
            "{refused:?}"
        );
        assert!(!refused.is_transient());
    }

    let handle = client.within(&sunrise(), Timestamp::now()).unwrap();
    let other = token_key("sunset", "gatekeeper", 1);
    assert_eq!(
        handle.put_token_key(&proof, &other, soon()).await,
        Err(outside(OutOfPerimeter::OtherComplex))
    );
    assert_eq!(partner.asked().len(), sent_before, "nothing was sent");
}

#[tokio::test]
async fn anothers_proof_is_no_proof() {
    let (partner, _, proof) = attested(|_| no_content()).await;
    let mut config = partner.config();
    config.partner = "other".parse().unwrap();
    let mut perimeter = sunrise();
    perimeter.partner = "other".parse().unwrap();
    let client = PartnerClient::new(config).unwrap();
    let handle = client.within(&perimeter, Timestamp::now()).unwrap();
    let key = token_key("sunrise", "other", 1);
    assert_eq!(
        handle.put_token_key(&proof, &key, soon()).await,
        Err(CallError::NotAttested)
    );
}

#[tokio::test]
async fn problems_and_nonsense_are_told_apart() {
    type Fault = fn() -> Reply;
    let table: [(&str, bool, Fault); 7] = [
        ("409 unknown_key_version", false, || {
            problem(409, "unknown-key-version")
        }),
        ("403 wrong_resource", false, || {
            problem(403, "wrong-resource")
        }),
        ("401 token_invalid", true, || problem(401, "token-invalid")),
        ("503 unavailable", true, || problem(503, "unavailable")),
        ("none of the contract's", true, || {
            Reply::Answer(503, "text/html", String::new())
        }),
        ("none of the contract's", true, || json("{}")),
        ("did not answer", true, || Reply::RawAndReset(Vec::new())),
    ];
    for (text, transient, fault) in table {
        let partner = Partner::start(move |_| fault()).await;
        let closing = partner.client().closing(&"sunrise".parse().unwrap());
        let error = closing
            .delete_credential(CredentialId(Uuid::from_u128(7)), soon())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.is_transient(), transient, "{error}");
        assert_eq!(partner.calls().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn what_is_held_is_listed_page_by_page() {
    let partner = Partner::start(|asked| {
        let held = |id: u128, complex: &str| {
            format!(
                r#"{{"credential":"{}","kind":"plate","key_versions":[1,2],"window":{{"not_before":null}},
                    "devices":["{complex}.north-gate"],"updated_at":"2026-11-24T10:00:00Z"}}"#,
                Uuid::from_u128(id)
            )
        };
        match asked.target.as_str() {
            "/v1/complexes/sunrise/credentials?limit=100" => json(format!(
                r#"{{"credentials":[{}],"next":"a b"}}"#,
                held(1, "sunrise")
            )),
            "/v1/complexes/sunrise/credentials?limit=100&after=a+b" => {
                json(format!(r#"{{"credentials":[{}],"next":null}}"#, held(2, "sunrise")))
            }
            _ => json(format!(r#"{{"credentials":[{}],"next":null}}"#, held(3, "sunrise"))),
        }
    })
    .await;
    let closing = partner.client().closing(&"sunrise".parse().unwrap());
    let page = closing.list_credentials(None, soon()).await.unwrap();
    assert_eq!(page.credentials[0].id, CredentialId(Uuid::from_u128(1)));
    assert_eq!(page.credentials[0].key_versions, [1, 2]);
    assert_eq!(page.credentials[0].devices, devices());
    let last = closing
        .list_credentials(page.next.as_ref(), soon())
        .await
        .unwrap();
    assert_eq!(last.credentials[0].id, CredentialId(Uuid::from_u128(2)));
    assert_eq!(last.next, None);
    // Another complex's devices under this complex's path are none of the contract's.
    let other = partner.client().closing(&"sunset".parse().unwrap());
    assert_eq!(
        other.list_credentials(None, soon()).await,
        Err(CallError::Unintelligible)
    );
}
