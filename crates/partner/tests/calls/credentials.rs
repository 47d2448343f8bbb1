//! What goes to an attested partner says no more than the contract does.

use domain::CredentialId;
use domain::window::Window;
use jiff::Timestamp;
use partner::{CallError, CredentialToPut};
use privacy::FaceReference;
use uuid::Uuid;

use crate::attested::{attested, devices, no_content, plate_token, token_key};
use crate::partner::{Partner, json, soon, sunrise};

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
        time_zone: "Europe/Moscow",
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

#[tokio::test]
async fn weekdays_and_hours_go_out_with_their_zone_and_come_back_to_be_compared() {
    let (partner, client, attested) = attested(|_| no_content()).await;
    let handle = client.within(&sunrise(), Timestamp::now()).unwrap();
    let key = token_key("sunrise", "gatekeeper", 1);
    let faces = [key.face_token(&FaceReference::parse("gk-1").unwrap())];
    let plates = [key.token(&privacy::Plate::parse("A123BC77").unwrap())];
    let window = Window {
        weekdays: 0b0010_0010,
        minutes: (22 * 60, 6 * 60),
        ..Window::default()
    };
    let devices = devices();
    let face = CredentialToPut {
        id: CredentialId(Uuid::from_u128(7)),
        tokens: &faces,
        window: &window,
        time_zone: "Europe/Moscow",
        devices: &devices,
    };
    handle
        .put_credential(&attested, &face, soon())
        .await
        .unwrap();
    let call = partner.calls().pop().unwrap();
    let mut body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    let expected = serde_json::json!({
        "kind": "face",
        "tokens": [{"key_version": 1, "token": faces[0].expose()}],
        "window": {"weekdays": [1, 5], "from": 1320, "until": 360, "time_zone": "Europe/Moscow"},
        "devices": ["sunrise.north-gate"],
    });
    assert_eq!(body, expected);
    let both = [faces[0].clone(), plate_token("sunrise", "gatekeeper", 2)];
    let mixed = CredentialToPut {
        tokens: &both,
        ..face
    };
    let refused = handle.put_credential(&attested, &mixed, soon()).await;
    assert!(matches!(refused, Err(CallError::Inexpressible(_))));

    let object = body.as_object_mut().unwrap();
    object.remove("tokens");
    object.insert("credential".to_owned(), face.id.to_string().into());
    object.insert("key_versions".to_owned(), serde_json::json!([1]));
    object.insert("updated_at".to_owned(), "2026-11-24T10:00:00Z".into());
    let page = serde_json::json!({"credentials": [body], "next": null}).to_string();
    let partner = Partner::start(move |_| json(page.clone())).await;
    let closing = partner.client().closing(&"sunrise".parse().unwrap());
    let page = closing.list_credentials(None, soon()).await.unwrap();
    let held = &page.credentials[0];
    assert!(held.is(&face));
    for (what, other) in [
        (
            "another zone",
            CredentialToPut {
                time_zone: "Asia/Omsk",
                ..face
            },
        ),
        (
            "another kind",
            CredentialToPut {
                tokens: &plates,
                ..face
            },
        ),
        (
            "other hours",
            CredentialToPut {
                window: &Window {
                    minutes: (22 * 60, 7 * 60),
                    ..window.clone()
                },
                ..face
            },
        ),
        (
            "always",
            CredentialToPut {
                window: &Window::default(),
                ..face
            },
        ),
    ] {
        assert!(!held.is(&other), "{what}");
    }
}
