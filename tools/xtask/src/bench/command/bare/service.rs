//! The process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use proto::access::access_service_server::{AccessService, AccessServiceServer};
use proto::access::{
    AuditPosition, GetCommandRequest, GetCommandResponse, ListMyDevicesRequest,
    ListMyDevicesResponse, OpenRequest, OpenResponse, OpenWithPassRequest, Outcome,
};
use records::timestamp_to_wire;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::json;
use service::config::{ProcessConfig, ProcessSettings};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Sample;
use super::log::{Log, LogConfig};

/// What it is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::bench) struct Config {
    process: ProcessSettings,
    listen: SocketAddr,
    certificate: PathBuf,
    private_key: PathBuf,
    client_roots: PathBuf,
    partner: String,
    partner_tls: ClientTlsFiles,
    log: LogConfig,
    records: [Sample; 2],
}

impl ProcessConfig for Config {
    const NAME: &'static str = "bare";
    const ENV_PREFIX: &'static str = "BARE";

    fn process(&self) -> &ProcessSettings {
        &self.process
    }
}

struct Bare {
    log: Log,
    http: reqwest::Client,
    partner: String,
    records: [Sample; 2],
}

/// Serves until it is told to shut down.
///
/// # Errors
/// A part can't be built.
pub(in crate::bench) async fn run(config: Config, context: service::Context) -> anyhow::Result<()> {
    let identity = ClientTls::load(config.partner_tls, Protocol::Http)?.current();
    let mut tls = (*identity.config).clone();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .build()?;
    let bare = Bare {
        log: config.log.open().await.context("log")?,
        http,
        partner: config.partner,
        records: config.records,
    };
    let read = |file: &PathBuf| std::fs::read(file);
    let identity = Identity::from_pem(read(&config.certificate)?, read(&config.private_key)?);
    let tls = ServerTlsConfig::new()
        .identity(identity)
        .client_ca_root(Certificate::from_pem(read(&config.client_roots)?));
    context.health.started();
    Server::builder()
        .tls_config(tls)?
        .add_service(AccessServiceServer::from_arc(Arc::new(bare)))
        .serve_with_shutdown(config.listen, context.shutdown.cancelled_owned())
        .await?;
    Ok(())
}

impl Bare {
    async fn append(&self, sample: &Sample) -> Result<(), Status> {
        let started = Instant::now();
        let appended = self.log.append(sample).await;
        let kind = sample.headers.iter().find(|(name, _)| name == "ce_type");
        let kind = kind.map(|(_, kind)| kind.clone()).unwrap_or_default();
        metrics::histogram!("append_seconds", "type" => kind).record(started.elapsed());
        appended.map_err(|error| Status::unavailable(error.to_string()))
    }

    async fn ask_partner(&self, open: &OpenRequest, id: Uuid) -> reqwest::Result<()> {
        let started = Instant::now();
        let device = &open.device_id;
        let complex = device.split('.').next().unwrap_or_default();
        let url = format!(
            "{}/v1/complexes/{complex}/devices/{device}/open",
            self.partner
        );
        let expires_at = open.expires_at.as_ref().map(ToString::to_string);
        let body = json!({ "operation": "open_door", "expires_at": expires_at });
        let answer = self
            .http
            .post(url)
            .header(AUTHORIZATION, "Bearer of-the-benchmark")
            .header("idempotency-key", id.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .send()
            .await?;
        answer.error_for_status()?.bytes().await?;
        metrics::histogram!("partner_request_seconds", "call" => "open").record(started.elapsed());
        Ok(())
    }
}

#[tonic::async_trait]
impl AccessService for Bare {
    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<OpenResponse>, Status> {
        let started = Instant::now();
        let (open, id) = (request.into_inner(), Uuid::now_v7());
        let now = timestamp_to_wire(jiff::Timestamp::now());
        let [decided, completed] = &self.records;
        self.append(decided).await?;
        let asked = self.ask_partner(&open, id).await;
        asked.map_err(|error| Status::unavailable(error.to_string()))?;
        self.append(completed).await?;
        metrics::histogram!("grpc_request_seconds", "method" => "Open").record(started.elapsed());
        Ok(Response::new(OpenResponse {
            command_id: id.to_string(),
            outcome: Outcome::Executed.into(),
            reason: "PARTNER_EXECUTED".to_owned(),
            partner_code: "opened".to_owned(),
            decided_at: Some(now),
            completed_at: Some(timestamp_to_wire(jiff::Timestamp::now())),
            audit_position: Some(AuditPosition {
                topic: "access.events.v1".to_owned(),
                partition: 0,
                offset: 0,
            }),
            recorded: true,
        }))
    }

    async fn open_with_pass(
        &self,
        _: Request<OpenWithPassRequest>,
    ) -> Result<Response<OpenResponse>, Status> {
        Err(Status::unimplemented("a yardstick"))
    }

    async fn get_command(
        &self,
        _: Request<GetCommandRequest>,
    ) -> Result<Response<GetCommandResponse>, Status> {
        Err(Status::unimplemented("a yardstick"))
    }

    async fn list_my_devices(
        &self,
        _: Request<ListMyDevicesRequest>,
    ) -> Result<Response<ListMyDevicesResponse>, Status> {
        Err(Status::unimplemented("a yardstick"))
    }
}
