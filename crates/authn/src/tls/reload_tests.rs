#![allow(clippy::unwrap_used)]
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::peer::Thumbprint;
use crate::testing::{Ca, Files, Leaf};

fn expired() -> Leaf {
    Leaf {
        expired: true,
        ..Leaf::default()
    }
}

fn failures(side: &str) -> u64 {
    let text = service::metrics::install().unwrap().render();
    let name = format!("tls_reload_failures_total{{side=\"{side}\"}} ");
    let counted = text.lines().find_map(|line| line.strip_prefix(&name));
    counted.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn a_changed_file_is_taken_and_an_unchanged_one_isnt() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    let tls = ServerTls::load(files.server(), Protocol::Http).unwrap();
    let first = tls.current();
    assert_eq!(tls.reload_now().unwrap(), Reload::Unchanged);
    assert!(Arc::ptr_eq(&first, &tls.current()));

    let next = ca.issue(&Leaf::default());
    files.write("tls.crt", &next.certificate);
    files.write("tls.key", &next.private_key);
    assert_eq!(tls.reload_now().unwrap(), Reload::Replaced);
    assert!(!Arc::ptr_eq(&first, &tls.current()));
    assert_eq!(tls.reload_now().unwrap(), Reload::Unchanged);

    files.write("ca.crt", &Ca::new().pem());
    assert_eq!(
        tls.reload_now().unwrap(),
        Reload::Replaced,
        "roots count too"
    );
}

/// Each way in which files are half-written, mixed up or out of date.
type Spoil = (&'static str, fn(&Files, &Ca));
const SPOILT: [Spoil; 9] = [
    ("another key", |files, ca| {
        files.write("tls.key", &ca.issue(&Leaf::default()).private_key);
    }),
    ("only the certificate replaced", |files, ca| {
        files.write("tls.crt", &ca.issue(&Leaf::default()).certificate);
    }),
    ("half a certificate", |files, ca| {
        let whole = ca.issue(&Leaf::default()).certificate;
        files.write("tls.crt", &whole[..whole.len() / 2]);
    }),
    ("no certificate", |files, _| files.write("tls.crt", "")),
    ("half a key", |files, ca| {
        let whole = ca.issue(&Leaf::default()).private_key;
        files.write("tls.key", &whole[..whole.len() / 2]);
    }),
    ("no file", |files, _| {
        std::fs::remove_file(files.path("tls.key")).unwrap()
    }),
    ("a key for everybody", |files, _| {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(files.path("tls.key"), open).unwrap();
    }),
    ("half a root", |files, ca| {
        let whole = Ca::new().pem();
        files.write(
            "ca.crt",
            &format!("{}{}", ca.pem(), &whole[..whole.len() / 2]),
        );
    }),
    ("an expired certificate", |files, ca| {
        let expired = ca.issue(&expired());
        files.write("tls.crt", &expired.certificate);
        files.write("tls.key", &expired.private_key);
    }),
];

#[test]
fn a_bad_file_changes_nothing_and_is_counted() {
    for (how, spoil) in SPOILT {
        let ca = Ca::new();
        let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
        let server = ServerTls::load(files.server(), Protocol::Grpc).unwrap();
        let client = ClientTls::load(files.client(), Protocol::Http).unwrap();
        let (config, identity) = (server.current(), client.current());
        let counted = (failures("server"), failures("client"));

        spoil(&files, &ca);
        let error = server.reload_now().unwrap_err().to_string();
        assert!(
            !error.contains("BEGIN") && error.len() < 400,
            "{how}: {error}"
        );
        assert!(client.reload_now().is_err(), "{how}");
        assert!(Arc::ptr_eq(&config, &server.current()), "{how}");
        assert!(Arc::ptr_eq(&identity, &client.current()), "{how}");
        assert!(
            failures("server") > counted.0 && failures("client") > counted.1,
            "{how}"
        );

        assert!(
            ServerTls::load(files.server(), Protocol::Http).is_err(),
            "{how}"
        );
        let good = ca.issue(&Leaf::default());
        files.write("tls.crt", &good.certificate);
        files.write("tls.key", &good.private_key);
        files.write("ca.crt", &ca.pem());
        assert_eq!(server.reload_now().unwrap(), Reload::Replaced, "{how}");
        assert_eq!(client.current().generation, 1, "{how}");
        assert_eq!(client.reload_now().unwrap(), Reload::Replaced, "{how}");
        assert_eq!(client.current().generation, 2, "{how}");
    }
}

#[tokio::test]
async fn a_client_learns_of_its_new_generation() {
    let ca = Ca::new();
    let first = ca.issue(&Leaf::default());
    let files = Files::new(&first, &ca.pem());
    let tls = ClientTls::load(files.client(), Protocol::Http).unwrap();
    assert_eq!(tls.current().thumbprint, Thumbprint::of(&first.der));
    assert_eq!(tls.current().generation, 1);

    let mut generations = tls.generations();
    let reloading = tokio::spawn(Arc::clone(&tls).reload_every(Duration::from_millis(5)));
    let next = ca.issue(&Leaf::default());
    files.write("tls.crt", &next.certificate);
    files.write("tls.key", &next.private_key);
    generations.changed().await.unwrap();
    assert_eq!(*generations.borrow(), 2);
    assert_eq!(tls.current().thumbprint, Thumbprint::of(&next.der));
    assert!(tls.current().not_after > jiff::Timestamp::now());
    reloading.abort();
}

#[test]
fn a_first_load_of_nothing_names_the_file() {
    let ca = Ca::new();
    let files = Files::new(&ca.issue(&Leaf::default()), &ca.pem());
    std::fs::remove_file(files.path("ca.crt")).unwrap();
    let error = ServerTls::load(files.server(), Protocol::Http)
        .err()
        .unwrap();
    assert!(error.to_string().contains("ca.crt"), "{error}");
}
