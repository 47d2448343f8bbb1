//! The published log, read by a client that others wrote: the library of Go's checksum database.

use auditlog::{LogId, Origin};
use harness::engines::sumdb::Sumdb;
use serde_json::json;

use super::tiles::with_leaves;
use crate::run::ORIGIN;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_go_verifies_every_entry() {
    let Some(sumdb) = Sumdb::build().unwrap() else {
        return;
    };
    let site = with_leaves(300).await;
    let log = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = Origin::new(ORIGIN, &log).unwrap();
    let vkey = site.disk.verifier.vkey_for(&origin).unwrap();
    let token = site.disk.issuer.token(&["sunrise"], json!({}));
    let address = format!("{}/{log}", site.tiles);
    let roots = site.disk.pki.bundle().to_owned();
    let verified = |token: &str| {
        let mut command = sumdb.command(&address, &vkey);
        command.env("SUMDB_ROOTS", &roots);
        command.env("SUMDB_TOKEN", token);
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let good = verified(&token);
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(good.status.success(), "{}", told(&good.stderr));
    assert_eq!(told(&good.stdout), "300\n");
    assert_eq!(verified("").status.code(), Some(1));
}
