//! The headers with which a partner signs (Standard Webhooks).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use std::sync::LazyLock;
use webhook_gw::verify::{Secret, Secrets, TOLERANCE, Unverified};

use crate::{lines, partner};

/// Two active secrets, as during a rotation, and one that is nobody's.
const SECRETS: [&[u8]; 3] = [
    b"old old old old old old old old!",
    b"new new new new new new new new!",
    b"strange strange strange strange!",
];

static AGREED: LazyLock<Secrets> = LazyLock::new(|| {
    let text = |bytes: &[u8]| format!("whsec_{}", BASE64_STANDARD.encode(bytes));
    let secret = |bytes| Secret::parse(text(bytes).as_bytes()).expect("a secret");
    let active = SECRETS[..2].iter().copied().map(secret).collect();
    Secrets::new([(partner::id(), active)])
});

/// Lines: `webhook-id`, `webhook-timestamp`, `webhook-signature`, then the body. In the signatures
/// `{0}`, `{1}` and `{2}` are good ones, under the active secrets and under a strange one.
pub fn check(data: &[u8]) {
    let ([id, sent, signatures], body) = lines::parts(data);
    let good = SECRETS.map(|secret| sign(secret, id, sent, body));
    let mut signatures = String::from_utf8_lossy(signatures).into_owned();
    for (number, good) in good.iter().enumerate() {
        signatures = signatures.replace(&format!("{{{number}}}"), good);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", sent),
        ("webhook-signature", signatures.as_bytes()),
    ] {
        // What is no header value doesn't get through HTTP.
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return;
        };
        headers.insert(name, value);
    }
    let unverified = Unverified {
        caller: partner::caller(),
        headers,
        body: Bytes::copy_from_slice(body),
    };
    let verified = unverified.verify(&AGREED, partner::now());
    let signed = signatures
        .split(' ')
        .any(|given| good[..2].iter().any(|good| good == given));
    let fresh = std::str::from_utf8(sent)
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
        .is_some_and(|sent| {
            sent.abs_diff(partner::now().as_second()) <= TOLERANCE.as_secs().unsigned_abs()
        });
    match verified {
        Ok(verified) => {
            assert!(signed, "accepted without a good signature");
            assert!(fresh, "accepted at another time");
            assert!(!id.is_empty());
            assert_eq!(
                (verified.partner(), verified.body()),
                (&partner::id(), body)
            );
        }
        // The few good ones that are refused all the same have a form that is not signed.
        Err(_) if signed && fresh => {
            let plain = sent.iter().all(u8::is_ascii_digit) && sent[0] != b'0';
            let printed = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
            let printed = id.iter().chain(signatures.as_bytes()).all(printed);
            let text = std::str::from_utf8(body).is_ok();
            let few = signatures.split(' ').count() <= 8;
            let good = plain && printed && text && few && !id.is_empty();
            assert!(!good, "a good one is refused");
        }
        Err(_) => {}
    }
}

/// `v1,` and the HMAC-SHA-256 of `id.timestamp.body`, made without the crate that is tried.
fn sign(secret: &[u8], id: &[u8], sent: &[u8], body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let message = [id, b".", sent, b".", body].concat();
    format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&key, &message)))
}
