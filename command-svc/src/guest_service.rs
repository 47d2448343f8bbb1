//! `GuestService`: owners' passes for their guests.

use std::sync::Arc;

use authn::peer::AllowedPeers;
use authn::token::{AccessToken, AccessTokenVerifier};
use domain::event::Actor;
use domain::guests::{self, Outside, OwnPass};
use domain::registry::{Change, ChangeSet, Credential, Entity, GuestPass};
use domain::vocabulary::{ActorKind, Reason};
use domain::{CallerName, ChangeSetId, ComplexId, CredentialId, PassId, SubjectRef};
use jiff::Timestamp;
use proto::access::guest_service_server::GuestService;
use proto::access::{
    self as pb, CreateGuestPassRequest, CreateGuestPassResponse, GetPassRequest, GetPassResponse,
    ListGuestPassesRequest, ListGuestPassesResponse, RevokeGuestPassRequest,
    RevokeGuestPassResponse,
};
use records::window_to_wire;
use service::trace::TraceContext;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tonic::{Request, Response, Status};

use crate::admission::Admission;
use crate::guest_request::{self, NewPass};
use crate::knowledge::State;
use crate::provision::Provisioner;
use crate::refusal::Refusal;
use crate::registrar::Registrar;
use crate::subjects::Directory;
use crate::{caller, grpc, guest_page, request};

/// The service.
pub(crate) struct Guests {
    /// Certificates that may call.
    pub allowed: AllowedPeers,
    /// Verifies owners' tokens.
    pub tokens: AccessTokenVerifier,
    /// Users to references.
    pub directory: Arc<Directory>,
    /// Writes change sets.
    pub registrar: Arc<Registrar>,
    /// Gives partners the plates of passes.
    pub provisioner: Arc<Provisioner>,
    /// Rates.
    pub admission: Arc<Admission>,
    /// Active passes that an owner may have.
    pub most: usize,
    /// Held from the count of an owner's passes until the next one is folded.
    pub making: Mutex<()>,
}

impl Guests {
    /// The token's owner, on a registry that is fresh. Who was never seen has no rights.
    fn owner(&self, token: &AccessToken) -> Result<Option<SubjectRef>, Refusal> {
        self.fresh()?;
        Ok(self.directory.known(&self.directory.owner(token)))
    }

    /// A place in flight, if the token's owner, and who speaks for them, may ask for a change now.
    fn admit(
        &self,
        token: &AccessToken,
        caller: &CallerName,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let index = self.directory.owner(token);
        self.admission.owner(caller, &index, &self.directory)
    }

    fn fresh(&self) -> Result<(), Refusal> {
        if self.registrar.tails.knows_registry() {
            Ok(())
        } else {
            Err(Refusal::Stale)
        }
    }

    async fn create(
        &self,
        request: Request<CreateGuestPassRequest>,
    ) -> Result<CreateGuestPassResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let token = caller::owner(&request, &self.tokens).await?;
        let _place = self.admit(&token, &caller)?;
        let now = Timestamp::now();
        let wish = guest_request::parse(request.get_ref(), now)?;
        let owner = self.owner(&token)?;
        let owner = owner.ok_or(Refusal::Denied(Reason::NoGrant))?;
        let id = PassId::derive(&caller, owner, &wish.key);
        // Whoever may not make the pass learns nothing of partners and devices.
        self.judge(&self.registrar.knowledge.lock(), owner, id, &wish, now)?;
        let host = match &wish.plate {
            Some(_) => Some(self.provisioner.host(&wish.complex, &wish.devices)?),
            None => None,
        };
        let making = self.making.lock().await;
        let made = self.judge(&self.registrar.knowledge.lock(), owner, id, &wish, now)?;
        if let Some(pass) = made {
            let trace = grpc::trace(request.metadata());
            let plate = wish
                .plate
                .as_ref()
                .map(|_| self.provisioner.plate_of(&pass));
            let mut entities = vec![(0, Entity::GuestPass(pass))];
            entities.extend(plate.clone().map(|plate| (0, Entity::Credential(plate))));
            // Sealed first: whoever sees the credential registered needs the plate.
            if let (Some(credential), Some(plate)) = (&plate, &wish.plate) {
                let plate = plate.clone();
                self.provisioner.seal_plate(credential, plate).await?;
            }
            let set = (id.created(), entities);
            let put = self.put(&caller, owner, &wish.complex, set, &trace).await;
            if let (Err(refusal), Some(credential)) = (&put, &plate)
                && !matches!(refusal, Refusal::Log | Refusal::Stale)
            {
                self.provisioner.unseal_plate(credential).await?;
            }
            put?;
        }
        drop(making);
        let (plate, answer) = {
            let state = self.registrar.knowledge.lock();
            let made = guests::own_pass(&state.registry, owner, id, now);
            let made = made.filter(|own| wish.is(&state.registry, own.pass));
            // Another instance may have made another pass under this key in the same moment.
            let made = made.ok_or(Refusal::KeyReused)?;
            (self.provisioner.plate_of(made.pass), seen(&made))
        };
        if let (Some(partner), Some(own)) = (host, wish.plate)
            && answer.active
        {
            // Sealed already, or another plate: that would be another request.
            self.provisioner.seal_plate(&plate, own).await?;
            self.provisioner
                .wait_for(&wish.complex, &partner, plate.id)
                .await;
        }
        Ok(CreateGuestPassResponse { pass: Some(answer) })
    }

    /// The pass to be made; none if the same request has made it before.
    fn judge(
        &self,
        state: &State,
        owner: SubjectRef,
        id: PassId,
        wish: &NewPass,
        now: Timestamp,
    ) -> Result<Option<GuestPass>, Refusal> {
        let registry = &state.registry;
        if state.is_refused(&wish.complex) {
            return Err(Refusal::Stale);
        }
        // Under another complex it would be another request with this key.
        if let Some(known) = guests::own_pass(registry, owner, id, now) {
            let same = *known.complex == wish.complex && wish.is(registry, known.pass);
            return if same {
                Ok(None)
            } else {
                Err(Refusal::KeyReused)
            };
        }
        let (complex, devices) = (&wish.complex, &wish.devices);
        let grant = guests::host(registry, complex, owner, devices, &wish.window, now);
        let grant = grant.map_err(|outside| match outside {
            Outside::NoGrant => Refusal::Denied(Reason::NoGrant),
            Outside::Window => Refusal::field("window", "it reaches outside the owner's own right"),
        })?;
        if registry.pass_by_hash(complex, &wish.secret_hash).is_some() {
            let why = "another pass has this secret; mint a new one";
            return Err(Refusal::field("secret_hash", why));
        }
        let active = guests::own_passes(registry, owner, now).filter(|own| own.active);
        if active.count() >= self.most {
            return Err(Refusal::TooManyPasses);
        }
        Ok(Some(wish.pass(id, grant)))
    }

    async fn put(
        &self,
        caller: &CallerName,
        SubjectRef(owner): SubjectRef,
        complex: &ComplexId,
        (id, entities): (ChangeSetId, Vec<(u64, Entity)>),
        trace: &TraceContext,
    ) -> Result<(), Refusal> {
        let actor = Actor {
            kind: ActorKind::Owner,
            subject: Some(owner),
            caller: caller.to_string(),
        };
        let set = ChangeSet {
            id,
            note: String::new(),
            changes: entities
                .into_iter()
                .map(|(expected_version, entity)| Change {
                    expected_version,
                    entity,
                })
                .collect(),
        };
        let put = self.registrar.apply(actor, complex, set, trace).await;
        put.map(drop)
    }

    /// An owner's pass as it stands.
    fn own(&self, owner: SubjectRef, id: PassId) -> Result<pb::GuestPass, Refusal> {
        let state = self.registrar.knowledge.lock();
        guests::own_pass(&state.registry, owner, id, Timestamp::now())
            .map(|own| seen(&own))
            .ok_or(Refusal::NotFound("pass"))
    }

    async fn list(
        &self,
        request: Request<ListGuestPassesRequest>,
    ) -> Result<ListGuestPassesResponse, Refusal> {
        caller::caller(&request, &self.allowed)?;
        let token = caller::owner(&request, &self.tokens).await?;
        let Some(owner) = self.owner(&token)? else {
            return Ok(ListGuestPassesResponse::default());
        };
        let state = self.registrar.knowledge.lock();
        let passes = guests::own_passes(&state.registry, owner, Timestamp::now())
            .filter(|own| own.active)
            .map(|own| seen(&own))
            .collect();
        Ok(ListGuestPassesResponse { passes })
    }

    async fn revoke(
        &self,
        request: Request<RevokeGuestPassRequest>,
    ) -> Result<RevokeGuestPassResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let token = caller::owner(&request, &self.tokens).await?;
        let _place = self.admit(&token, &caller)?;
        let id: PassId = grpc::id("pass_id", &request.get_ref().pass_id)?;
        let owner = self.owner(&token)?;
        let owner = owner.ok_or(Refusal::NotFound("pass"))?;
        let (complex, version, pass, plate) = {
            let state = self.registrar.knowledge.lock();
            let own = guests::own_pass(&state.registry, owner, id, Timestamp::now())
                .ok_or(Refusal::NotFound("pass"))?;
            let plate = state
                .registry
                .credential(own.complex, &CredentialId::of_pass(id))
                .filter(|(_, plate)| !plate.revoked)
                .map(|(version, plate)| (version, plate.clone()));
            (own.complex.clone(), own.version, own.pass.clone(), plate)
        };
        if !pass.revoked {
            let trace = grpc::trace(request.metadata());
            let revoked = GuestPass {
                revoked: true,
                ..pass
            };
            let mut entities = vec![(version, Entity::GuestPass(revoked))];
            // The partner is told as soon as this is folded.
            entities.extend(plate.map(|(version, plate)| {
                let revoked = Credential {
                    revoked: true,
                    ..plate
                };
                (version, Entity::Credential(revoked))
            }));
            let set = (id.revoked(version), entities);
            self.put(&caller, owner, &complex, set, &trace).await?;
        }
        let pass = Some(self.own(owner, id)?);
        Ok(RevokeGuestPassResponse { pass })
    }

    async fn page(&self, request: Request<GetPassRequest>) -> Result<GetPassResponse, Refusal> {
        let caller = caller::caller(&request, &self.allowed)?;
        let _place = self.admission.caller(&caller)?;
        let message = request.into_inner();
        let secret = request::pass_secret(&message.pass_secret)?;
        let complex: ComplexId = grpc::id("complex_id", &message.complex_id)?;
        self.fresh()?;
        let state = self.registrar.knowledge.lock();
        let registry = &state.registry;
        let pass = registry.pass_by_hash(&complex, &secret.hash());
        let shown =
            pass.and_then(|pass| guest_page::of(registry, &complex, pass, Timestamp::now()));
        shown.ok_or(Refusal::PassUnknown)
    }
}

/// A pass as its owner sees it.
fn seen(own: &OwnPass<'_>) -> pb::GuestPass {
    pb::GuestPass {
        pass_id: own.pass.id.to_string(),
        device_ids: own.pass.devices.iter().map(ToString::to_string).collect(),
        window: Some(window_to_wire(&own.pass.window)),
        max_uses: own.pass.max_uses,
        uses_left: own.uses_left,
        active: own.active,
    }
}

#[tonic::async_trait]
impl GuestService for Guests {
    async fn create_guest_pass(
        &self,
        request: Request<CreateGuestPassRequest>,
    ) -> Result<Response<CreateGuestPassResponse>, Status> {
        grpc::reply("CreateGuestPass", self.create(request)).await
    }

    async fn list_guest_passes(
        &self,
        request: Request<ListGuestPassesRequest>,
    ) -> Result<Response<ListGuestPassesResponse>, Status> {
        grpc::reply("ListGuestPasses", self.list(request)).await
    }

    async fn revoke_guest_pass(
        &self,
        request: Request<RevokeGuestPassRequest>,
    ) -> Result<Response<RevokeGuestPassResponse>, Status> {
        grpc::reply("RevokeGuestPass", self.revoke(request)).await
    }

    async fn get_pass(
        &self,
        request: Request<GetPassRequest>,
    ) -> Result<Response<GetPassResponse>, Status> {
        grpc::reply("GetPass", self.page(request)).await
    }
}
