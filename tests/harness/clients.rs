//! Clients of every kind: the BFF with its owners, operators, auditors.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use dev_issuer::Tokens;
use jiff::{SignedDuration, Timestamp};
use privacy::PassSecret;
use proto::access::access_service_client::AccessServiceClient;
use proto::access::audit_service_client::AuditServiceClient;
use proto::access::device_status_service_client::DeviceStatusServiceClient;
use proto::access::registry_service_client::RegistryServiceClient;
use proto::access::subject_service_client::SubjectServiceClient;
use proto::access::{
    GetCommandRequest, GetCommandResponse, OpenRequest, OpenResponse, OpenWithPassRequest,
};
use records::timestamp_to_wire;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};
use url::Url;
use uuid::Uuid;

use crate::fixtures::device_fixture;
use crate::pki::Issued;
use crate::process::Port;
use crate::site::{CLIENT_ID, OPERATOR, REDIRECT_URI, SCOPE, Site, USERS};

/// How long any call may take.
const CALL: Duration = Duration::from_secs(30);

/// Connects over mTLS; `identity` is the client's certificate, if it has one.
///
/// # Errors
/// A file can't be read, or nobody listens.
pub async fn channel(site: &Site, port: &Port, identity: Option<&Issued>) -> Result<Channel> {
    let roots = Certificate::from_pem(std::fs::read(site.pki.bundle())?);
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(roots)
        .domain_name("localhost");
    if let Some(issued) = identity {
        let certificate = std::fs::read(&issued.certificate)?;
        tls = tls.identity(Identity::from_pem(
            certificate,
            std::fs::read(&issued.private_key)?,
        ));
    }
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", port.number()))?;
    Ok(endpoint.tls_config(tls)?.timeout(CALL).connect().await?)
}

/// Logs a user in as the app would: Authorization Code with PKCE.
///
/// # Errors
/// There is no such user, or the login fails.
pub async fn log_in(site: &Site, username: &str) -> Result<Tokens> {
    log_in_at(&site.issuer()?, site.issuer_roots(), username).await
}

/// The same, at an issuer whose certificate `roots` vouches for.
///
/// # Errors
/// There is no such user, or the login fails.
pub async fn log_in_at(issuer: &Url, roots: &Path, username: &str) -> Result<Tokens> {
    let user = USERS
        .iter()
        .find(|user| user.username == username)
        .context("no such user")?;
    log_in_with(issuer, roots, user.username, user.password).await
}

/// The same, of whoever the issuer knows by this name and password.
///
/// # Errors
/// The login fails.
pub async fn log_in_with(
    issuer: &Url,
    roots: &Path,
    username: &str,
    password: &str,
) -> Result<Tokens> {
    let http = dev_issuer::http_client(&std::fs::read(roots)?)?;
    dev_issuer::login(
        &http,
        issuer,
        CLIENT_ID,
        REDIRECT_URI,
        username,
        password,
        SCOPE,
    )
    .await
    .with_context(|| format!("log {username} in"))
}

/// The mobile app's BFF.
#[derive(Clone)]
pub struct Bff {
    /// Its stub.
    pub access: AccessServiceClient<Channel>,
}

impl Bff {
    /// Connects with the BFF's certificate.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(site: &Site) -> Result<Self> {
        Self::connect_at(site, &site.ports.access).await
    }

    /// The same, at the second instance of command-svc.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect_twin(site: &Site) -> Result<Self> {
        Self::connect_at(site, &site.ports.twin_access).await
    }

    async fn connect_at(site: &Site, port: &Port) -> Result<Self> {
        let channel = channel(site, port, Some(&site.certificates.bff)).await?;
        Ok(Self {
            access: AccessServiceClient::new(channel),
        })
    }

    /// Opens a device for the owner of `token`.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open(&self, token: &str, request: OpenRequest) -> Result<OpenResponse, Status> {
        let request = with_token(request, token)?;
        Ok(self.access.clone().open(request).await?.into_inner())
    }

    /// Opens a device for a guest.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open_with_pass(
        &self,
        secret: &PassSecret,
        open: OpenRequest,
    ) -> Result<OpenResponse, Status> {
        let request = OpenWithPassRequest {
            device_id: open.device_id,
            operation: open.operation,
            idempotency_key: open.idempotency_key,
            expires_at: open.expires_at,
            context: open.context,
            pass_secret: secret.expose().to_owned(),
        };
        Ok(self
            .access
            .clone()
            .open_with_pass(request)
            .await?
            .into_inner())
    }
}

impl Bff {
    /// What became of a command of the owner of `token`.
    ///
    /// # Errors
    /// The refusal.
    pub async fn command(&self, token: &str, id: &str) -> Result<GetCommandResponse, Status> {
        let request = GetCommandRequest {
            command_id: id.to_owned(),
            pass_secret: String::new(),
        };
        let request = with_token(request, token)?;
        Ok(self.access.clone().get_command(request).await?.into_inner())
    }

    /// What became of a guest's command.
    ///
    /// # Errors
    /// The refusal.
    pub async fn command_with_pass(
        &self,
        secret: &PassSecret,
        id: &str,
    ) -> Result<GetCommandResponse, Status> {
        let request = GetCommandRequest {
            command_id: id.to_owned(),
            pass_secret: secret.expose().to_owned(),
        };
        Ok(self.access.clone().get_command(request).await?.into_inner())
    }
}

/// A fresh request for a device of the fixtures.
///
/// # Errors
/// There is no such device.
pub fn open_request(device: &str) -> Result<OpenRequest> {
    let expires_at = Timestamp::now() + SignedDuration::from_secs(20);
    Ok(OpenRequest {
        device_id: device.to_owned(),
        operation: device_fixture(device)?.operation().into(),
        idempotency_key: Uuid::now_v7().to_string(),
        expires_at: Some(timestamp_to_wire(expires_at)),
        context: None,
    })
}

/// The registry, called with an operator's token.
pub type Registry = RegistryServiceClient<InterceptedService<Channel, Bearer>>;

/// Persons, asked about with an operator's token.
pub type Persons = SubjectServiceClient<InterceptedService<Channel, Bearer>>;

/// An operator's tool, logged in.
pub struct Operator {
    /// Its stub.
    pub registry: Registry,
    /// The stub for what is about persons.
    pub persons: Persons,
}

impl Operator {
    /// Connects with the operators' certificate, as the operator of everything.
    ///
    /// # Errors
    /// Nobody listens, or the login fails.
    pub async fn connect(site: &Site) -> Result<Self> {
        Self::connect_as(site, &site.ports.registry, OPERATOR).await
    }

    /// The same, at the second instance of command-svc.
    ///
    /// # Errors
    /// Nobody listens, or the login fails.
    pub async fn connect_twin(site: &Site) -> Result<Self> {
        Self::connect_as(site, &site.ports.twin_registry, OPERATOR).await
    }

    /// The same, as `username`.
    ///
    /// # Errors
    /// Nobody listens, or the login fails.
    pub async fn connect_as(site: &Site, port: &Port, username: &str) -> Result<Self> {
        let channel = channel(site, port, Some(&site.certificates.operator)).await?;
        let token = Bearer::new(&log_in(site, username).await?.access_token)?;
        Ok(Self {
            persons: SubjectServiceClient::with_interceptor(channel.clone(), token.clone()),
            registry: RegistryServiceClient::with_interceptor(channel, token),
        })
    }
}

/// An access token, sent with every call.
#[derive(Clone)]
pub struct Bearer(AsciiMetadataValue);

impl Bearer {
    /// Of the token.
    ///
    /// # Errors
    /// It is not ASCII.
    pub fn new(token: &str) -> Result<Self> {
        Ok(Self(format!("Bearer {token}").parse()?))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// An auditor's tool, logged in.
pub struct Auditor {
    /// Audit records.
    pub audit: AuditServiceClient<Channel>,
    /// Device states.
    pub devices: DeviceStatusServiceClient<Channel>,
    token: String,
}

impl Auditor {
    /// Connects with the auditors' certificate and logs `username` in.
    ///
    /// # Errors
    /// Nobody listens, or the login fails.
    pub async fn connect(site: &Site, username: &str) -> Result<Self> {
        let channel = channel(site, &site.ports.audit, Some(&site.certificates.auditor)).await?;
        Ok(Self {
            audit: AuditServiceClient::new(channel.clone()),
            devices: DeviceStatusServiceClient::new(channel),
            token: log_in(site, username).await?.access_token,
        })
    }

    /// A request with the auditor's token.
    ///
    /// # Errors
    /// Never in practice: a token is ASCII.
    pub fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        with_token(message, &self.token)
    }
}

/// A request with an access token.
///
/// # Errors
/// The token is not ASCII.
pub fn with_token<T>(message: T, token: &str) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}")
        .parse()
        .map_err(|_| Status::internal("the token is not ASCII"))?;
    request.metadata_mut().insert("authorization", value);
    Ok(request)
}
