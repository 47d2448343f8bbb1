//! What auditors ask, answered to whom a token or a login has made an [`Auditor`]: each is checked against
//! the perimeter, and recorded before it is answered.

use std::sync::Arc;

use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use proto::access::{
    AccessStatisticsRequest, AccessStatisticsResponse, GetAccessRecordRequest,
    GetAccessRecordResponse, GetCheckpointRequest, GetCheckpointResponse, GetCompletenessRequest,
    GetCompletenessResponse, GetConsistencyProofRequest, GetConsistencyProofResponse,
    InclusionProof, LogState, SearchAccessRequest, SearchAccessResponse, SearchAlarmsRequest,
    SearchAlarmsResponse, SearchReadsRequest, SearchReadsResponse,
};
use tonic::Request;

use super::Serving;
use super::auth::{Auditor, Readable};
use super::call::Answer;
use super::logs::newest;
use super::reads::Look;
use super::status::{Missing, Refusal};
use super::{alarms, completeness, leaf, parse, search, statistics, who_read};

impl Serving {
    /// Who asks, and what.
    pub(super) async fn asked<Q>(&self, request: Request<Q>) -> Result<(Auditor, Q), Refusal> {
        let auditor = self.tokens.auditor(&request).await?;
        Ok((auditor, request.into_inner()))
    }

    pub(super) async fn search_access(
        &self,
        auditor: &Auditor,
        request: SearchAccessRequest,
    ) -> Result<Answer<SearchAccessResponse>, Refusal> {
        let asked = parse::search(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let mut answer = search::search(self, &readable, &request, &asked).await?;
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.subject,
            device: asked.query.device,
            object: asked
                .event
                .map(|event| event.to_string())
                .unwrap_or_default(),
            further: asked.wanted.words().join(" "),
            ..Look::at_all(ReadMethod::SearchAccess)
        };
        let shown = answer.records.iter().filter_map(search::subject);
        let (recorded, state) = futures::try_join!(
            self.reads.record(&readable, look, shown),
            self.log_state(&readable, Topic::AccessEvents)
        )?;
        answer.log_state = state;
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn get_access_record(
        &self,
        auditor: &Auditor,
        request: GetAccessRecordRequest,
    ) -> Result<Answer<GetAccessRecordResponse>, Refusal> {
        let (complex, event) = parse::record(&request.complex_id, &request.event_id)?;
        let readable = auditor.may_read(complex)?;
        let row = self.views.access(readable.complex(), event).await?;
        let row = row.ok_or(Refusal::NotFound(Missing::Record))?;
        let mut told = search::tell(self, &readable, vec![row]).await?;
        let record = told.pop().ok_or(Refusal::Internal)?;

        let log = parse::log_id(Topic::AccessEvents, readable.complex())?;
        let log = self.logs.reader(log)?;
        let checkpoint = log.checkpoint().await?;
        let (index, newest) = (record.leaf_index, checkpoint.size());
        if index >= newest {
            // Only of a log that is halted.
            return Err(Refusal::Unavailable("LEAF_NOT_IN_TREE"));
        }
        let mut proof = log.prove(index, &checkpoint).await?;
        if !leaf::is_of(&proof.leaf, &record) {
            let log = readable.complex().as_str();
            tracing::error!(log, index, "a view's record is not the one in the tree");
            return Err(Refusal::Contradiction("VIEW_CONTRADICTS_TREE"));
        }
        let size = match request.tree_size {
            0 => newest,
            size => size,
        };
        if size != newest {
            proof.hashes = log.inclusion_proof(index, size).await?;
            proof.checkpoint = String::new();
        }
        let look = Look {
            object: record.event_id.clone(),
            ..Look::at_all(ReadMethod::GetRecord)
        };
        let shown = search::subject(&record);
        let recorded = self.reads.record(&readable, look, shown).await?;
        let answer = GetAccessRecordResponse {
            record: Some(record),
            leaf: proof.leaf,
            inclusion_proof: Some(InclusionProof {
                leaf_index: index,
                tree_size: size,
                hashes: proof.hashes.into_iter().map(Vec::from).collect(),
            }),
            checkpoint: proof.checkpoint,
        };
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn get_checkpoint(
        &self,
        auditor: &Auditor,
        request: GetCheckpointRequest,
    ) -> Result<Answer<GetCheckpointResponse>, Refusal> {
        let (complex, topic) = parse::log(&request.complex_id, request.log)?;
        let log = self.log(&auditor.may_read(complex)?, topic)?;
        Ok(Answer::of_nobody(GetCheckpointResponse {
            checkpoint: log.checkpoint_for_others().await?.note().to_owned(),
            cosigned: match log.cosigned().await? {
                Some(cosigned) => cosigned.note().to_owned(),
                None => String::new(),
            },
        }))
    }

    pub(super) async fn get_consistency_proof(
        &self,
        auditor: &Auditor,
        request: GetConsistencyProofRequest,
    ) -> Result<Answer<GetConsistencyProofResponse>, Refusal> {
        let (complex, topic) = parse::log(&request.complex_id, request.log)?;
        let log = self.log(&auditor.may_read(complex)?, topic)?;
        let hashes = log
            .consistency_proof(request.old_size, request.new_size)
            .await?;
        Ok(Answer::of_nobody(GetConsistencyProofResponse {
            hashes: hashes.into_iter().map(Vec::from).collect(),
        }))
    }

    pub(super) async fn get_completeness(
        &self,
        auditor: &Auditor,
        request: GetCompletenessRequest,
    ) -> Result<Answer<GetCompletenessResponse>, Refusal> {
        let readable = auditor.may_read(parse::id("complex_id", &request.complex_id)?)?;
        let (device, from) = parse::completeness(&request)?;
        let answer = completeness::tell(self, &readable, device.as_ref(), from).await?;
        let look = Look {
            from,
            device,
            ..Look::at_all(ReadMethod::Completeness)
        };
        let recorded = self.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn search_alarms(
        &self,
        auditor: &Auditor,
        request: SearchAlarmsRequest,
    ) -> Result<Answer<SearchAlarmsResponse>, Refusal> {
        let asked = parse::alarms(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let mut answer = alarms::search(self, &readable, &request, &asked).await?;
        answer.log_state = self.log_state(&readable, Topic::AccessEvents).await?;
        let kinds = asked.query.kinds.iter();
        let kinds = kinds.map(|kind| format!("kind={}", kind.as_str_name()));
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            device: asked.query.device,
            further: kinds.collect::<Vec<_>>().join(" "),
            ..Look::at_all(ReadMethod::SearchAlarms)
        };
        let recorded = self.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn search_reads(
        &self,
        auditor: &Auditor,
        request: SearchReadsRequest,
    ) -> Result<Answer<SearchReadsResponse>, Refusal> {
        let asked = parse::reads(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let mut answer = who_read::search(self, &request, &asked).await?;
        answer.log_state = self.log_state(&readable, Topic::AuditReads).await?;
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.scope.person(),
            ..Look::at_all(ReadMethod::SearchReads)
        };
        let shown = who_read::shown(&answer);
        let recorded = self.reads.record(&readable, look, shown).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    pub(super) async fn access_statistics(
        &self,
        auditor: &Auditor,
        request: AccessStatisticsRequest,
    ) -> Result<Answer<AccessStatisticsResponse>, Refusal> {
        let asked = statistics::parse(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let answer = statistics::count(self, &asked).await?;
        let look = Look {
            from: Some(asked.from),
            until: Some(asked.until),
            further: asked.words(),
            device: asked.query.device,
            ..Look::at_all(ReadMethod::Statistics)
        };
        let recorded = self.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    fn log(&self, readable: &Readable, topic: Topic) -> Result<Arc<auditlog::LogReader>, Refusal> {
        let log = parse::log_id(topic, readable.complex())?;
        Ok(self.logs.reader(log)?)
    }
    /// The state under which rows stand that were found before: trees grow first.
    async fn log_state(
        &self,
        readable: &Readable,
        topic: Topic,
    ) -> Result<Option<LogState>, Refusal> {
        let newest = newest(&*self.log(readable, topic)?).await?;
        Ok(newest.map(|checkpoint| LogState {
            size: checkpoint.size(),
            root: checkpoint.root().to_vec(),
            checkpoint: checkpoint.note().to_owned(),
        }))
    }
}
