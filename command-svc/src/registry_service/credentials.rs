//! Credentials and keys at the partners, as operators ask for them.

use proto::access::{
    AddFaceCredentialRequest, AddFaceCredentialResponse, AddPlateCredentialRequest,
    AddPlateCredentialResponse, DeliverTokenKeyRequest, DeliverTokenKeyResponse,
    GetProvisioningRequest, GetProvisioningResponse,
};
use tonic::Request;

use super::{RegistryApi, position};
use crate::refusal::Refusal;
use crate::{grpc, provision};

impl RegistryApi {
    pub(super) async fn token_key(
        &self,
        request: Request<DeliverTokenKeyRequest>,
    ) -> Result<DeliverTokenKeyResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let request = request.into_inner();
        let complex = grpc::id("complex_id", &request.complex_id)?;
        operator.is_for(&complex)?;
        let partner = grpc::id("partner_id", &request.partner_id)?;
        let key_version = self
            .provisioner
            .deliver_token_key(&complex, &partner)
            .await?;
        Ok(DeliverTokenKeyResponse { key_version })
    }

    pub(super) async fn plate(
        &self,
        request: Request<AddPlateCredentialRequest>,
    ) -> Result<AddPlateCredentialResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        operator.is_for(&grpc::id("complex_id", &request.complex_id)?)?;
        let actor = self.operators.actor(&operator).await?;
        let added = self.provisioner.add_plate(actor, request, &trace).await?;
        let (reason, to_do) = added.reason.unwrap_or_default();
        Ok(AddPlateCredentialResponse {
            audit_position: added.position.map(position),
            state: provision::to_wire(added.state).into(),
            reason,
            to_do: to_do.to_owned(),
        })
    }

    pub(super) async fn provisioning(
        &self,
        request: Request<GetProvisioningRequest>,
    ) -> Result<GetProvisioningResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let complex = grpc::id("complex_id", &request.get_ref().complex_id)?;
        operator.is_for(&complex)?;
        self.provisioner.provisioning(&complex)
    }

    pub(super) async fn face(
        &self,
        request: Request<AddFaceCredentialRequest>,
    ) -> Result<AddFaceCredentialResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        operator.is_for(&grpc::id("complex_id", &request.complex_id)?)?;
        let actor = self.operators.actor(&operator).await?;
        let added = self.provisioner.add_face(actor, request, &trace).await?;
        let (reason, to_do) = added.reason.unwrap_or_default();
        Ok(AddFaceCredentialResponse {
            audit_position: added.position.map(position),
            state: provision::to_wire(added.state).into(),
            reason,
            to_do: to_do.to_owned(),
        })
    }
}
