//! `RegistryService`, called over mTLS.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use authn::tls::{ClientTls, Protocol};
use domain::registry::{ChangeSet, Versioned};
use domain::{ComplexId, PartnerId};
use http::Uri;
use proto::access::registry_service_client::RegistryServiceClient;
use proto::access::{
    AddFaceCredentialRequest, AddPlateCredentialRequest, ApplyRequest, ApplyResponse,
    EgressReportRequest, EgressReportResponse, EnsureSubjectRequest, EnsureSubjectsRequest,
    GetComplexRequest, GetProvisioningRequest, HistoryRequest, HistoryResponse,
    PartnerProvisioning, PrivilegeCheck, ProvisioningState, VerifyPartnerRequest, VersionedEntity,
};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::config::Config;
use crate::login;
use crate::standing::Standing;
use crate::token::Token;

/// How long a call may take: longer than the service takes to give up.
const CALL: Duration = Duration::from_secs(30);
/// The largest answer about one person, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// A connection to the service; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Client(RegistryServiceClient<InterceptedService<Channel, Token>>);

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// A file that can't be used, or nobody who listens.
    pub(crate) async fn connect(config: &Config) -> Result<Self> {
        login::keep_fresh(config).await?;
        let token = Token::new(config.token_file.clone())?;
        let uri = config.endpoint.0.clone();
        let channel = channel(config, &uri)
            .await
            .with_context(|| format!("can't connect to {uri}"))?;
        let client = RegistryServiceClient::with_interceptor(channel, token);
        Ok(Self(client))
    }

    /// What stands in a complex; nothing where it is not registered.
    ///
    /// # Errors
    /// The refusal, or an entity that this version does not know.
    pub(crate) async fn standing(&mut self, complex: &ComplexId) -> Result<Standing> {
        let mut request = GetComplexRequest {
            complex_id: complex.to_string(),
            ..GetComplexRequest::default()
        };
        let mut standing = Standing::default();
        loop {
            let page = match self.0.get_complex(request.clone()).await {
                Ok(page) => page.into_inner(),
                Err(status) if status.code() == Code::NotFound => return Ok(standing),
                Err(status) => {
                    return Err(refusal(&status).context(format!("can't read {complex}")));
                }
            };
            for entity in &page.entities {
                let entity = known(entity).with_context(|| unknown(complex))?;
                standing.0.insert(entity.state.key(), entity);
            }
            if page.next_page_token.is_empty() {
                return Ok(standing);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// A page of what was changed in a complex.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn history(&mut self, request: HistoryRequest) -> Result<HistoryResponse> {
        let page = self.0.history(request).await;
        Ok(page.map_err(|status| refusal(&status))?.into_inner())
    }

    /// References of users, in their order; where only the known are asked for, others have none.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn subjects(
        &mut self,
        users: Vec<EnsureSubjectRequest>,
        only_known: bool,
    ) -> Result<Vec<String>, Status> {
        let request = EnsureSubjectsRequest { users, only_known };
        Ok(self
            .0
            .ensure_subjects(request)
            .await?
            .into_inner()
            .subject_refs)
    }

    /// What partners hold in a complex.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn provisioning(
        &mut self,
        complex: &ComplexId,
    ) -> Result<Vec<PartnerProvisioning>> {
        let request = GetProvisioningRequest {
            complex_id: complex.to_string(),
        };
        let answer = self.0.get_provisioning(request).await;
        let answer = answer.map_err(|status| refusal(&status))?;
        Ok(answer.into_inner().partners)
    }

    /// Applies a change set.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn apply(
        &mut self,
        complex: &ComplexId,
        set: &ChangeSet,
    ) -> Result<ApplyResponse, Status> {
        let request = ApplyRequest {
            complex_id: complex.to_string(),
            idempotency_key: set.id.to_string(),
            note: set.note.clone(),
            changes: set.changes.iter().map(records::change_to_wire).collect(),
        };
        Ok(self.0.apply(request).await?.into_inner())
    }
}

impl Client {
    /// Asks a partner for what it must refuse.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn verify_partner(
        &mut self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<Vec<PrivilegeCheck>> {
        let request = VerifyPartnerRequest {
            complex_id: complex.to_string(),
            partner_id: partner.to_string(),
        };
        let answer = self.0.verify_partner(request).await;
        let answer = answer.map_err(|status| refusal(&status))?;
        Ok(answer.into_inner().checks)
    }
}

/// What to do about something that only a later version knows.
pub(crate) fn unknown(complex: &ComplexId) -> String {
    format!("{complex} holds what this smarthomectl does not know; use the service's")
}

impl Client {
    /// Adds the credential of a plate: how it is at the partner, why, and what to do.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn add_plate(
        &mut self,
        request: AddPlateCredentialRequest,
    ) -> Result<(ProvisioningState, String, String)> {
        let added = self.0.add_plate_credential(request).await;
        let added = added.map_err(|status| refusal(&status))?.into_inner();
        Ok((added.state(), added.reason, added.to_do))
    }

    /// Adds the credential of a face; as [`Client::add_plate`].
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn add_face(
        &mut self,
        request: AddFaceCredentialRequest,
    ) -> Result<(ProvisioningState, String, String)> {
        let added = self.0.add_face_credential(request).await;
        let added = added.map_err(|status| refusal(&status))?.into_inner();
        Ok((added.state(), added.reason, added.to_do))
    }

    /// One page of what was sent to partners.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) async fn egress_page(
        &mut self,
        request: EgressReportRequest,
    ) -> Result<EgressReportResponse> {
        let answer = self.0.egress_report(request).await;
        Ok(answer.map_err(|status| refusal(&status))?.into_inner())
    }
}

/// A refusal in words.
pub(crate) fn refusal(status: &Status) -> anyhow::Error {
    anyhow!("{} ({:?})", status.message(), status.code())
}

/// An entity of a kind that this version knows.
///
/// # Errors
/// It is of another.
pub(crate) fn known(entity: &VersionedEntity) -> Result<Versioned<domain::registry::Entity>> {
    let change = entity.entity.as_ref().context("no entity")?;
    Ok(Versioned {
        version: entity.version,
        state: records::change_from_wire(change)?.entity,
    })
}

/// A connection to a service.
pub(crate) async fn channel(config: &Config, uri: &Uri) -> Result<Channel> {
    let tls = ClientTls::load(config.tls.clone(), Protocol::Grpc)?;
    Ok(authn::tls::channel::connect(&tls, uri, CALL).await?)
}
