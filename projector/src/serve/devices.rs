//! `DeviceStatusService`.

use std::sync::Arc;

use domain::id::DeviceId;
use domain::vocabulary::ReadMethod;
use jiff::Timestamp;
use proto::access::device_status_service_server::DeviceStatusService;
use proto::access::{
    DeviceHistoryRequest, DeviceHistoryResponse, DeviceStatus, GetDeviceStatusRequest,
    ListDeviceStatusesRequest, ListDeviceStatusesResponse, WatchDeviceStatusesRequest,
    WatchDeviceStatusesResponse,
};
use tonic::{Request, Response, Status};

use super::auth::Auditor;
use super::call::{Answer, Call};
use super::reads::Look;
use super::status::{Missing, Refusal};
use super::watch::Watching;
use super::{Serving, parse, search};
use crate::store::StatusCursor;

/// The service.
pub(super) struct Devices(pub(super) Arc<Serving>);

#[tonic::async_trait]
impl DeviceStatusService for Devices {
    async fn get_device_status(
        &self,
        request: Request<GetDeviceStatusRequest>,
    ) -> Result<Response<DeviceStatus>, Status> {
        let call = Call::new("DeviceStatusService/GetDeviceStatus", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.get_device_status(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn list_device_statuses(
        &self,
        request: Request<ListDeviceStatusesRequest>,
    ) -> Result<Response<ListDeviceStatusesResponse>, Status> {
        let call = Call::new("DeviceStatusService/ListDeviceStatuses", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.list_device_statuses(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn history(
        &self,
        request: Request<DeviceHistoryRequest>,
    ) -> Result<Response<DeviceHistoryResponse>, Status> {
        let call = Call::new("DeviceStatusService/History", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.device_history(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    type WatchStream = Watching<WatchDeviceStatusesResponse>;

    async fn watch(
        &self,
        request: Request<WatchDeviceStatusesRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let call = Call::new("DeviceStatusService/Watch", &request);
        let begin = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.watch_devices(&auditor, asked).await
        };
        self.0.calls.run(call, begin).await
    }
}

impl Serving {
    pub(super) async fn get_device_status(
        &self,
        auditor: &Auditor,
        request: GetDeviceStatusRequest,
    ) -> Result<Answer<DeviceStatus>, Refusal> {
        let device: DeviceId = parse::id("device_id", &request.device_id)?;
        // Another complex' device answers as one that there isn't.
        let missing = || Refusal::NotFound(Missing::Device);
        let readable = auditor.may_read(device.complex()).map_err(|_| missing())?;
        let row = self.views.device(&device).await?;
        let row = row.ok_or_else(missing)?;
        let look = Look {
            device: Some(device),
            ..Look::at_all(ReadMethod::DeviceStatus)
        };
        let recorded = self.reads.record(&readable, look, []).await?;
        let answer = self.freshness.told(row, Timestamp::now());
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn list_device_statuses(
        &self,
        auditor: &Auditor,
        request: ListDeviceStatusesRequest,
    ) -> Result<Answer<ListDeviceStatusesResponse>, Refusal> {
        let complex = parse::id("complex_id", &request.complex_id)?;
        let readable = auditor.may_read(complex)?;
        let rows = self.views.devices(readable.complex()).await?;
        let now = Timestamp::now();
        let look = Look::at_all(ReadMethod::DeviceStatus);
        let recorded = self.reads.record(&readable, look, []).await?;
        let statuses = rows.into_iter().map(|row| self.freshness.told(row, now));
        let answer = ListDeviceStatusesResponse {
            statuses: statuses.collect(),
        };
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn device_history(
        &self,
        auditor: &Auditor,
        request: DeviceHistoryRequest,
    ) -> Result<Answer<DeviceHistoryResponse>, Refusal> {
        let asked = parse::history(&request)?;
        let complex = asked.query.device.complex();
        let missing = |_| Refusal::NotFound(Missing::Device);
        let readable = auditor.may_read(complex).map_err(missing)?;
        let after = search::start(self, &request, &request.page_token)?;
        let most = asked.page_size;
        let mut rows = self.views.history(&asked.query, after, most + 1).await?;
        let more = rows.len() > most;
        rows.truncate(most);
        let last = rows.last().filter(|_| more).map(StatusCursor::of);
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            device: Some(asked.query.device),
            ..Look::at_all(ReadMethod::DeviceHistory)
        };
        let recorded = self.reads.record(&readable, look, []).await?;
        let answer = DeviceHistoryResponse {
            statuses: rows.into_iter().map(|row| row.status).collect(),
            next_page_token: last
                .map(|cursor| self.paging.seal(&request, cursor))
                .unwrap_or_default(),
        };
        Ok(Answer::recorded(answer, recorded))
    }
}
