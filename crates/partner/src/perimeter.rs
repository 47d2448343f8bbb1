//! Handles: all that can be asked of a partner, each for one complex. What a perimeter lacks is
//! refused here and never sent.

use std::time::Duration;

use domain::registry::Perimeter;
use domain::vocabulary::Operation;
use domain::{CommandId, ComplexId, DeviceId};
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use crate::client::PartnerClient;
use crate::egress::Call;
use crate::error::{Doubt, NotSent, OutOfPerimeter};
use crate::fence::{self, CommandState, Fence};
use crate::outcome::{self, OpenResult, Sent};
use crate::scope::{Authority, Scope};
use crate::session::with_json;
use crate::transport::{ANSWER_LIMIT, Exchange};
use crate::wire;

/// What a partner may be asked within a perimeter that is in force.
#[derive(Clone)]
pub struct PerimeterClient {
    pub(crate) client: PartnerClient,
    pub(crate) perimeter: Perimeter,
    closing: ClosingClient,
}

/// What a partner may be asked in a complex even when its perimeter is closing.
#[derive(Clone)]
pub struct ClosingClient {
    pub(crate) client: PartnerClient,
    pub(crate) complex: ComplexId,
}

impl PerimeterClient {
    pub(crate) fn new(client: PartnerClient, perimeter: Perimeter) -> Self {
        let closing = ClosingClient::new(client.clone(), perimeter.complex.clone());
        Self {
            client,
            perimeter,
            closing,
        }
    }

    /// What stays allowed when the perimeter closes.
    pub fn closing(&self) -> &ClosingClient {
        &self.closing
    }

    /// Asks the partner to open `device`, once. The request is never sent again, by anybody:
    /// whoever gets no definite result, or drops this future, has to fence the command.
    ///
    /// Not sent past `deadline`, nor past `expires_at`.
    ///
    /// # Errors
    /// [`OutOfPerimeter`]: nothing was sent.
    pub async fn open(
        &self,
        command: CommandId,
        device: &DeviceId,
        operation: Operation,
        expires_at: Timestamp,
        deadline: Instant,
    ) -> Result<Sent, OutOfPerimeter> {
        self.check(device, operation)?;
        let sent = self
            .send_open(command, device, operation, expires_at, deadline)
            .await;
        Ok(sent.unwrap_or_else(|why| Sent {
            result: OpenResult::NotSent { why },
            latency: Duration::ZERO,
        }))
    }

    fn check(&self, device: &DeviceId, operation: Operation) -> Result<(), OutOfPerimeter> {
        if device.complex() != self.perimeter.complex {
            return Err(OutOfPerimeter::OtherComplex);
        }
        if !self.perimeter.operations.contains(&operation) {
            return Err(OutOfPerimeter::Operation);
        }
        self.check_in_force()
    }

    pub(crate) fn check_in_force(&self) -> Result<(), OutOfPerimeter> {
        if self.perimeter.in_force(Timestamp::now()) {
            Ok(())
        } else {
            Err(OutOfPerimeter::NotInForce)
        }
    }

    async fn send_open(
        &self,
        command: CommandId,
        device: &DeviceId,
        operation: Operation,
        expires_at: Timestamp,
        deadline: Instant,
    ) -> Result<Sent, NotSent> {
        let complex = &self.perimeter.complex;
        let authority = Authority::within(complex, Scope::of(operation));
        let deadline = self.client.bounded(deadline);
        let call = self.client.authorise(authority, deadline).await?;
        let path = [
            "v1",
            "complexes",
            complex.as_str(),
            "devices",
            device.as_str(),
            "open",
        ];
        let mut request = call.request(Method::POST, &path);
        let key = HeaderValue::try_from(command.to_string());
        let key = key.map_err(|_| NotSent::NoConnection)?;
        request.headers_mut().insert("idempotency-key", key);
        let body = wire::OpenRequest {
            operation: wire::operation(operation),
            expires_at,
        };
        let request = with_json(request, &body).ok_or(NotSent::NoConnection)?;
        // The last look at the clock before it leaves: getting a token may have taken long.
        if Timestamp::now() >= expires_at {
            return Err(NotSent::Expired);
        }
        let (exchange, latency) = call
            .exchange(Call::Open, request, ANSWER_LIMIT, deadline)
            .await;
        let result = outcome::of_open(&exchange);
        let latency = match &result {
            OpenResult::NotSent { .. } => Duration::ZERO,
            _ => latency,
        };
        Ok(Sent { result, latency })
    }
}

impl ClosingClient {
    pub(crate) fn new(client: PartnerClient, complex: ComplexId) -> Self {
        Self { client, complex }
    }

    /// The fence: the command's final state, or forbidden for ever. `operation` is the one that
    /// the command was to be opened with, as the fence takes the same scope. It can't open
    /// anything and may be repeated freely.
    pub async fn cancel(
        &self,
        command: CommandId,
        operation: Operation,
        deadline: Instant,
    ) -> Fence {
        let id = command.to_string();
        let path = ["v1", "commands", &id, "cancel"];
        let asked = self.ask(
            Call::Cancel,
            Scope::of(operation),
            Method::POST,
            &path,
            deadline,
        );
        match asked.await {
            Ok(exchange) => fence::of_cancel(&exchange, command),
            Err(why) => Fence::Unknown {
                why: Doubt::NotSent(why),
            },
        }
    }

    /// Where the command stands. Changes nothing.
    pub async fn status(&self, command: CommandId, deadline: Instant) -> CommandState {
        let id = command.to_string();
        let path = ["v1", "commands", &id];
        let asked = self.ask(
            Call::Status,
            Scope::ReadCommands,
            Method::GET,
            &path,
            deadline,
        );
        match asked.await {
            Ok(exchange) => fence::of_status(&exchange, command),
            Err(why) => CommandState::Unknown {
                why: Doubt::NotSent(why),
            },
        }
    }

    /// A request without a body.
    pub(crate) async fn ask(
        &self,
        call: Call,
        scope: Scope,
        method: Method,
        path: &[&str],
        deadline: Instant,
    ) -> Result<Exchange, NotSent> {
        let deadline = self.client.bounded(deadline);
        let authority = Authority::within(&self.complex, scope);
        let authorised = self.client.authorise(authority, deadline).await?;
        let request = authorised.request(method, path);
        let (exchange, _) = authorised
            .exchange(call, request, ANSWER_LIMIT, deadline)
            .await;
        Ok(exchange)
    }
}
