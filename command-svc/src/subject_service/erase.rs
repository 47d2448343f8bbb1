//! Erasing a person: step by step, each of which finds out for itself what is left to do, so that
//! the same call again goes on where it stopped.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::event::{Actor, Body, SubjectErased};
use domain::registry::{ChangeSet, Entity, Registry};
use domain::{ChangeSetId, ComplexId, CredentialId};
use eventlog::Topic;
use proto::access::{EraseSubjectRequest, EraseSubjectResponse, ErasureState, ErasureStep};
use service::trace::TraceContext;
use tokio::time::{Instant, timeout};
use tonic::Request;
use tracing::{info, warn};
use uuid::Uuid;

use super::{Asked, SubjectApi};
use crate::erasure::Doomed;
use crate::grpc;
use crate::refusal::Refusal;

/// How long all partners together may take.
const PARTNERS: Duration = Duration::from_secs(10);
/// Between two looks at them where nothing tells of a change.
const LOOK: Duration = Duration::from_millis(500);
/// How long it may take to find out whether the bytes are gone.
const BYTES: Duration = Duration::from_secs(15);
/// Changes in one set.
const CHANGES: usize = 500;
/// How often a set is made again that lost to somebody else's.
const ATTEMPTS: usize = 5;

/// What was done so far.
#[derive(Default)]
struct Progress(Vec<ErasureStep>);

impl Progress {
    /// Whether to go on.
    fn step(&mut self, name: &str, done: bool, detail: String) -> bool {
        self.0.push(ErasureStep {
            name: name.to_owned(),
            done,
            detail,
        });
        done
    }
}

impl SubjectApi {
    pub(super) async fn erased(
        &self,
        request: Request<EraseSubjectRequest>,
    ) -> Result<EraseSubjectResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        let asked = self.asked(&operator, request.person, &request.complex_id)?;
        self.no_hold(&asked)?;
        let actor = self.operators.actor(&operator).await?;
        let mut progress = Progress::default();
        let state = match self.advance(&actor, &asked, &trace, &mut progress).await? {
            true => ErasureState::Erased,
            false => ErasureState::Erasing,
        };
        let identity_stays = {
            let registry = &self.registrar.knowledge.lock().registry;
            !goes_whole(registry, &asked)
        };
        info!(subject = %asked.subject, state = state.as_str_name(), "erasure");
        Ok(EraseSubjectResponse {
            subject_ref: asked.subject.to_string(),
            state: state.into(),
            steps: progress.0,
            identity_stays,
        })
    }

    /// Does what can be done now. Whether all is done.
    async fn advance(
        &self,
        actor: &Actor,
        asked: &Asked,
        trace: &TraceContext,
        progress: &mut Progress,
    ) -> Result<bool, Refusal> {
        let mut withdrawn = 0;
        for complex in &asked.complexes {
            withdrawn += self.withdraw(actor, complex, asked, trace).await?;
        }
        progress.step("rights", true, format!("{withdrawn} withdrawn now"));
        let (gone, detail) = self.gone_from_partners(asked).await;
        if !progress.step("partners", gone, detail) {
            return Ok(false);
        }
        let said = self.record(actor, asked, trace).await?;
        progress.step("record", true, format!("{said} recorded now"));
        let doomed = {
            let registry = &self.registrar.knowledge.lock().registry;
            Doomed::of(registry, &asked.complexes, asked.subject)
        };
        let items = self.directory.read(|subjects| doomed.left(subjects));
        for key in &items {
            self.directory.put(key, None).await?;
        }
        let erased = |subjects: &privacy::Subjects| doomed.left(subjects).is_empty().then_some(());
        self.directory.read_back(erased).await?;
        progress.step("items", true, format!("{} erased now", items.len()));
        let (gone, detail) = self.bytes_gone(&doomed).await?;
        Ok(progress.step("bytes", gone, detail))
    }

    /// A hold anywhere keeps all of it.
    fn no_hold(&self, asked: &Asked) -> Result<(), Refusal> {
        match self.hold_on(asked) {
            Some(hold) => Err(Refusal::Held {
                reason: hold.reason,
                since: hold.since,
            }),
            None => Ok(()),
        }
    }

    /// Leaves the person no right in a complex. How many changes that took.
    async fn withdraw(
        &self,
        actor: &Actor,
        complex: &ComplexId,
        asked: &Asked,
        trace: &TraceContext,
    ) -> Result<usize, Refusal> {
        let (mut withdrawn, mut lost) = (0, 0);
        loop {
            let mut changes = {
                let registry = &self.registrar.knowledge.lock().registry;
                registry.withdrawal(complex, asked.subject)
            };
            changes.truncate(CHANGES);
            if changes.is_empty() {
                return Ok(withdrawn);
            }
            let count = changes.len();
            let set = ChangeSet {
                id: ChangeSetId(Uuid::now_v7()),
                note: "erasure".to_owned(),
                changes,
            };
            match self
                .registrar
                .apply(actor.clone(), complex, set, trace)
                .await
            {
                Ok(_) => withdrawn += count,
                // Somebody changed the same person meanwhile.
                Err(Refusal::Conflict(_)) if lost < ATTEMPTS => lost += 1,
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// Waits a while for the partners to hold none of the person's credentials: whoever works on a
    /// complex has them deleted as soon as they are withdrawn. Whether all are known to be gone.
    async fn gone_from_partners(&self, asked: &Asked) -> (bool, String) {
        let deadline = Instant::now() + PARTNERS;
        let mut count = 0;
        for complex in &asked.complexes {
            let own = {
                let registry = &self.registrar.knowledge.lock().registry;
                credentials(registry, complex, asked)
            };
            if own.is_empty() {
                continue;
            }
            loop {
                let mut changes = self.registrar.knowledge.lock().registry_changes();
                changes.borrow_and_update();
                let detail = match self.provisioner.held_in(complex).await {
                    Ok(held) => match held.intersection(&own).count() {
                        0 => break,
                        left => format!("{left} still held"),
                    },
                    Err(refusal) => {
                        warn!(%complex, %refusal, "what partners hold is not known");
                        refusal.to_string()
                    }
                };
                if Instant::now() >= deadline {
                    return (false, detail);
                }
                // Each deletion is a record.
                let _ = timeout(LOOK, changes.changed()).await;
            }
            count += own.len();
        }
        (
            true,
            format!("none of {count} credentials is held any more"),
        )
    }

    /// Says in each complex that the person is erased. How many records that took.
    async fn record(
        &self,
        actor: &Actor,
        asked: &Asked,
        trace: &TraceContext,
    ) -> Result<usize, Refusal> {
        let mut said = 0;
        for complex in &asked.complexes {
            let identity = {
                let registry = &self.registrar.knowledge.lock().registry;
                let identity = goes_whole(registry, asked);
                let done = registry.is_erased(complex, asked.subject)
                    && (!identity || registry.is_identity_erased(asked.subject));
                (!done).then_some(identity)
            };
            let Some(identity) = identity else { continue };
            let body = Body::SubjectErased(SubjectErased {
                subject: asked.subject,
                identity,
            });
            self.say(actor, complex, body, trace).await?;
            said += 1;
        }
        // What a hold has made void, or a new right undone, is not done.
        self.no_hold(asked)?;
        let registry = &self.registrar.knowledge.lock().registry;
        let mut complexes = asked.complexes.iter();
        if complexes.all(|complex| registry.is_erased(complex, asked.subject)) {
            Ok(said)
        } else {
            Err(Refusal::Conflict(
                "the person got a right meanwhile; erase again".to_owned(),
            ))
        }
    }

    /// Whether nothing of what was erased can be read from the log any more.
    async fn bytes_gone(&self, doomed: &Doomed) -> Result<(bool, String), Refusal> {
        let parts = doomed.key_parts();
        if parts.is_empty() {
            return Ok((true, "nothing was sealed".to_owned()));
        }
        let left = match timeout(BYTES, self.log.left(Topic::Subjects, &parts)).await {
            Ok(Ok(left)) => left,
            Ok(Err(error)) => {
                warn!(%error, "can't find out whether erased items are gone");
                return Ok((false, "the log can't be read; ask again".to_owned()));
            }
            Err(_) => return Ok((false, "the log takes long to read; ask again".to_owned())),
        };
        if left.is_empty() {
            return Ok((true, "verified gone from the log".to_owned()));
        }
        // A broker compacts only what another record has followed.
        for key in left.iter().filter_map(|key| key.parse().ok()) {
            self.directory.put(&key, None).await?;
        }
        let detail = format!("{} still in the log until it is compacted", left.len());
        Ok((false, detail))
    }
}

/// Whether no other complex than those that are asked about knows the person.
fn goes_whole(registry: &Registry, asked: &Asked) -> bool {
    let knowing = registry.complexes_knowing(asked.subject);
    knowing.iter().all(|one| asked.complexes.contains(one))
}

/// The credentials that are about a person in a complex.
fn credentials(registry: &Registry, complex: &ComplexId, asked: &Asked) -> BTreeSet<CredentialId> {
    let own = registry.about(complex, asked.subject).into_iter();
    own.filter_map(|entity| match entity.state {
        Entity::Credential(credential) => Some(credential.id),
        _ => None,
    })
    .collect()
}
