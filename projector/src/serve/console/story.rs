//! The further records of a command's story: every decision, completion and report of it that the log
//! has, each with its proof.

use std::collections::BTreeSet;

use auditlog::ProofFile;
use domain::id::CommandId;
use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use prost::Message as _;
use proto::access::AccessRecord;
use proto::events::Envelope;
use tonic::{Request, Status};
use uuid::Uuid;

use super::visit::Visit;
use crate::serve::call::{Answer, Call};
use crate::serve::reads::Look;
use crate::serve::status::Refusal;
use crate::serve::{Serving, parse};

/// Records of one story that are shown, at most; a command has three or four.
const MOST: usize = 12;

/// What belongs to the story of a record besides itself, in the order of the log.
pub(super) async fn further(
    visit: &Visit,
    record: &AccessRecord,
) -> Result<Vec<(Envelope, ProofFile)>, Status> {
    let Ok(command) = record.command_id.parse() else {
        return Ok(Vec::new());
    };
    let call = Call::new("Console/Story", &Request::new(()));
    let serving = &visit.site.serving;
    let told = serving
        .calls
        .run(call, tell(visit, serving, command, record));
    Ok(told.await?.into_inner())
}

async fn tell(
    visit: &Visit,
    serving: &Serving,
    command: CommandId,
    record: &AccessRecord,
) -> Result<Answer<Vec<(Envelope, ProofFile)>>, Refusal> {
    let readable = visit.readable(&record.complex_id).await?;
    let commands = serving
        .views
        .commands(readable.complex(), &[command])
        .await?;
    let rows = commands.get(&command).cloned().unwrap_or_default();
    let claims = rows.claims.iter().map(|row| row.leaf);
    let completions = rows.completions.iter().map(|row| row.leaf);
    let observations = rows.observations.iter().map(|row| row.leaf);
    let mut leaves: BTreeSet<u64> = claims.chain(completions).chain(observations).collect();
    leaves.remove(&record.leaf_index);

    let log = parse::log_id(Topic::AccessEvents, readable.complex())?;
    let log = serving.logs.reader(log)?;
    let checkpoint = log.checkpoint().await?;
    let mut told = Vec::new();
    for index in leaves.into_iter().take(MOST) {
        let proof = log.prove(index, &checkpoint).await?;
        if let Ok(envelope) = Envelope::decode(proof.leaf.as_slice()) {
            told.push((envelope, proof));
        }
    }
    let shown: Vec<Uuid> = told
        .iter()
        .filter_map(|(envelope, _)| person(envelope))
        .collect();
    let look = Look {
        object: record.event_id.clone(),
        ..Look::at_all(ReadMethod::GetRecord)
    };
    let recorded = serving.reads.record(&readable, look, shown).await?;
    Ok(Answer::recorded(told, recorded))
}

fn person(envelope: &Envelope) -> Option<Uuid> {
    envelope.actor.as_ref()?.subject_ref.parse().ok()
}
