//! What is said to a witness and by one: requests, keys, cosignatures.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use witness::{Request, WitnessKey};

const NAME: &str = "witness.example/w1";

/// A key of C2SP tlog-cosignature, made without the crate that is tried.
static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[6; 32]).expect("a key"));

static KEY: LazyLock<WitnessKey> = LazyLock::new(|| {
    let id: String = key_id().iter().map(|b| format!("{b:02x}")).collect();
    let text = format!("{NAME}+{id}+{}", BASE64_STANDARD.encode(typed()));
    text.parse().expect("a key")
});

fn typed() -> Vec<u8> {
    [&[4][..], PAIR.public_key().as_ref()].concat()
}

fn key_id() -> [u8; 4] {
    let text = [NAME.as_bytes(), b"\n", &typed()].concat();
    let hash = digest(&SHA256, &text);
    [0, 1, 2, 3].map(|at| hash.as_ref()[at])
}

/// A text, as a request, as a key and as a note. `{}` in it is a good cosignature line of what stands
/// before the first empty line, of the second 7 of 1970.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(request) = Request::parse(text) {
        assert_eq!(request.text(), text, "another spelling of a request");
    }
    if let Ok(key) = text.parse::<WitnessKey>() {
        assert_eq!(key.text(), text.trim(), "another spelling of a key");
        assert!(!key.name().contains(char::is_whitespace));
    }
    let signed = text.split_once("\n\n").map_or("", |(body, _)| body);
    let message = format!("cosignature/v1\ntime 7\n{signed}\n");
    let signature = PAIR.sign(message.as_bytes());
    let bytes = [&key_id()[..], &7_u64.to_be_bytes(), signature.as_ref()].concat();
    let line = format!("\u{2014} {NAME} {}", BASE64_STANDARD.encode(bytes));
    let note = text.replacen("{}", &line, 1);
    if let Some((found, seen)) = KEY.cosignature(&note) {
        assert_ne!(note, text, "nobody else can sign");
        assert_eq!((found, seen.as_second()), (line.as_str(), 7));
    }
}
