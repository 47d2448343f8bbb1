#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::*;

fn pem(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

fn roots(pki: &Pki) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(pem(pki.bundle())).unwrap();
    Arc::new(roots)
}

fn check_client(pki: &Pki, issued: &Issued) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(pki), provider)
        .build()
        .unwrap();
    verifier
        .verify_client_cert(&pem(&issued.certificate), &[], UnixTime::now())
        .map(|_| ())
}

fn check_server(pki: &Pki, issued: &Issued, host: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(pki), provider)
        .build()
        .unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    verifier
        .verify_server_cert(&pem(&issued.certificate), &[], &name, &[], UnixTime::now())
        .map(|_| ())
}

fn refusal(result: Result<(), rustls::Error>) -> String {
    format!("{:?}", result.unwrap_err())
}

#[test]
fn a_server_is_good_for_loopback_and_its_own_names_only() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(dir.path()).unwrap();
    let issued = pki
        .issue_server("partner", &[San::dns("partner.test")])
        .unwrap();

    for host in ["localhost", "127.0.0.1", "::1", "partner.test"] {
        check_server(&pki, &issued, host).unwrap();
    }
    assert!(refusal(check_server(&pki, &issued, "other.test")).contains("NotValidForName"));
    assert!(refusal(check_client(&pki, &issued)).contains("InvalidPurpose"));
}

#[test]
fn a_client_is_good_while_valid_and_of_the_trusted_authority() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(&dir.path().join("pki")).unwrap();
    let rogue = Pki::rogue(&dir.path().join("rogue")).unwrap();
    let sans = [San::uri("spiffe://smarthome/bff")];
    let profile = |validity, stem| {
        Profile::client("bff")
            .san(sans[0].clone())
            .validity(validity)
            .saved_as(stem)
    };
    let good = pki.issue_client("bff", &sans).unwrap();
    let expired = pki
        .issue(&profile(Validity::Expired, "bff-expired"))
        .unwrap();
    let early = pki
        .issue(&profile(Validity::NotYetValid, "bff-early"))
        .unwrap();
    let foreign = rogue.issue_client("bff", &sans).unwrap();

    check_client(&pki, &good).unwrap();
    assert!(refusal(check_client(&pki, &expired)).contains("Expired"));
    assert!(refusal(check_client(&pki, &early)).contains("NotValidYet"));
    assert!(refusal(check_client(&pki, &foreign)).contains("BadSignature"));
    assert!(refusal(check_server(&pki, &good, "localhost")).contains("InvalidPurpose"));
}

#[test]
fn a_peer_is_both() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(dir.path()).unwrap();
    let issued = pki.issue(&Profile::peer("broker-1")).unwrap();
    check_client(&pki, &issued).unwrap();
    check_server(&pki, &issued, "127.0.0.1").unwrap();
}

#[test]
fn files_have_their_layout_and_private_ones_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(dir.path()).unwrap();
    let issued = pki.issue_client("gateway", &[]).unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for private in ["ca.key", "gateway.key", "gateway.pem"] {
        assert_eq!(mode(&dir.path().join(private)), 0o600, "{private}");
    }
    assert_eq!(pki.bundle(), dir.path().join("ca.crt"));
    assert_eq!(issued.certificate, dir.path().join("gateway.crt"));
    assert!(matches!(
        PrivateKeyDer::from_pem_file(&issued.combined).unwrap(),
        PrivateKeyDer::Pkcs8(_)
    ));
    let chain: Vec<_> = CertificateDer::pem_file_iter(&issued.combined)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(chain, [pem(&issued.certificate), pem(pki.bundle())]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5, "no leftovers");
}

#[test]
fn a_name_cannot_leave_the_folder_or_replace_the_authority() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(dir.path()).unwrap();
    for name in ["", "ca", "../x", "a/b", ".hidden"] {
        assert!(pki.issue_client(name, &[]).is_err(), "{name:?}");
    }
}
