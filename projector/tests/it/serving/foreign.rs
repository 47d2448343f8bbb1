//! The published log, read by a client that others wrote: the library of Go's checksum database.

use std::path::Path;

use auditlog::{LogId, Origin};
use serde_json::json;
use tokio::process::Command;

use super::tiles::with_leaves;
use crate::run::ORIGIN;

const PROGRAM: [(&str, &str); 3] = [
    ("main.go", include_str!("foreign/main.go")),
    ("go.mod", include_str!("foreign/go.mod")),
    ("go.sum", include_str!("foreign/go.sum")),
];

/// Go 1.26 or later, with its module proxy, is on no machine that must run these tests: where it is
/// missing, the test says so and is not run.
async fn go(folder: &Path) -> Option<Command> {
    let mut command = Command::new("go");
    command.current_dir(folder).kill_on_drop(true);
    command
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=readonly");
    let mut asked = Command::new("go");
    let known = asked.env("GOTOOLCHAIN", "local").args(["env", "GOVERSION"]);
    let version = String::from_utf8(known.output().await.ok()?.stdout).ok()?;
    let minor: u32 = version
        .trim()
        .strip_prefix("go1.")?
        .split('.')
        .next()?
        .parse()
        .ok()?;
    (minor >= 26).then_some(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_go_verifies_every_entry() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut go) = go(folder.path()).await else {
        let rule = "!".repeat(72);
        eprintln!(
            "{rule}\nSKIPPED for lack of Go 1.26: a foreign reader of the published log\n{rule}"
        );
        return;
    };
    for (name, text) in PROGRAM {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let site = with_leaves(300).await;
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let vkey = site.disk.verifier.vkey_for(&origin).unwrap();
    let token = site.disk.issuer.token(&["sunrise"], json!({}));
    let prefix = format!("{}/{log}", site.tiles);
    let ran = go
        .args(["run", ".", &prefix])
        .arg(site.disk.pki.bundle())
        .args([&vkey, &token])
        .output()
        .await
        .unwrap();
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ran.status.success(), "{}", told(&ran.stderr));
    let expected = format!("{origin}: 300 entries, all in the tree\n");
    assert_eq!(told(&ran.stdout), expected);
}
