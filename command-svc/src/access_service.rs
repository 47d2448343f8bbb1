//! `AccessService`: the BFF's gRPC.

use std::sync::Arc;
use std::time::Duration;

use authn::peer::AllowedPeers;
use authn::token::AccessTokenVerifier;
use domain::decide::Asker;
use domain::event::RequestContext;
use domain::{CallerName, CommandId, ComplexId, OpenCommand};
use futures::TryFutureExt as _;
use jiff::Timestamp;
use proto::access::access_service_server::AccessService;
use proto::access::{
    GetCommandRequest, GetCommandResponse, ListMyDevicesRequest, ListMyDevicesResponse,
    OpenRequest, OpenResponse, OpenWithPassRequest,
};
use records::timestamp_to_wire;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use tracing::{Instrument, error};

use crate::admission::Admission;
use crate::caller::Login;
use crate::fold::Tails;
use crate::grpc;
use crate::my_command::{self, Asking};
use crate::open::{Answer, Opener};
use crate::refusal::Refusal;
use crate::request;
use crate::subjects::Directory;
use crate::{caller, deadline, my_devices};

/// The service.
pub(crate) struct Access {
    /// Certificates that may call.
    pub allowed: AllowedPeers,
    /// Verifies owners' tokens.
    pub tokens: AccessTokenVerifier,
    /// Users to references.
    pub directory: Arc<Directory>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// Carries commands through.
    pub opener: Arc<Opener>,
    /// Rates, and commands in flight.
    pub admission: Arc<Admission>,
    /// Their tasks: shutdown waits for them, also where the client has gone.
    pub tasks: TaskTracker,
    /// The longest that a command may take.
    pub ceiling: Duration,
}

impl Access {
    fn fresh(&self) -> Result<(), Refusal> {
        if self.tails.is_fresh() {
            Ok(())
        } else {
            Err(Refusal::Stale)
        }
    }

    async fn open_as_owner(&self, request: Request<OpenRequest>) -> Result<Answer, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let token = caller::owner(&request, &self.tokens).await?;
        let index = self.directory.owner(&token);
        let permit = self.admission.owner(&caller, &index, &self.directory)?;
        let parsed = request::parse(request.get_ref(), Timestamp::now())?;
        self.fresh()?;
        let subject = self.directory.subject_of(&token, index).await?;
        let asker = Asker::Owner(subject);
        self.spawn(
            request.metadata(),
            caller,
            asker,
            parsed,
            caller::login(&token),
            permit,
        )
        .await
    }

    async fn open_as_guest(
        &self,
        request: Request<OpenWithPassRequest>,
    ) -> Result<Answer, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let permit = self.admission.caller(&caller)?;
        let (metadata, _, message) = request.into_parts();
        let (open, secret) = request::without_secret(message);
        let parsed = request::parse(&open, Timestamp::now())?;
        let secret = request::pass_secret(&secret)?;
        self.fresh()?;
        let pass = self
            .opener
            .knowledge
            .lock()
            .registry
            .pass_by_hash(&parsed.device.complex(), &secret.hash())
            // Nobody to record: a guessed secret is not an access action by anyone known.
            .ok_or(Refusal::PassUnknown)?;
        self.admission.guest(&caller, pass)?;
        let asker = Asker::Guest(pass);
        self.spawn(&metadata, caller, asker, parsed, Login::default(), permit)
            .await
    }

    /// From here on the work runs in a task of its own.
    async fn spawn(
        &self,
        metadata: &MetadataMap,
        caller: CallerName,
        asker: Asker,
        parsed: request::OpenRequest,
        login: Login,
        permit: OwnedSemaphorePermit,
    ) -> Result<Answer, Refusal> {
        let deadline = deadline::of(metadata, self.ceiling);
        let trace = grpc::trace(metadata);
        let span = trace.span("open");
        let (command, context) = self.open_command(caller.clone(), asker, parsed, login);
        let opener = Arc::clone(&self.opener);
        let work = async move {
            let _permit = permit;
            opener.open(command, context, trace, deadline).await
        };
        self.tasks
            .spawn(work.instrument(span))
            .await
            .unwrap_or_else(|failed| {
                error!(error = %failed, "open task failed");
                Err(Refusal::Internal)
            })
            .inspect_err(|refusal| self.admission.refused(&caller, refusal))
    }

    fn open_command(
        &self,
        caller: CallerName,
        asker: Asker,
        parsed: request::OpenRequest,
        login: Login,
    ) -> (OpenCommand, RequestContext) {
        let known = self
            .opener
            .knowledge
            .lock()
            .registry
            .device(&parsed.device)
            .is_some();
        let complex = if known {
            parsed.device.complex()
        } else {
            ComplexId::unassigned()
        };
        let command = OpenCommand {
            id: CommandId::derive(&complex, &caller, &asker.subject(), &parsed.key),
            request_digest: parsed.digest(),
            complex,
            device: parsed.device,
            operation: parsed.operation,
            asker,
            caller,
            key_time: parsed.key_time,
            expires_at: parsed.expires_at,
            auth_time: login.auth_time,
            acr: login.acr,
        };
        (command, parsed.context)
    }

    async fn devices_of_owner(
        &self,
        request: Request<ListMyDevicesRequest>,
    ) -> Result<ListMyDevicesResponse, Refusal> {
        caller::caller(&request, &self.allowed)?;
        let token = caller::owner(&request, &self.tokens).await?;
        self.fresh()?;
        let index = self.directory.owner(&token);
        // Somebody who was never seen has no rights; a reference is minted for a command only.
        let devices = self.directory.known(&index).map(|subject| {
            let state = self.opener.knowledge.lock();
            my_devices::list(&state, subject, &caller::login(&token), Timestamp::now())
        });
        Ok(ListMyDevicesResponse {
            devices: devices.unwrap_or_default(),
        })
    }

    async fn command(
        &self,
        request: Request<GetCommandRequest>,
    ) -> Result<GetCommandResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let secret = &request.get_ref().pass_secret;
        let asking = if secret.is_empty() {
            let token = caller::owner(&request, &self.tokens).await?;
            Asking::Owner(self.directory.known(&self.directory.owner(&token)))
        } else {
            // Whoever guesses secrets is slowed down as with OpenWithPass.
            let _place = self.admission.caller(&caller)?;
            Asking::Guest(request::pass_secret(secret)?)
        };
        let id: CommandId = grpc::id("command_id", &request.get_ref().command_id)?;
        self.fresh()?;
        let state = self.opener.knowledge.lock();
        my_command::find(&state, id, &asking).ok_or(Refusal::NotFound("command"))
    }
}

fn response(answer: Answer) -> OpenResponse {
    let (outcome, reason) = answer.outcome();
    OpenResponse {
        command_id: answer.command.to_string(),
        outcome: outcome.number(),
        reason: reason.to_string(),
        partner_code: answer.completion.completed.partner_code,
        decided_at: Some(timestamp_to_wire(answer.decided_at)),
        completed_at: answer
            .recorded
            .then(|| timestamp_to_wire(answer.completion.at)),
        audit_position: Some(my_command::position(answer.position)),
        recorded: answer.recorded,
    }
}

#[tonic::async_trait]
impl AccessService for Access {
    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<OpenResponse>, Status> {
        grpc::reply("Open", self.open_as_owner(request).map_ok(response)).await
    }

    async fn open_with_pass(
        &self,
        request: Request<OpenWithPassRequest>,
    ) -> Result<Response<OpenResponse>, Status> {
        grpc::reply("OpenWithPass", self.open_as_guest(request).map_ok(response)).await
    }

    async fn get_command(
        &self,
        request: Request<GetCommandRequest>,
    ) -> Result<Response<GetCommandResponse>, Status> {
        grpc::reply("GetCommand", self.command(request)).await
    }

    async fn list_my_devices(
        &self,
        request: Request<ListMyDevicesRequest>,
    ) -> Result<Response<ListMyDevicesResponse>, Status> {
        grpc::reply("ListMyDevices", self.devices_of_owner(request)).await
    }
}
