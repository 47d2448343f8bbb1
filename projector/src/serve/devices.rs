//! `DeviceStatusService`.

use std::sync::Arc;

use domain::id::DeviceId;
use proto::access::device_status_service_server::DeviceStatusService;
use proto::access::{
    DeviceStatus, GetDeviceStatusRequest, ListDeviceStatusesRequest, ListDeviceStatusesResponse,
};
use tonic::{Request, Response, Status};

use super::call::Call;
use super::status::{Missing, Refusal};
use super::{Serving, parse};

/// The service.
pub(super) struct Devices(pub(super) Arc<Serving>);

#[tonic::async_trait]
impl DeviceStatusService for Devices {
    async fn get_device_status(
        &self,
        request: Request<GetDeviceStatusRequest>,
    ) -> Result<Response<DeviceStatus>, Status> {
        let call = Call::new("DeviceStatusService/GetDeviceStatus", &request);
        self.0.calls.run(call, self.get(request)).await
    }

    async fn list_device_statuses(
        &self,
        request: Request<ListDeviceStatusesRequest>,
    ) -> Result<Response<ListDeviceStatusesResponse>, Status> {
        let call = Call::new("DeviceStatusService/ListDeviceStatuses", &request);
        self.0.calls.run(call, self.list(request)).await
    }
}

impl Devices {
    async fn get(&self, request: Request<GetDeviceStatusRequest>) -> Result<DeviceStatus, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let device: DeviceId = parse::id("device_id", &request.get_ref().device_id)?;
        // Another complex' device answers as one that there isn't.
        let missing = || Refusal::NotFound(Missing::Device);
        auditor.may_read(device.complex()).map_err(|_| missing())?;
        let row = self.0.views.device(&device).await?;
        Ok(row.ok_or_else(missing)?.status)
    }

    async fn list(
        &self,
        request: Request<ListDeviceStatusesRequest>,
    ) -> Result<ListDeviceStatusesResponse, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let complex = parse::id("complex_id", &request.get_ref().complex_id)?;
        let readable = auditor.may_read(complex)?;
        let rows = self.0.views.devices(readable.complex()).await?;
        Ok(ListDeviceStatusesResponse {
            statuses: rows.into_iter().map(|row| row.status).collect(),
        })
    }
}
