#![allow(clippy::unwrap_used)]
use rcgen::{CertificateParams, KeyPair, SanType};

use super::*;

fn peer(dns: &[&str], uri: &[&str]) -> PeerIdentity {
    let mut params = CertificateParams::default();
    let dns = dns
        .iter()
        .map(|&name| SanType::DnsName(name.try_into().unwrap()));
    let uri = uri
        .iter()
        .map(|&name| SanType::URI(name.try_into().unwrap()));
    params.subject_alt_names = dns.chain(uri).collect();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    PeerIdentity::from_der(certificate.der()).unwrap()
}

#[test]
fn exact_names_are_let_in_and_nothing_near_them() {
    let allowed =
        AllowedPeers::new(["spiffe://smarthome/bff/mobile", "dns:partner-a.example"]).unwrap();
    let admit =
        |dns: &[&str], uri: &[&str]| allowed.admit(&peer(dns, uri)).map(|name| name.to_string());
    assert_eq!(
        admit(&["x.example"], &["spiffe://smarthome/bff/mobile"]),
        Ok("spiffe://smarthome/bff/mobile".into())
    );
    assert_eq!(
        admit(&["Partner-A.example"], &[]),
        Ok("dns:partner-a.example".into())
    );
    for (dns, uri) in [
        (&[][..], &[][..]),
        (&["a.partner-a.example"], &[]),
        (&["partner-a.example.evil"], &[]),
        (&["*.example"], &[]),
        (&[], &["spiffe://smarthome/bff/mobile/"]),
        (&[], &["spiffe://smarthome/bff"]),
        (&[], &["dns:partner-a.example"]),
        (&[], &["SPIFFE://smarthome/bff/mobile"]),
    ] {
        assert_eq!(
            admit(dns, uri),
            Err(PeerRefused::NotAllowed),
            "{dns:?} {uri:?}"
        );
    }
    assert_eq!(
        admit(&["partner-a.example"], &["spiffe://smarthome/bff/mobile"]),
        Err(PeerRefused::Ambiguous)
    );
}

#[test]
fn a_list_that_names_nobody_is_refused() {
    assert_eq!(
        AllowedPeers::new([""; 0]).unwrap_err(),
        PeerListError::Empty
    );
    for wrong in [
        "",
        "partner-a.example",
        "dns:",
        "dns:*.example",
        "dns:A.example",
        "spiffe://",
        "://x",
        "dns:a b",
        "dns:https://a.example",
        "CN=bff",
    ] {
        let error = AllowedPeers::new([wrong]).unwrap_err();
        assert_eq!(error, PeerListError::Name(wrong.into()));
    }
}

#[test]
fn a_certificate_that_isnt_one_is_unreadable() {
    let whole = CertificateParams::default()
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap();
    let der = whole.der().as_ref();
    for wrong in [
        &b"nothing"[..],
        &der[..der.len() - 1],
        &[der, &[0]].concat(),
    ] {
        assert_eq!(PeerIdentity::from_der(wrong), Err(PeerRefused::Unreadable));
    }
}

#[test]
fn thumbprints_are_sha256_in_base64url() {
    let thumbprint = Thumbprint::of(b"");
    let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    assert_eq!(thumbprint.to_string(), text);
    assert_eq!(text.parse(), Ok(thumbprint));
    for wrong in ["", &text[1..], &format!("{text}="), &text.replace('-', "+")] {
        assert_eq!(wrong.parse::<Thumbprint>(), Err(InvalidThumbprint));
    }
}
