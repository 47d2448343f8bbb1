//! Health, readiness, metrics, reflection: of each process as it runs.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use harness::clients::{channel, open_request};
use harness::pki::Issued;
use harness::process::{Port, Process, Spec, wait_until};
use harness::site::{Part, Site};
use proto::access::Outcome;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::status::told;
use crate::support::{Ground, PATIENCE, Scene};

/// Status and body of a GET on loopback.
async fn get(port: &Port, path: &str) -> Result<(u16, String)> {
    let url = format!("http://{}{path}", port.address());
    let answer = harness::http::plain()?.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// Name, port and right certificate of each gRPC listener.
fn listeners(site: &Site) -> [(&'static str, &Port, &Issued); 3] {
    let (ports, certificates) = (&site.ports, &site.certificates);
    [
        ("access", &ports.access, &certificates.bff),
        ("registry", &ports.registry, &certificates.operator),
        ("audit", &ports.audit, &certificates.auditor),
    ]
}

async fn health(site: &Site, port: &Port, certificate: &Issued) -> Result<ServingStatus> {
    let channel = channel(site, port, Some(certificate)).await?;
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let answer = HealthClient::new(channel).check(request).await?;
    Ok(answer.into_inner().status())
}

#[tokio::test]
async fn each_process_says_how_it_is() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let token = scene.token("anna").await?;
    scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    scene
        .partner
        .plate("sunrise.north-gate", "М456ОР 199")
        .await?;
    scene.delivered().await?;
    let names: [&[&str]; 3] = [
        &[
            "decisions_total{verdict=\"ALLOW\",reason=\"GRANTED\"} 1",
            "commands_total{outcome=\"EXECUTED\",reason=\"PARTNER_EXECUTED\"} 1",
            "claim_seconds_count",
            "read_back_seconds_count",
            "append_seconds_count{type=\"smarthome.access.decided.v1\"} 1",
            "appends_total",
            "grpc_request_seconds_count{method=\"Open\"} 1",
            "grpc_requests_total{method=\"Open\",result=\"OK\"} 1",
        ],
        &[
            "webhook_requests_total{status=\"200\"}",
            "webhook_events_total",
            "webhook_request_seconds_count",
        ],
        &[
            "projector_records_total",
            "projector_tree_size",
            "projector_lag_records",
        ],
    ];
    for (port, names) in scene.admin().iter().zip(names) {
        for path in ["/livez", "/readyz"] {
            assert_eq!(get(port, path).await?.0, 200, "{path}");
        }
        assert_eq!(get(port, "/elsewhere").await?.0, 404);
        for name in names {
            wait_until(PATIENCE, name, || async {
                get(port, "/metrics")
                    .await
                    .is_ok_and(|(status, text)| status == 200 && text.contains(name))
            })
            .await?;
        }
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(
            get(&site.ports.control, path).await?.0,
            200,
            "the partner's {path}"
        );
    }
    scene.finish().await
}

#[tokio::test]
async fn grpc_health_and_reflection_are_for_the_allowed() -> Result<()> {
    let scene = Scene::start().await?;
    let site = scene.site();
    let services: [&[&str]; 3] = [
        &["smarthome.access.v1.AccessService"],
        &["smarthome.access.v1.RegistryService"],
        &[
            "smarthome.access.v1.AuditService",
            "smarthome.access.v1.DeviceStatusService",
        ],
    ];
    for ((name, port, certificate), services) in listeners(site).into_iter().zip(services) {
        assert_eq!(
            health(site, port, certificate).await?,
            ServingStatus::Serving,
            "{name}"
        );
        let listed = reflected(site, port, certificate).await?;
        for service in services.iter().copied().chain(["grpc.health.v1.Health"]) {
            assert!(listed.contains(service), "{name}: {listed:?}");
        }
        let anonymous = match channel(site, port, None).await {
            Ok(channel) => {
                let request = HealthCheckRequest::default();
                told(HealthClient::new(channel).check(request).await).code
            }
            Err(_) => Code::Unavailable,
        };
        assert_ne!(anonymous, Code::Ok, "{name}: no certificate, no health");
    }
    scene.finish().await
}

/// Names of the services that reflection lists.
async fn reflected(site: &Site, port: &Port, certificate: &Issued) -> Result<BTreeSet<String>> {
    let channel = channel(site, port, Some(certificate)).await?;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await?;
    let answer = answers.into_inner().next().await.context("no answer")??;
    match answer.message_response {
        Some(MessageResponse::ListServicesResponse(list)) => Ok(list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect()),
        other => anyhow::bail!("{other:?}"),
    }
}

#[tokio::test]
async fn live_but_not_ready_until_the_issuer_is_there() -> Result<()> {
    let mut ground = Ground::prepare().await?;
    let config = ground.site.config(Part::CommandSvc);
    let log = ground.site.dir.join("logs/early.log");
    let spec = Spec::workspace("command-svc", log)?
        .arg("--config")
        .arg(config);
    let mut early = Process::spawn(&spec)?;
    let (name, port, certificate) = listeners(&ground.site)[0];
    let admin = &ground.site.ports.admin[0];
    wait_until(PATIENCE, "only the issuer to be missing", || async {
        let ready = get(admin, "/readyz").await;
        ready.is_ok_and(|(status, text)| {
            status == 503 && text.contains("issuer") && !text.contains("tails")
        })
    })
    .await?;
    assert_eq!(get(admin, "/livez").await?.0, 200);
    let told = health(&ground.site, port, certificate).await?;
    assert_eq!(told, ServingStatus::NotServing, "{name}");

    ground.site.start_part(Part::Issuer).await?;
    let (_, port, certificate) = listeners(&ground.site)[0];
    let admin = &ground.site.ports.admin[0];
    wait_until(PATIENCE, "command-svc to be ready", || async {
        get(admin, "/readyz")
            .await
            .is_ok_and(|(status, _)| status == 200)
    })
    .await?;
    wait_until(PATIENCE, "health to follow", || async {
        let told = health(&ground.site, port, certificate).await;
        told.is_ok_and(|told| told == ServingStatus::Serving)
    })
    .await?;
    assert!(early.terminate().await?.success());
    ground.finish().await
}

#[tokio::test]
async fn known_keys_go_on_when_the_issuer_is_gone() -> Result<()> {
    let mut scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    scene.site_mut().kill9(Part::Issuer)?;
    let answer = scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    assert_eq!(answer.outcome(), Outcome::Executed);
    for port in scene.admin() {
        assert_eq!(get(port, "/readyz").await?.0, 200);
    }
    scene.finish().await
}
