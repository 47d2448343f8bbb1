//! A file that proves one access of a resident to anybody.

use auditlog::Receipt;
use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use proto::access::{GetMyReceiptRequest, GetMyReceiptResponse};
use tonic::Request;

use super::Residents;
use crate::serve::call::Answer;
use crate::serve::parse;
use crate::serve::reads::Look;
use crate::serve::status::{Missing, Refusal};
use crate::views::{AccessRow, access};

impl Residents {
    pub(super) async fn receipt(
        &self,
        request: Request<GetMyReceiptRequest>,
    ) -> Result<Answer<GetMyReceiptResponse>, Refusal> {
        let owner = self.owners.owner(&request).await?;
        let request = request.into_inner();
        let (complex, event) = parse::record(&request.complex_id, &request.event_id)?;
        let missing = || Refusal::NotFound(Missing::Record);
        let own = owner.own(complex.clone()).ok_or_else(missing)?;
        let row = self.serving.views.access(&complex, event).await?;
        let row = row.filter(|row| own.is_about(row.subject));
        let row = row.ok_or_else(missing)?;
        let log = parse::log_id(Topic::AccessEvents, &complex)?;
        let log = self.serving.logs.reader(log)?;
        let checkpoint = log.checkpoint().await?;
        let mut proofs = Vec::new();
        for leaf in self.leaves(&row).await? {
            if leaf >= checkpoint.size() {
                // Only of a log that is halted.
                return Err(Refusal::Unavailable("LEAF_NOT_IN_TREE"));
            }
            proofs.push(log.prove(leaf, &checkpoint).await?);
        }
        let look = Look {
            subject: row.subject,
            object: event.to_string(),
            ..Look::at_all(ReadMethod::Receipt)
        };
        let recorded = self.serving.reads.record(&own, look, []).await?;
        let answer = GetMyReceiptResponse {
            receipt: Receipt(proofs).text(),
        };
        Ok(Answer::recorded(answer, recorded))
    }

    /// The leaves of an access: its own, and that of the outcome that its command has, if it won.
    async fn leaves(&self, row: &AccessRow) -> Result<Vec<u64>, Refusal> {
        let mut leaves = vec![row.record.leaf_index];
        if let (Some(_), Some(command)) = (row.command, access::command(row)) {
            let views = &self.serving.views;
            let rows = views.commands(&row.complex, &[command]).await?;
            let rows = rows.get(&command);
            leaves.extend(rows.and_then(|rows| rows.completion_of(row.event)));
        }
        Ok(leaves)
    }
}
