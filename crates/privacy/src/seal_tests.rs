#![allow(clippy::unwrap_used)]
use domain::{CredentialId, SubjectRef};
use uuid::Uuid;

use super::*;

const CANARY: &str = "canary-user-4711";

fn key(item: Item) -> SubjectKey {
    SubjectKey {
        index: "a".repeat(64).parse().unwrap(),
        subject: SubjectRef(Uuid::from_u128(1)),
        item,
    }
}

fn plate_key() -> SubjectKey {
    key(Item::Plate(CredentialId(Uuid::from_u128(9))))
}

fn identity() -> Identity {
    Identity::new("https://id.example/\"quoted\"", CANARY)
}

fn now() -> Timestamp {
    "2026-11-24T10:00:00.5Z".parse().unwrap()
}

#[test]
fn what_is_sealed_opens_and_says_when_it_was_made() {
    let keys = IdentityKeys(Keyring::generate().unwrap());
    let key = key(Item::Identity);
    let value = keys.seal(&key, &identity(), now()).unwrap();
    assert_eq!(keys.open(&key, &value).unwrap(), identity());
    let item = SubjectItem::decode(value.as_slice()).unwrap();
    assert_eq!(item.subject_ref, key.subject.to_string());
    assert_eq!(item.item, "identity");
    assert_eq!(item.created_at.unwrap().nanos, 500_000_000);
    assert_eq!(item.sealed.len() % 64, 16, "padded, and the tag");
    let again = keys.seal(&key, &identity(), now()).unwrap();
    assert_ne!(value, again, "a nonce of its own");

    let plates = PlateKeys(Keyring::generate().unwrap());
    for text in ["A123BC77", "A123BC777"] {
        let plate = Plate::parse(text).unwrap();
        let value = plates.seal(&plate_key(), &plate, now()).unwrap();
        assert_eq!(plates.open(&plate_key(), &value).unwrap().expose(), text);
        let item = SubjectItem::decode(value.as_slice()).unwrap();
        assert_eq!(item.sealed.len(), 32, "plates of all lengths look alike");
    }
}

#[test]
fn nothing_readable_is_in_a_value() {
    let keys = IdentityKeys(Keyring::generate().unwrap());
    let value = keys.seal(&key(Item::Identity), &identity(), now()).unwrap();
    let window = |text: &str| value.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(!window(CANARY) && !window("id.example"));
    assert_eq!(format!("{:?}", identity()), "Identity(..)");
    assert!(!format!("{keys:?}").contains("Key("));
}

#[test]
fn a_value_opens_under_its_own_key_only() {
    let keys = IdentityKeys(Keyring::generate().unwrap());
    let home = key(Item::Identity);
    let value = keys.seal(&home, &identity(), now()).unwrap();

    // Moved to another user's record: the associated data differ.
    let mut other = home.clone();
    other.index = "b".repeat(64).parse().unwrap();
    assert_eq!(keys.open(&other, &value), Err(SealError::NotAuthentic));

    // Moved to another subject, with the plain fields made to fit.
    let mut other = home.clone();
    other.subject = SubjectRef(Uuid::from_u128(2));
    assert_eq!(keys.open(&other, &value), Err(SealError::Malformed));
    let mut item = SubjectItem::decode(value.as_slice()).unwrap();
    item.subject_ref = other.subject.to_string();
    assert_eq!(
        keys.open(&other, &item.encode_to_vec()),
        Err(SealError::NotAuthentic)
    );

    let plates = PlateKeys(Keyring::generate().unwrap());
    assert!(matches!(
        plates.open(&home, &value),
        Err(SealError::WrongItem)
    ));
    assert!(matches!(
        keys.seal(&plate_key(), &identity(), now()),
        Err(SealError::WrongItem)
    ));
}

#[test]
fn a_face_is_sealed_under_keys_of_its_own_and_looks_like_any_other() {
    let faces = FaceKeys(Keyring::generate().unwrap());
    let key = key(Item::Face(CredentialId(Uuid::from_u128(9))));
    let mut lengths = Vec::new();
    for text in ["a", &"a".repeat(63)] {
        let face = FaceReference::parse(text).unwrap();
        let value = faces.seal(&key, &face, now()).unwrap();
        assert_eq!(faces.open(&key, &value).unwrap(), face);
        lengths.push(value.len());
        assert!(matches!(
            PlateKeys(Keyring::generate().unwrap()).open(&key, &value),
            Err(SealError::WrongItem)
        ));
        assert!(matches!(
            faces.seal(&plate_key(), &face, now()),
            Err(SealError::WrongItem)
        ));
    }
    assert_eq!(lengths[0], lengths[1]);
}

#[test]
fn every_changed_byte_is_noticed() {
    let keys = IdentityKeys(Keyring::generate().unwrap());
    let key = key(Item::Identity);
    let item =
        SubjectItem::decode(keys.seal(&key, &identity(), now()).unwrap().as_slice()).unwrap();
    for place in 0..item.sealed.len() {
        let mut changed = item.clone();
        changed.sealed[place] ^= 1;
        assert_eq!(
            keys.open(&key, &changed.encode_to_vec()),
            Err(SealError::NotAuthentic)
        );
    }
    let mut changed = item.clone();
    changed.nonce[0] ^= 1;
    assert_eq!(
        keys.open(&key, &changed.encode_to_vec()),
        Err(SealError::NotAuthentic)
    );
    changed.nonce.pop();
    assert_eq!(
        keys.open(&key, &changed.encode_to_vec()),
        Err(SealError::Malformed)
    );
    let mut changed = item;
    changed.sealed.truncate(15);
    assert_eq!(
        keys.open(&key, &changed.encode_to_vec()),
        Err(SealError::NotAuthentic)
    );
}

#[test]
fn old_versions_open_until_they_are_taken_out() {
    let first = Keyring::generate().unwrap();
    let key = key(Item::Identity);
    let value = IdentityKeys(first.clone())
        .seal(&key, &identity(), now())
        .unwrap();
    let rotated = IdentityKeys(first.rotated().unwrap());
    assert_eq!(rotated.open(&key, &value).unwrap(), identity());
    let newer = rotated.seal(&key, &identity(), now()).unwrap();
    let item = SubjectItem::decode(newer.as_slice()).unwrap();
    assert_eq!(item.kek_version, 2);

    let only_new = Keyring::generate().unwrap();
    assert_eq!(
        IdentityKeys(only_new).open(&key, &newer),
        Err(SealError::UnknownVersion(2))
    );
}

/// NIST's GCM test case 16 (256-bit key, with associated data), through the same calls.
#[test]
fn the_cipher_is_the_standards() {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect()
    };
    let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let aead = aead(&Key::from_slice(&key).unwrap()).unwrap();
    let mut text = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let nonce = Nonce::try_assume_unique_for_key(&bytes("cafebabefacedbaddecaf888")).unwrap();
    let aad = Aad::from(bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
    aead.seal_in_place_append_tag(nonce, aad, &mut text)
        .unwrap();
    assert_eq!(
        text,
        bytes(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
             76fc6ece0f4e1768cddf8853bb2d551b"
        )
    );
}
