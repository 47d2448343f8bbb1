//! What is wrong with a bucket is said at the start.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::bucket::{Bucket, Creates, Mood};
use super::server::{KEY, SECRET, Server};
use super::{PROGRAM, configure};
use crate::site::{OnDisk, secret};

/// Starts a role, which has to end by itself, and gives its exit code and all that it said.
async fn start(disk: &OnDisk, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.args(args).arg("--config").arg(disk.config());
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    for hidden in [KEY, SECRET, "AKIAANOTHER"] {
        assert!(!said.contains(hidden), "{said}");
    }
    (output.status.code(), said)
}

async fn refused(disk: &OnDisk, role: &str, says: &[&str]) {
    let (code, said) = start(disk, &[role]).await;
    assert_eq!(code, Some(1), "{said}");
    for part in says {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_unfit_or_lets_nobody_in_is_refused() {
    let disk = OnDisk::new().await;
    let server = Server::start(Bucket::default());
    configure(&disk, &format!("http://{}", server.address), "");

    server.bucket.behave(|b| b.creates = Creates::Always);
    refused(&disk, "project", &["[tiles]", "overwrote"]).await;
    server.bucket.behave(|b| b.creates = Creates::Atomically);

    server.bucket.behave(|b| b.mood = Mood::Broken);
    refused(&disk, "project", &["[tiles]", "InternalError"]).await;
    server.bucket.behave(|b| b.mood = Mood::Well);

    let (id, key) = (disk.path().join("s3.id"), disk.path().join("s3.key"));
    for role in ["project", "serve"] {
        secret(&id, b"AKIAANOTHER");
        refused(&disk, role, &["[tiles]", "check the key files"]).await;
        secret(&id, KEY.as_bytes());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        refused(&disk, role, &["secret_access_key_file", "chmod 600"]).await;
        secret(&key, SECRET.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_section_is_refused_by_name() {
    let disk = OnDisk::new().await;
    let folder = std::fs::read_to_string(disk.config()).unwrap();
    for (endpoint, more, names) in [
        ("http://s3.example.org", "", "`endpoint`"),
        ("https://s3.example.org/x", "", "`endpoint`"),
        ("http://localhost:1", "ca = \"ca.crt\"", "https endpoint"),
        (
            "https://localhost:1",
            "certificate = \"c.crt\"\nprivate_key = \"c.key\"",
            "with `ca`",
        ),
        ("https://localhost:1", "secret = \"x\"", "tiles.s3.secret"),
        ("https://localhost:1", "encryption = \"DES\"", "encryption"),
    ] {
        std::fs::write(disk.config(), &folder).unwrap();
        configure(&disk, endpoint, more);
        for role in ["project", "serve"] {
            let (code, said) = start(&disk, &[role, "--check-config"]).await;
            assert_eq!(code, Some(2), "{said}");
            assert!(said.contains(names), "{names} in {said}");
        }
    }
    for good in [
        "",
        "encryption = \"AES256\"",
        "encryption = { kms = \"key-1\" }\nrequest_timeout = \"3s\"",
        "ca = \"ca.crt\"",
    ] {
        std::fs::write(disk.config(), &folder).unwrap();
        configure(&disk, "https://localhost:1", good);
        let (code, said) = start(&disk, &["project", "--check-config"]).await;
        assert_eq!(code, Some(0), "{said}");
    }
}
