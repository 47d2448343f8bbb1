//! Checkpoints as somebody else may have written them.

use std::sync::LazyLock;

use auditlog::{CheckpointVerifier, LogId, Origin};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

const BASE: &str = "audit.example";
const LOG: &str = "audit.example/access.events.v1/sunrise";

struct Site {
    pair: Ed25519KeyPair,
    origin: Origin,
    verifier: CheckpointVerifier,
}

/// A key of C2SP signed-note, made without the crate that is tried.
static SITE: LazyLock<Site> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).expect("a key");
    let id: String = key_id(BASE, &pair)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let encoded = BASE64_STANDARD.encode(typed(&pair));
    let log = LogId::new("access.events.v1", "sunrise").expect("a log");
    Site {
        verifier: CheckpointVerifier::from_vkey(&format!("{BASE}+{id}+{encoded}")).expect("a key"),
        origin: Origin::new(BASE, &log).expect("an origin"),
        pair,
    }
});

fn typed(pair: &Ed25519KeyPair) -> Vec<u8> {
    [&[1][..], pair.public_key().as_ref()].concat()
}

fn key_id(name: &str, pair: &Ed25519KeyPair) -> [u8; 4] {
    let text = [name.as_bytes(), b"\n", &typed(pair)].concat();
    let hash = digest(&SHA256, &text);
    [0, 1, 2, 3].map(|at| hash.as_ref()[at])
}

/// `{}` in the input is a good signature line of the log over all that stands before it, less the
/// empty line.
pub fn check(data: &[u8]) {
    let site = &*SITE;
    let mut note = data.to_vec();
    let mark = data.windows(2).position(|pair| pair == b"{}");
    if let Some(at) = mark {
        let text = data[..at].strip_suffix(b"\n").unwrap_or(&data[..at]);
        let signature = site.pair.sign(text);
        let signature = [&key_id(LOG, &site.pair)[..], signature.as_ref()].concat();
        let line = format!("\u{2014} {LOG} {}\n", BASE64_STANDARD.encode(signature));
        note = [&data[..at], line.as_bytes(), &data[at + 2..]].concat();
    }
    let Ok(checkpoint) = site.verifier.verify(&site.origin, &note) else {
        return;
    };
    assert!(mark.is_some(), "nobody else can sign");
    assert_eq!(checkpoint.note().as_bytes(), note);
    assert!(checkpoint.size() <= auditlog::MAX_LEAVES);
    // What is signed is what is said, in the one form that it has (C2SP tlog-checkpoint).
    let root = BASE64_STANDARD.encode(checkpoint.root());
    let text = format!("{LOG}\n{}\n{root}\n", checkpoint.size());
    assert!(note.starts_with(text.as_bytes()), "another spelling");
}
