//! `ResidentService`: what somebody may know of himself. Every query is by the caller's own reference,
//! and so is every answer.

mod history;
mod looks;
mod receipt;

use std::sync::Arc;

use proto::access::resident_service_server::ResidentService;
use proto::access::{
    GetMyCommandRequest, GetMyReceiptRequest, GetMyReceiptResponse, ListMyHistoryRequest,
    ListMyHistoryResponse, ListWhoLookedRequest, ListWhoLookedResponse, MyAccess,
};
use tonic::{Request, Response, Status};

use super::Serving;
use super::auth::OwnerGate;
use super::call::Call;

/// The service.
pub(super) struct Residents {
    pub(super) serving: Arc<Serving>,
    pub(super) owners: OwnerGate,
}

#[tonic::async_trait]
impl ResidentService for Residents {
    async fn list_my_history(
        &self,
        request: Request<ListMyHistoryRequest>,
    ) -> Result<Response<ListMyHistoryResponse>, Status> {
        let call = Call::new("ResidentService/ListMyHistory", &request);
        self.serving.calls.run(call, self.history(request)).await
    }

    async fn get_my_command(
        &self,
        request: Request<GetMyCommandRequest>,
    ) -> Result<Response<MyAccess>, Status> {
        let call = Call::new("ResidentService/GetMyCommand", &request);
        self.serving.calls.run(call, self.command(request)).await
    }

    async fn list_who_looked(
        &self,
        request: Request<ListWhoLookedRequest>,
    ) -> Result<Response<ListWhoLookedResponse>, Status> {
        let call = Call::new("ResidentService/ListWhoLooked", &request);
        self.serving.calls.run(call, self.looks(request)).await
    }

    async fn get_my_receipt(
        &self,
        request: Request<GetMyReceiptRequest>,
    ) -> Result<Response<GetMyReceiptResponse>, Status> {
        let call = Call::new("ResidentService/GetMyReceipt", &request);
        self.serving.calls.run(call, self.receipt(request)).await
    }
}
