#![allow(clippy::unwrap_used)]
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::wire::SUFFIX;
use super::*;
use crate::testing::write_secret;

const TOPIC: &str = "access.events.v1";
const KEY: &str = "sunrise";
const BODY: &[u8] = b"\x0a\x03abc\x10\x01";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn speaker(name: &str) -> Speaker {
    name.parse().unwrap()
}

struct Setup {
    root: RootKey,
    signer: RecordSigner,
}

impl Setup {
    fn new() -> Self {
        let root = generate_root().unwrap();
        let signer = signer_of(&root, "command-svc");
        Self { root, signer }
    }

    fn verifier(&self, distrusted: Vec<KeyId>) -> RecordVerifier {
        self.verifier_of(vec![self.signer.certificate().clone()], distrusted)
    }

    fn verifier_of(&self, known: Vec<KeyCertificate>, distrusted: Vec<KeyId>) -> RecordVerifier {
        let root = self.root.public_key();
        RecordVerifier::new(root, known, distrusted, speaker("command-svc")).unwrap()
    }

    fn sealed(&self) -> Vec<u8> {
        self.signer.seal(TOPIC, KEY, BODY.to_vec()).unwrap()
    }
}

fn signer_of(root: &RootKey, name: &str) -> RecordSigner {
    let key = generate_key().unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let certificate = issue(root, speaker(name), key.public_key(), from, to).unwrap();
    RecordSigner::new(key, certificate).unwrap()
}

fn now() -> Timestamp {
    at("2026-06-01T12:00:00.5Z")
}

#[test]
fn a_sealed_record_is_opened() {
    let setup = Setup::new();
    let sealed = setup.sealed();
    assert_eq!(sealed.len(), BODY.len() + SUFFIX);
    assert_eq!(
        &sealed[BODY.len()..][..2],
        [0x7A, 0x48],
        "field 15, 72 bytes"
    );
    assert_eq!(sealed[BODY.len() + 2..][..8], setup.signer.key_id().0);
    let verifier = setup.verifier(vec![]);
    let opened = verifier.open(TOPIC, KEY, &sealed, now()).unwrap();
    assert_eq!(opened.unsigned(), BODY);
    assert_eq!(opened.key_id(), setup.signer.key_id());
    assert_eq!(opened.role(), &speaker("command-svc"));

    let empty = setup.signer.seal(TOPIC, KEY, vec![]).unwrap();
    assert_eq!(
        verifier.open(TOPIC, KEY, &empty, now()).unwrap().unsigned(),
        b""
    );
}

#[test]
fn the_signature_covers_what_the_format_says() {
    let setup = Setup::new();
    let sealed = setup.sealed();
    let message = b"smarthome record v1\0access.events.v1\0sunrise\0\x0a\x03abc\x10\x01";
    let public = setup.signer.certificate().public_key;
    assert!(public.verifies(message, &sealed[sealed.len() - 64..]));
}

#[test]
fn a_record_that_was_moved_is_refused() {
    let setup = Setup::new();
    let (sealed, verifier) = (setup.sealed(), setup.verifier(vec![]));
    let bad = SignatureError::BadSignature(setup.signer.key_id());
    for (topic, key) in [
        ("registry.events.v1", KEY),
        (TOPIC, "sunset"),
        (TOPIC, ""),
        ("", KEY),
        // The same bytes, cut elsewhere.
        ("access.events.v1\0sunrise", ""),
        ("access.events.v", "1\0sunrise"),
        ("access.events.v1", "sunrise\0"),
    ] {
        let refused = verifier.open(topic, key, &sealed, now()).unwrap_err();
        assert_eq!(refused, bad, "{topic:?} {key:?}");
    }
    for (topic, key) in [("a\0b", KEY), (TOPIC, "a\0b")] {
        let refused = setup.signer.seal(topic, key, vec![]).unwrap_err();
        assert!(matches!(refused, KeyError::Name));
    }
}

#[test]
fn a_record_that_was_changed_is_refused() {
    let setup = Setup::new();
    let (sealed, verifier) = (setup.sealed(), setup.verifier(vec![]));
    let open = |value: &[u8]| verifier.open(TOPIC, KEY, value, now()).map(drop);
    for position in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[position] ^= 1 << bit;
            assert!(open(&changed).is_err(), "bit {bit} of byte {position}");
        }
    }
    for length in 0..sealed.len() {
        assert!(open(&sealed[..length]).is_err(), "truncated to {length}");
        assert!(
            open(&sealed[sealed.len() - length..]).is_err(),
            "last {length}"
        );
    }
    let suffix = &sealed[BODY.len()..];
    let second_suffix = [&sealed, suffix].concat();
    let bad = Err(SignatureError::BadSignature(setup.signer.key_id()));
    assert_eq!(open(&second_suffix), bad);
    let another_field = [&sealed, &b"\x10\x02"[..]].concat();
    assert_eq!(open(&another_field), Err(SignatureError::Unsigned));
    let field_before = [b"\x10\x02", &sealed[..]].concat();
    assert_eq!(open(&field_before), bad);
}

#[test]
fn an_unsigned_record_is_unsigned() {
    let setup = Setup::new();
    let verifier = setup.verifier(vec![]);
    for value in [&b""[..], BODY, &[0; SUFFIX], &[0x7A, 0x48]] {
        let refused = verifier.open(TOPIC, KEY, value, now()).unwrap_err();
        assert_eq!(refused, SignatureError::Unsigned);
    }
}

#[test]
fn only_known_and_trusted_keys_of_the_right_speaker_count() {
    let setup = Setup::new();
    let id = setup.signer.key_id();
    let sealed = setup.sealed();
    let open = |verifier: &RecordVerifier, value: &[u8], time| {
        verifier
            .open(TOPIC, KEY, value, time)
            .map(drop)
            .unwrap_err()
    };
    let unknown = setup.verifier_of(vec![], vec![]);
    assert_eq!(
        open(&unknown, &sealed, now()),
        SignatureError::UnknownKey(id)
    );
    let distrusting = setup.verifier(vec![id]);
    assert_eq!(
        open(&distrusting, &sealed, now()),
        SignatureError::Distrusted(id)
    );
    let neither = setup.verifier_of(vec![], vec![id]);
    assert_eq!(
        open(&neither, &sealed, now()),
        SignatureError::Distrusted(id)
    );

    let gateway = signer_of(&setup.root, "webhook-gw");
    let both = vec![
        setup.signer.certificate().clone(),
        gateway.certificate().clone(),
    ];
    let verifier = setup.verifier_of(both, vec![]);
    let forged = gateway.seal(TOPIC, KEY, BODY.to_vec()).unwrap();
    let id_of_gateway = gateway.key_id();
    assert_eq!(
        open(&verifier, &forged, now()),
        SignatureError::WrongRole(id_of_gateway)
    );
    // One key's signature under another's id.
    let mut mixed = forged;
    mixed[BODY.len() + 2..][..8].copy_from_slice(&id.0);
    assert_eq!(
        open(&verifier, &mixed, now()),
        SignatureError::BadSignature(id)
    );
}

#[test]
fn validity_is_judged_at_append_time() {
    let setup = Setup::new();
    let (id, sealed, verifier) = (
        setup.signer.key_id(),
        setup.sealed(),
        setup.verifier(vec![]),
    );
    let open = |time| verifier.open(TOPIC, KEY, &sealed, time).map(drop);
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let nanosecond = SignedDuration::from_nanos(1);
    assert_eq!(open(from), Ok(()));
    assert_eq!(open(to - nanosecond), Ok(()));
    assert_eq!(open(from - nanosecond), Err(SignatureError::Expired(id)));
    assert_eq!(open(to), Err(SignatureError::Expired(id)));
    assert_eq!(verifier.vouch_for(&setup.signer, now()), Ok(()));
    assert_eq!(
        verifier.vouch_for(&setup.signer, to),
        Err(SignatureError::Expired(id))
    );
}

#[test]
fn only_the_pinned_root_makes_certificates() {
    let setup = Setup::new();
    let other_root = generate_root().unwrap();
    let new = |certificates| {
        let root = setup.root.public_key();
        RecordVerifier::new(root, certificates, vec![], speaker("command-svc")).unwrap_err()
    };
    let forged = signer_of(&other_root, "command-svc").certificate().clone();
    assert!(matches!(new(vec![forged]), KeyError::NotVouchedFor(_)));

    let good = setup.signer.certificate();
    let mut changed = vec![good.clone(); 5];
    changed[0].speaker = speaker("command-sv");
    changed[1].public_key = generate_key().unwrap().public_key();
    changed[2].not_after = at("2028-01-01T00:00:00Z");
    changed[3].not_before = at("2025-01-01T00:00:00Z");
    changed[4].signature[0] ^= 1;
    for certificate in changed {
        assert!(matches!(new(vec![certificate]), KeyError::NotVouchedFor(_)));
    }
    let mut fraction = good.clone();
    fraction.not_after = at("2027-01-01T00:00:00.9Z");
    assert!(matches!(new(vec![fraction]), KeyError::Validity));
    assert!(matches!(
        new(vec![good.clone(), good.clone()]),
        KeyError::Twice(_)
    ));

    let key = generate_key().unwrap().public_key();
    let (from, to) = (at("2027-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    let backwards = issue(&setup.root, speaker("command-svc"), key, from, to);
    assert!(matches!(backwards, Err(KeyError::Validity)));
}

#[test]
fn a_signer_needs_its_own_certificate() {
    let setup = Setup::new();
    let key = generate_key().unwrap();
    let refused = RecordSigner::new(key, setup.signer.certificate().clone());
    assert!(matches!(refused, Err(KeyError::Mismatch { .. })));
}

#[test]
fn keys_and_certificates_come_back_from_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let root = generate_root().unwrap();
    let root = RootKey::from_pem(root.to_pem().unwrap().as_bytes()).unwrap();
    let key = generate_key().unwrap();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let certificate = issue(&root, speaker("command-svc"), key.public_key(), from, to).unwrap();
    write_secret(&file("record.key"), &key.to_pem().unwrap());
    std::fs::write(file("record.json"), certificate.to_json().unwrap()).unwrap();

    let config: RecordSignerConfig = serde_json::from_value(serde_json::json!({
        "private_key": file("record.key"), "certificate": file("record.json"),
    }))
    .unwrap();
    let trust: RecordTrust = serde_json::from_value(serde_json::json!({
        "root": root.public_key(), "certificates": [file("record.json")],
        "distrusted": ["00112233445566aa"],
    }))
    .unwrap();
    let signer = RecordSigner::load(&config).unwrap();
    let verifier = RecordVerifier::load(&trust, speaker("command-svc")).unwrap();
    verifier.vouch_for(&signer, now()).unwrap();
    let sealed = signer.seal(TOPIC, KEY, BODY.to_vec()).unwrap();
    verifier.open(TOPIC, KEY, &sealed, now()).unwrap();

    let pem = key.to_pem().unwrap();
    for secret in [
        format!("{key:?}"),
        format!("{root:?}"),
        format!("{signer:?}"),
    ] {
        let line = pem.lines().nth(1).unwrap();
        assert!(!secret.contains(line) && secret.len() < 1000, "{secret}");
    }
    load_errors_name_the_file(&config, &trust, &file("record.json"));
}

fn load_errors_name_the_file(config: &RecordSignerConfig, trust: &RecordTrust, json: &Path) {
    let good = std::fs::read_to_string(json).unwrap();
    for wrong in [
        "{}",
        "",
        &good.replacen('{', "{\"more\": 1,", 1),
        &good.replace("command", "CMD"),
    ] {
        std::fs::write(json, wrong).unwrap();
        let error = RecordVerifier::load(trust, speaker("command-svc")).unwrap_err();
        assert!(error.to_string().contains("record.json"), "{error}");
        assert!(RecordSigner::load(config).is_err());
    }
    std::fs::remove_file(json).unwrap();
    let error = RecordSigner::load(config).unwrap_err().to_string();
    assert!(error.contains("record.json"), "{error}");
}

#[test]
fn texts_are_read_strictly() {
    let id: KeyId = "00112233445566aa".parse().unwrap();
    assert_eq!(id.to_string(), "00112233445566aa");
    for wrong in [
        "",
        "0011",
        "00112233445566AA",
        "+0112233445566aa",
        "00112233445566aaa",
    ] {
        assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
    }
    let key = generate_key().unwrap().public_key();
    assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
    assert!("AAAA".parse::<PublicKey>().is_err());
    for wrong in ["", "Command", "a\0b", "a b", &"a".repeat(64)] {
        assert!(wrong.parse::<Speaker>().is_err(), "{wrong}");
    }
    assert!(matches!(
        RecordKey::from_pem(b"nothing"),
        Err(KeyError::PrivateKey)
    ));
    let other_kind = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert!(matches!(
        RecordKey::from_pem(other_kind.as_bytes()),
        Err(KeyError::PrivateKey)
    ));
}
