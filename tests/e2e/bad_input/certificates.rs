//! Client certificates: none, of another authority, expired, of somebody else.

use anyhow::Result;
use harness::clients::{channel, open_request, with_token};
use harness::pki::{Issued, Pki, Profile, San, Validity};
use harness::process::Port;
use harness::site::roles::BFF_SAN;
use harness::site::{Part, Site};
use proto::access::access_service_client::AccessServiceClient;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::registry_service_client::RegistryServiceClient;
use proto::access::{GetCheckpointRequest, GetComplexRequest};
use tonic::{Code, Status};

use crate::support::Scene;
use crate::support::status::{Told, told};

/// Opens with a good token over this certificate. An error of the connection counts as
/// UNAVAILABLE.
async fn open(site: &Site, certificate: Option<&Issued>, token: &str) -> Result<Told> {
    let request = with_token(open_request("sunrise.main-door")?, token)?;
    Ok(told(
        match channel(site, &site.ports.access, certificate).await {
            Ok(channel) => AccessServiceClient::new(channel).open(request).await,
            Err(error) => Err(Status::unavailable(error.to_string())),
        },
    ))
}

#[tokio::test]
async fn who_has_no_good_certificate_gets_no_connection() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let token = scene.token("anna").await?;
    let before = scene.traces().await?;
    let rogue = Pki::rogue(&site.dir.join("rogue"))?;
    let san = || San::uri(BFF_SAN);
    let of_another_authority = rogue.issue_client("bff", &[san()])?;
    let expired = Profile::client("bff")
        .san(san())
        .validity(Validity::Expired);
    let expired = site.pki.issue(&expired.saved_as("bff-expired"))?;
    let early = Profile::client("bff")
        .san(san())
        .validity(Validity::NotYetValid);
    let early = site.pki.issue(&early.saved_as("bff-early"))?;
    let server = &Profile::server("bff-server").san(san());
    let server = site.pki.issue(server)?;
    let certificates = [
        ("none", None),
        ("another authority's", Some(&of_another_authority)),
        ("an expired one", Some(&expired)),
        ("one that is not valid yet", Some(&early)),
        ("a server's", Some(&server)),
    ];
    for (name, certificate) in certificates {
        let refused = open(site, certificate, &token).await?;
        assert_ne!(refused.code, Code::Ok, "{name}");
        assert_eq!(
            refused.reason, "",
            "{name}: TLS refuses, no service answers"
        );
        for port in [&site.ports.registry, &site.ports.audit] {
            let refused = read(site, port, certificate).await;
            assert_ne!(refused.code, Code::Ok, "{name}");
            assert_eq!(
                refused.reason, "",
                "{name}: TLS refuses, no service answers"
            );
        }
    }
    assert_eq!(scene.traces().await?, before);
    assert_eq!(
        open(site, Some(&site.certificates.bff), &token).await?.code,
        Code::Ok
    );
    scene.finish().await
}

/// A call of the registry or the audit log.
async fn read(site: &Site, port: &Port, certificate: Option<&Issued>) -> Told {
    let complex_id = "sunrise".to_owned();
    let channel = match channel(site, port, certificate).await {
        Ok(channel) => channel,
        Err(error) => return told::<()>(Err(Status::unavailable(error.to_string()))),
    };
    if port.number() == site.ports.registry.number() {
        let request = GetComplexRequest {
            complex_id,
            ..GetComplexRequest::default()
        };
        told(
            RegistryServiceClient::new(channel)
                .get_complex(request)
                .await,
        )
    } else {
        let request = GetCheckpointRequest { complex_id, log: 0 };
        told(
            AuditServiceClient::new(channel)
                .get_checkpoint(request)
                .await,
        )
    }
}

#[tokio::test]
async fn each_listener_has_its_own_list() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let token = scene.token("anna").await?;
    let before = scene.traces().await?;
    let certificates = &site.certificates;
    let nameless = site.pki.issue_client("nameless", &[])?;
    let similar = San::uri(format!("{BFF_SAN}/staging"));
    let similar = site.pki.issue_client("similar", &[similar])?;
    let not_allowed = Told::new(Code::PermissionDenied, "CALLER_NOT_ALLOWED", &[]);
    for certificate in [
        &certificates.operator,
        &certificates.auditor,
        &certificates.partner,
        &certificates.services[&Part::CommandSvc],
        &nameless,
        &similar,
    ] {
        assert_eq!(
            open(site, Some(certificate), &token).await?,
            not_allowed,
            "{certificate:?}"
        );
    }
    for certificate in [&certificates.bff, &certificates.auditor, &nameless] {
        let refused = read(site, &site.ports.registry, Some(certificate)).await;
        assert_eq!(refused, not_allowed, "{certificate:?}");
    }
    let not_allowed = Told::new(Code::PermissionDenied, "PEER_NOT_ALLOWED", &[]);
    for certificate in [&certificates.bff, &certificates.operator, &nameless] {
        let refused = read(site, &site.ports.audit, Some(certificate)).await;
        assert_eq!(refused, not_allowed, "{certificate:?}");
    }
    assert_eq!(scene.traces().await?, before);
    scene.finish().await
}
