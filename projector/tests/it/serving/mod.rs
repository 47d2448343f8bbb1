//! Role `serve`, over real TLS with real tokens, beside role `project` on the same stores.

mod completeness;
mod exports;
mod foreign;
mod identities;
mod proofs;
mod pruned;
pub mod reads;
mod refusals;
mod residents;
mod searches;
mod statistics;
pub mod swapped;
mod tiles;
mod watched;
mod watches;

use projector::config::Config;
use projector::{project, serve, views};
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::{AccessRecord, SearchAccessRequest};
use serde_json::json;
use service::health::Health;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::run::wait;
use crate::site::{OnDisk, READER};

pub struct Site {
    pub disk: OnDisk,
    config: Config,
    address: String,
    /// Where the audit log is published.
    pub tiles: String,
    health: Health,
    shutdown: CancellationToken,
    running: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Site {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more keys in `[serve.tiles]`.
    pub async fn start_with(tiles: &str) -> Self {
        Self::start_on(OnDisk::publishing(tiles).await).await
    }

    pub async fn start_on(disk: OnDisk) -> Self {
        let config = service::config::load(&disk.config(), "PROJECTOR_TEST").unwrap();
        let mut site = Self {
            disk,
            config,
            address: String::new(),
            tiles: String::new(),
            health: Health::new(),
            shutdown: CancellationToken::new(),
            running: Vec::new(),
        };
        site.run().await;
        site
    }

    /// Stops both roles in good order, and runs them again with a configuration that was changed.
    pub async fn restart(&mut self, change: impl FnOnce(&mut Config)) {
        self.stop().await;
        change(&mut self.config);
        self.run().await;
    }

    /// Stops both roles in good order.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        for role in self.running.drain(..) {
            role.await.unwrap().unwrap();
        }
    }

    async fn run(&mut self) {
        let context = service::Context {
            health: Health::new(),
            shutdown: CancellationToken::new(),
            metrics: service::metrics::install().unwrap(),
        };
        let project = project::prepare(&self.config, &context).await.unwrap();
        let serve = serve::prepare(&self.config, &context).await.unwrap();
        context.health.started();
        self.address = format!("https://localhost:{}", serve.local_addr().port());
        let tiles = serve.tiles_addr().unwrap().port();
        self.tiles = format!("https://localhost:{tiles}");
        self.running = vec![tokio::spawn(project.run()), tokio::spawn(serve.run())];
        (self.health, self.shutdown) = (context.health, context.shutdown);
        wait(async || self.health.status().is_ready()).await;
    }

    pub async fn projected(&self) {
        let views = self.config.views.as_ref().unwrap();
        let views = projector::store::open_configured_reader(views).unwrap();
        wait(async || {
            for topic in views::TOPICS {
                let ends = self.disk.fixture.log.end_offsets(topic).await.unwrap();
                for (partition, end) in (0..).zip(ends) {
                    if views.progress(topic, partition).await.unwrap().unwrap_or(0) < end {
                        return false;
                    }
                }
            }
            true
        })
        .await;
    }

    pub fn endpoint(&self, name: Option<&str>) -> Endpoint {
        let roots = std::fs::read(self.disk.pki.bundle()).unwrap();
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
        if let Some(name) = name {
            tls = tls.identity(self.disk.client(name));
        }
        Endpoint::from_shared(self.address.clone())
            .unwrap()
            .tls_config(tls)
            .unwrap()
    }

    pub async fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.endpoint(Some(READER)).connect().await.unwrap())
    }

    pub fn with_token<T>(&self, message: T, token: &str) -> Request<T> {
        let mut request = Request::new(message);
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// As the auditor of `sunrise`.
    pub fn auditor<T>(&self, message: T) -> Request<T> {
        self.with_token(message, &self.disk.issuer.token(&["sunrise"], json!({})))
    }

    pub async fn search(
        &self,
        asked: SearchAccessRequest,
    ) -> Result<(Vec<AccessRecord>, String), Status> {
        let answer = self
            .audit()
            .await
            .search_access(self.auditor(asked))
            .await?
            .into_inner();
        Ok((answer.records, answer.next_page_token))
    }
}

pub fn sunrise() -> SearchAccessRequest {
    SearchAccessRequest {
        complex_id: "sunrise".into(),
        ..Default::default()
    }
}

pub fn reason(status: &Status) -> (Code, String) {
    let info = status
        .get_details_error_info()
        .expect("every refusal has an ErrorInfo");
    assert_eq!(info.domain, "smarthome.access");
    (status.code(), info.reason)
}

pub fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().into_iter();
    let violations = request.flat_map(|request| request.field_violations);
    violations.map(|violation| violation.field).collect()
}
