#![allow(clippy::unwrap_used)]
use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

/// CFRG's vector of RFC 9180 for this suite (mode 0, KEM 32, KDF 1, AEAD 2), first message.
#[test]
fn the_suite_is_the_standards() {
    let key = HpkePrivateKey(
        Key::from_slice(&bytes(
            "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
        ))
        .unwrap(),
    );
    assert_eq!(
        key.public_key().unwrap().as_bytes().to_vec(),
        bytes("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c")
    );
    let sealed = Sealed {
        enc: bytes("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256"),
        ciphertext: bytes(
            "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a",
        ),
    };
    let plaintext = open(&key, b"Ode on a Grecian Urn", &sealed, b"Count-0").unwrap();
    assert_eq!(*plaintext, b"Beauty is truth, truth beauty");
}

#[test]
fn operators_open_what_was_sealed_to_them_and_nothing_else() {
    let key = HpkePrivateKey::generate().unwrap();
    let to = key.public_key().unwrap();
    for body in [&b""[..], b"canary-4711", &[7; 70_000]] {
        let sealed = seal_to_operators(&to, body).unwrap();
        assert_eq!(*open_as_operators(&key, &sealed).unwrap(), body);
    }
    let sealed = seal_to_operators(&to, b"canary-4711").unwrap();
    assert_ne!(sealed, seal_to_operators(&to, b"canary-4711").unwrap());
    assert!(!format!("{sealed:?}").contains("canary"));
    let other = HpkePrivateKey::generate().unwrap();
    assert_eq!(
        open_as_operators(&other, &sealed),
        Err(SealError::NotAuthentic)
    );
    assert_eq!(
        open(&key, b"smarthome token-key v1|sunrise|1", &sealed, b""),
        Err(SealError::NotAuthentic)
    );
    for place in 0..sealed.ciphertext.len() {
        let mut changed = sealed.clone();
        changed.ciphertext[place] ^= 1;
        assert_eq!(
            open_as_operators(&key, &changed),
            Err(SealError::NotAuthentic)
        );
    }
    let mut changed = sealed;
    changed.enc.pop();
    assert_eq!(open_as_operators(&key, &changed), Err(SealError::Malformed));
}

#[test]
fn a_wrapped_token_key_is_bound_to_its_complex_and_version() {
    let partner = HpkePrivateKey::generate().unwrap();
    let to = partner.public_key().unwrap();
    let complex: ComplexId = "sunrise".parse().unwrap();
    let wrapped = wrap_token_key(&complex, 10, &[9; 32], &to).unwrap();
    let unwrap = |info: &str| {
        let sealed = Sealed {
            enc: wrapped.enc.to_vec(),
            ciphertext: wrapped.wrapped.to_vec(),
        };
        open(&partner, info.as_bytes(), &sealed, b"").map(|key| key.to_vec())
    };
    assert_eq!(
        unwrap("smarthome token-key v1|sunrise|10").unwrap(),
        [9; 32]
    );
    for info in [
        "smarthome token-key v1|sunrise|1",
        "smarthome token-key v1|sunset|10",
        "smarthome rejected event v1",
    ] {
        assert_eq!(unwrap(info), Err(SealError::NotAuthentic));
    }
}

#[test]
fn nothing_is_sealed_to_a_weak_key() {
    // Points of small order give a shared secret that everybody knows (RFC 7748, section 6.1).
    let mut one = [0; 32];
    one[0] = 1;
    for weak in [[0; 32], one] {
        let weak = HpkePublicKey::from_bytes(&weak).unwrap();
        assert_eq!(seal_to_operators(&weak, b"x"), Err(SealError::WeakKey));
    }
}

#[test]
fn keys_are_read_as_they_are_written_and_not_shown() {
    let key = HpkePrivateKey::generate().unwrap();
    let text = key.to_text();
    let again = HpkePrivateKey::from_text(format!("{}\n", text.as_str()).as_bytes()).unwrap();
    assert_eq!(key.public_key().unwrap(), again.public_key().unwrap());
    assert!(!format!("{key:?}").contains(text.as_str()));
    let public = key.public_key().unwrap();
    assert_eq!(public.to_string().parse::<HpkePublicKey>().unwrap(), public);
    for wrong in ["", "AAAA", &"A".repeat(44), &"!".repeat(43)] {
        assert!(wrong.parse::<HpkePublicKey>().is_err());
        assert!(HpkePrivateKey::from_text(wrong.as_bytes()).is_err());
    }
}
