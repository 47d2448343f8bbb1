//! Waiting for what becomes of a command that somebody else carries out.

use domain::vocabulary::Verdict;
use domain::{CommandId, OpenCommand};
use tokio::time::{Instant, timeout_at};

use super::{Answer, Opener};
use crate::refusal::Refusal;

impl Opener {
    /// Another record of this command rules: it must have asked for the same.
    pub(super) async fn follow_winner(
        &self,
        command: &OpenCommand,
        deadline: Instant,
    ) -> Result<Answer, Refusal> {
        let same = self
            .knowledge
            .lock()
            .command(command.id)
            .is_some_and(|first| first.request_digest == command.request_digest);
        if same {
            self.follow(command.id, deadline).await
        } else {
            Err(Refusal::KeyReused)
        }
    }

    /// Waits for what became of a command that somebody else carries out.
    pub(super) async fn follow(&self, id: CommandId, deadline: Instant) -> Result<Answer, Refusal> {
        loop {
            let told = {
                let mut state = self.knowledge.lock();
                match state.command(id) {
                    None => return Err(Refusal::NotFound("command")),
                    Some(command) if command.verdict == Verdict::Deny => {
                        let (device, reason) = (&command.device, command.reason);
                        return Err(Refusal::denied(&state.registry, device, reason));
                    }
                    Some(command) => {
                        if let Some(answer) = Answer::of(id, command) {
                            return Ok(answer);
                        }
                    }
                }
                state.await_completion(id)
            };
            if timeout_at(deadline, told).await.is_err() {
                return Err(Refusal::InProgress);
            }
        }
    }
}
