//! What lies on disk.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::credentials::{credential, scene, token};
use crate::support::{OPEN, Site, in_seconds};

#[tokio::test]
async fn files_hold_no_token_key_plate_or_id_that_is_sensitive_and_old_bytes_go_with_the_old_key() {
    let site = Site::new(None);
    let scene = scene(site).await;
    let key: [u8; 32] = *b"CANARY-KEY-0123456789-CANARY-KEY";
    scene.put_key(scene.wrap(&key, 1, "sunrise").await).await;
    let (id, command) = (Uuid::new_v4(), Uuid::now_v7());
    scene.put(id, credential(&key, 1)).await;
    scene.drive_up("A123BC777").await;
    let access = scene.caller.token(OPEN, "sunrise").await;
    scene
        .caller
        .open(&access, "sunrise.lobby", command, in_seconds(30))
        .await;

    let secrets: Vec<Vec<u8>> = vec![
        key.to_vec(),
        b"A123BC777".to_vec(),
        token(&key, "A123BC777").into_bytes(),
        access.clone().into_bytes(),
        id.to_string().into_bytes(),
        id.as_bytes().to_vec(),
        b"access.granted".to_vec(),
        b"sunrise".to_vec(),
    ];
    let files = || {
        ["partner.db", "partner.db-wal"]
            .map(|name| std::fs::read(scene.site.path(name)).unwrap_or_default())
    };
    for file in files() {
        for secret in &secrets {
            assert!(
                !contains(&file, secret),
                "found {}",
                String::from_utf8_lossy(secret)
            );
        }
        assert!(!contains(&file, command.to_string().as_bytes()));
        assert!(!contains(&file, command.as_bytes()));
    }
    let journal = std::fs::read(scene.site.path("openings.jsonl")).unwrap();
    for secret in secrets.iter().take(6) {
        assert!(!contains(&journal, secret));
    }

    let before = scene.running.get("/control/held").await;
    assert_eq!(before["key_versions"].as_object().unwrap().len(), 1);
    let rotated = scene.running.post("/control/rotate-keys", json!({})).await;
    assert_eq!(rotated["key_version"], 2);
    let after = scene.running.get("/control/held").await;
    assert_eq!(
        after["key_versions"],
        json!({"2": before["key_versions"]["1"]})
    );
    assert_eq!(after["credentials"], 1);
    assert_eq!(scene.drive_up("A123BC777").await["opened"], true);
    let (_, state) = scene.caller.state(&access, command).await;
    assert_eq!(state["state"], "executed");
    let (status, _) = scene.running.control(Method::GET, "/readyz", None).await;
    assert!(status.is_success());
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
