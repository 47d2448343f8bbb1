//! `AuditService`: who asks, and what is answered by [`queries`](super::queries).

use std::sync::Arc;

use proto::access::audit_service_server::AuditService;
use proto::access::{
    AccessStatisticsRequest, AccessStatisticsResponse, ExportRequest, ExportResponse,
    GetAccessRecordRequest, GetAccessRecordResponse, GetCheckpointRequest, GetCheckpointResponse,
    GetCompletenessRequest, GetCompletenessResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, SearchAccessRequest, SearchAccessResponse, SearchAlarmsRequest,
    SearchAlarmsResponse, SearchReadsRequest, SearchReadsResponse, WatchAccessRequest,
    WatchAccessResponse, WatchAlarmsRequest, WatchAlarmsResponse,
};
use tonic::{Request, Response, Status};

use super::Serving;
use super::call::Call;
use super::export::Progress;
use super::watch::Watching;

/// The service.
pub(super) struct Audit(pub(super) Arc<Serving>);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn search_access(
        &self,
        request: Request<SearchAccessRequest>,
    ) -> Result<Response<SearchAccessResponse>, Status> {
        let call = Call::new("AuditService/SearchAccess", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.search_access(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn get_access_record(
        &self,
        request: Request<GetAccessRecordRequest>,
    ) -> Result<Response<GetAccessRecordResponse>, Status> {
        let call = Call::new("AuditService/GetAccessRecord", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.get_access_record(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let call = Call::new("AuditService/GetCheckpoint", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.get_checkpoint(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let call = Call::new("AuditService/GetConsistencyProof", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.get_consistency_proof(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn get_completeness(
        &self,
        request: Request<GetCompletenessRequest>,
    ) -> Result<Response<GetCompletenessResponse>, Status> {
        let call = Call::new("AuditService/GetCompleteness", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.get_completeness(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn search_alarms(
        &self,
        request: Request<SearchAlarmsRequest>,
    ) -> Result<Response<SearchAlarmsResponse>, Status> {
        let call = Call::new("AuditService/SearchAlarms", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.search_alarms(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    async fn access_statistics(
        &self,
        request: Request<AccessStatisticsRequest>,
    ) -> Result<Response<AccessStatisticsResponse>, Status> {
        let call = Call::new("AuditService/AccessStatistics", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.access_statistics(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }

    type WatchAccessStream = Watching<WatchAccessResponse>;

    async fn watch_access(
        &self,
        request: Request<WatchAccessRequest>,
    ) -> Result<Response<Self::WatchAccessStream>, Status> {
        let call = Call::new("AuditService/WatchAccess", &request);
        let begin = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.watch_access(&auditor, asked).await
        };
        self.0.calls.run(call, begin).await
    }

    type WatchAlarmsStream = Watching<WatchAlarmsResponse>;

    async fn watch_alarms(
        &self,
        request: Request<WatchAlarmsRequest>,
    ) -> Result<Response<Self::WatchAlarmsStream>, Status> {
        let call = Call::new("AuditService/WatchAlarms", &request);
        let begin = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.watch_alarms(&auditor, asked).await
        };
        self.0.calls.run(call, begin).await
    }

    type ExportStream = Watching<ExportResponse>;

    async fn export(
        &self,
        request: Request<ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let call = Call::new("AuditService/Export", &request);
        let time = call.asked();
        // The console's pages look on.
        let progress = request.extensions().get::<Arc<Progress>>();
        let progress = progress.cloned().unwrap_or_default();
        let begin = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.export(&auditor, asked, time, progress).await
        };
        self.0.calls.run(call, begin).await
    }

    async fn search_reads(
        &self,
        request: Request<SearchReadsRequest>,
    ) -> Result<Response<SearchReadsResponse>, Status> {
        let call = Call::new("AuditService/SearchReads", &request);
        let answer = async {
            let (auditor, asked) = self.0.asked(request).await?;
            self.0.search_reads(&auditor, asked).await
        };
        self.0.calls.run(call, answer).await
    }
}
