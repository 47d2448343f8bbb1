//! The service, called over mTLS with the owner's token.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use authn::tls::{ClientTls, Protocol, channel};
use jiff::{SignedDuration, Timestamp};
use proto::access::access_service_client::AccessServiceClient;
use proto::access::guest_service_client::GuestServiceClient;
use proto::access::resident_service_client::ResidentServiceClient;
use proto::access::{InputMethod, OpenRequest, OpenResponse, OpenWithPassRequest, RequestContext};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use weblogin::{Session, SessionError};

use crate::config::Config;

/// How long one call may take: longer than a command lives.
const CALL: Duration = Duration::from_secs(30);
/// How long a command lives, in seconds: it is not carried out later, when nobody stands there any more.
const LIVES: i64 = 20;
/// The longest pause before the same command is sent again.
const PAUSE: Duration = Duration::from_secs(2);

/// The service's stubs. A clone is the same.
#[derive(Clone)]
pub(crate) struct Backend {
    access: AccessServiceClient<Channel>,
    /// Guest passes.
    pub(crate) guests: GuestServiceClient<Channel>,
    /// What is recorded of a resident.
    pub(crate) residents: ResidentServiceClient<Channel>,
}

/// What a press means. The key is the press's own: whoever sends the same one again opens nothing twice.
#[derive(Clone)]
pub(crate) struct Press {
    pub(crate) device: String,
    pub(crate) operation: i32,
    pub(crate) key: String,
}

impl Backend {
    /// Prepares; connects with the first call.
    pub(crate) fn new(config: &Config) -> Result<(Self, Arc<ClientTls>)> {
        let tls = ClientTls::load(config.tls.clone(), Protocol::Grpc).context("section [tls]")?;
        let access = channel::lazy(&tls, &config.access.0, CALL).context("`access`")?;
        let residents = channel::lazy(&tls, &config.residents.0, CALL).context("`residents`")?;
        let backend = Self {
            access: AccessServiceClient::new(access.clone()),
            guests: GuestServiceClient::new(access),
            residents: ResidentServiceClient::new(residents),
        };
        Ok((backend, tls))
    }

    /// What the owner may open.
    pub(crate) async fn devices(
        &self,
        session: &Arc<Session>,
    ) -> Result<Vec<proto::access::MyDevice>, Status> {
        let request = on_behalf(proto::access::ListMyDevicesRequest {}, session).await?;
        let answer = self.access.clone().list_my_devices(request).await?;
        Ok(answer.into_inner().devices)
    }

    /// Opens for the owner.
    pub(crate) async fn open(
        &self,
        session: &Arc<Session>,
        press: Press,
    ) -> Result<OpenResponse, Status> {
        let expires = expiry();
        loop {
            let request = OpenRequest {
                device_id: press.device.clone(),
                operation: press.operation,
                idempotency_key: press.key.clone(),
                expires_at: Some(wire(expires)),
                context: Some(context()),
            };
            let request = on_behalf(request, session).await?;
            match self.access.clone().open(request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(refusal) => pause(refusal, expires).await?,
            }
        }
    }

    /// Opens for a guest.
    pub(crate) async fn open_with_pass(
        &self,
        secret: &str,
        press: Press,
    ) -> Result<OpenResponse, Status> {
        let expires = expiry();
        loop {
            let request = OpenWithPassRequest {
                device_id: press.device.clone(),
                operation: press.operation,
                idempotency_key: press.key.clone(),
                expires_at: Some(wire(expires)),
                context: Some(context()),
                pass_secret: secret.to_owned(),
            };
            match self.access.clone().open_with_pass(request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(refusal) => pause(refusal, expires).await?,
            }
        }
    }
}

fn expiry() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(LIVES)
}

/// Waits until the same command may be sent again with the same key, where the service says that this may
/// help (docs/reasons.md) and the command lives for so long; else the refusal stands.
async fn pause(refusal: Status, expires: Timestamp) -> Result<(), Status> {
    let retry = refusal.get_details_retry_info();
    let wait = retry.and_then(|retry| retry.retry_delay);
    let wait = wait.filter(|_| refusal.code() == Code::Unavailable);
    match wait.map(|wait| wait.min(PAUSE)) {
        Some(wait) if Timestamp::now() + wait < expires => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        _ => Err(refusal),
    }
}

/// An instant on the wire.
pub(crate) fn wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// An instant of the wire.
pub(crate) fn instant(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

fn context() -> RequestContext {
    RequestContext {
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        method: InputMethod::Button.into(),
    }
}

/// A request with the owner's token.
pub(crate) async fn on_behalf<T>(message: T, session: &Arc<Session>) -> Result<Request<T>, Status> {
    let token = session.access_token().await.map_err(|error| match error {
        SessionError::Ended => Status::unauthenticated(error.to_string()),
        SessionError::Unavailable => Status::unavailable(error.to_string()),
    })?;
    let value = AsciiMetadataValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| Status::unauthenticated("the token is no header"))?;
    value.set_sensitive(true);
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", value);
    Ok(request)
}

/// The service's stable reason for a refusal; empty where it gave none.
pub(crate) fn reason(refusal: &Status) -> String {
    let info = refusal.get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}
