//! Carrying out: state durable, then journal durable, then the device moves, then the end durable,
//! then the answer. Each command has a task of its own: a client that hangs up changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::admission::advance;
use super::desk::Desk;
use super::state::{Input, OpenRequest, Verdict};
use crate::events::{Access, Happening, Method};
use crate::ids::{CommandId, OpeningId};
use crate::journal::Opening;
use crate::store::{StoreError, Tx};

/// Pause before a failed write of an end is tried again.
const PAUSE: Duration = Duration::from_millis(200);

impl Desk {
    /// Carries on with a held command once its time has come, unless it has ended.
    pub(super) fn hold(
        self: &Arc<Self>,
        id: CommandId,
        request: OpenRequest,
        opening: OpeningId,
        wait: Option<Duration>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let desk = self.clone();
        tokio::spawn(async move {
            let held = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => desk.clock.sleep_until(request.expires_at).await,
                }
            };
            tokio::select! {
                _ = desk.end_of(id) => return,
                () = held => {}
            }
            let verdict = desk.step(id, Input::Actuate).await;
            desk.ring(id);
            if verdict == Verdict::Actuate {
                desk.work(id, request, opening, Duration::ZERO, permit);
            }
        });
    }

    /// Moves the device: only for a command that has passed the point of no return just now.
    pub(super) fn work(
        self: &Arc<Self>,
        id: CommandId,
        request: OpenRequest,
        opening: OpeningId,
        longer: Duration,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let desk = self.clone();
        tokio::spawn(async move {
            let line = Opening {
                at: desk.clock.now(),
                complex: request.complex.clone(),
                device: request.device.clone(),
                command_id: Some(id),
                method: Method::Remote,
                opening_id: opening,
            };
            let input = match desk.journal.append(&line).await {
                Ok(()) => {
                    let actuation = desk
                        .fleet
                        .find(&request.device)
                        .map(|(_, device)| device.actuation);
                    tokio::time::sleep(actuation.unwrap_or_default() + longer).await;
                    Input::Moved
                }
                Err(error) => {
                    tracing::error!(%error, "an opening could not be journalled; it didn't happen");
                    Input::NotMoved
                }
            };
            desk.step(id, input).await;
            desk.ring(id);
            desk.outbox_bell.notify_one();
            drop(permit);
        });
    }

    /// Applies an input until the store takes it: the device has moved, so this must be kept.
    async fn step(self: &Arc<Self>, id: CommandId, input: Input) -> Verdict {
        loop {
            let (desk, input) = (self.clone(), input.clone());
            let applied = self.store.run(move |tx| {
                let now = desk.clock.now();
                let moved = input == Input::Moved;
                let (state, verdict) = advance(tx, id, input, now)?;
                if moved
                    && verdict != Verdict::Ignored
                    && let Some(request) = state.request()
                {
                    desk.report(tx, id, request, now)?;
                }
                Ok(verdict)
            });
            match applied.await {
                Ok(verdict) => return verdict,
                Err(StoreError::Closed) => return Verdict::Ignored,
                Err(error) => {
                    tracing::error!(%error, "a command's progress can't be recorded; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    pub(super) fn report(
        &self,
        tx: &Tx<'_>,
        id: CommandId,
        request: &OpenRequest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((complex, device)) = self.fleet.find(&request.device) else {
            return Ok(());
        };
        let access = Access {
            method: Method::Remote,
            credential_id: None,
            command_id: Some(id),
            occurred_at: now,
        };
        self.book
            .append(tx, complex, device, &Happening::Granted(access), now)?;
        Ok(())
    }
}
