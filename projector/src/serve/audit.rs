//! `AuditService`.

use std::sync::Arc;

use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use proto::access::audit_service_server::AuditService;
use proto::access::{
    AccessStatisticsRequest, AccessStatisticsResponse, GetAccessRecordRequest,
    GetAccessRecordResponse, GetCheckpointRequest, GetCheckpointResponse, GetCompletenessRequest,
    GetCompletenessResponse, GetConsistencyProofRequest, GetConsistencyProofResponse,
    InclusionProof, SearchAccessRequest, SearchAccessResponse, SearchAlarmsRequest,
    SearchAlarmsResponse, SearchReadsRequest, SearchReadsResponse, WatchAccessRequest,
};
use tonic::{Request, Response, Status};

use super::Serving;
use super::auth::Readable;
use super::call::{Answer, Call};
use super::reads::Look;
use super::status::{Missing, Refusal};
use super::watch::Watching;
use super::{alarms, completeness, leaf, parse, search, statistics, watch, who_read};

/// The service.
pub(super) struct Audit(pub(super) Arc<Serving>);

#[tonic::async_trait]
impl AuditService for Audit {
    async fn search_access(
        &self,
        request: Request<SearchAccessRequest>,
    ) -> Result<Response<SearchAccessResponse>, Status> {
        let call = Call::new("AuditService/SearchAccess", &request);
        self.0.calls.run(call, self.search(request)).await
    }

    async fn get_access_record(
        &self,
        request: Request<GetAccessRecordRequest>,
    ) -> Result<Response<GetAccessRecordResponse>, Status> {
        let call = Call::new("AuditService/GetAccessRecord", &request);
        self.0.calls.run(call, self.record(request)).await
    }

    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let call = Call::new("AuditService/GetCheckpoint", &request);
        self.0.calls.run(call, self.checkpoint(request)).await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let call = Call::new("AuditService/GetConsistencyProof", &request);
        self.0.calls.run(call, self.consistency(request)).await
    }

    async fn get_completeness(
        &self,
        request: Request<GetCompletenessRequest>,
    ) -> Result<Response<GetCompletenessResponse>, Status> {
        let call = Call::new("AuditService/GetCompleteness", &request);
        self.0.calls.run(call, self.completeness(request)).await
    }

    async fn search_alarms(
        &self,
        request: Request<SearchAlarmsRequest>,
    ) -> Result<Response<SearchAlarmsResponse>, Status> {
        let call = Call::new("AuditService/SearchAlarms", &request);
        self.0.calls.run(call, self.alarms(request)).await
    }

    async fn access_statistics(
        &self,
        request: Request<AccessStatisticsRequest>,
    ) -> Result<Response<AccessStatisticsResponse>, Status> {
        let call = Call::new("AuditService/AccessStatistics", &request);
        self.0.calls.run(call, self.statistics(request)).await
    }

    type WatchAccessStream = Watching;

    async fn watch_access(
        &self,
        request: Request<WatchAccessRequest>,
    ) -> Result<Response<Watching>, Status> {
        let call = Call::new("AuditService/WatchAccess", &request);
        let begin = async {
            let auditor = self.0.tokens.auditor(&request).await?;
            watch::begin(Arc::clone(&self.0), auditor, request.into_inner()).await
        };
        self.0.calls.run(call, begin).await
    }

    async fn search_reads(
        &self,
        request: Request<SearchReadsRequest>,
    ) -> Result<Response<SearchReadsResponse>, Status> {
        let call = Call::new("AuditService/SearchReads", &request);
        self.0.calls.run(call, self.reads(request)).await
    }
}

impl Audit {
    async fn search(
        &self,
        request: Request<SearchAccessRequest>,
    ) -> Result<Answer<SearchAccessResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let asked = parse::search(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let answer = search::search(&self.0, &readable, &request, &asked).await?;
        let mut further = asked.wanted.words();
        let automation = asked.query.automation.map(|automation| automation.as_str());
        further.extend(automation.map(|automation| format!("automation={automation}")));
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.subject,
            device: asked.query.device,
            object: asked
                .event
                .map(|event| event.to_string())
                .unwrap_or_default(),
            further: further.join(" "),
            ..Look::at_all(ReadMethod::SearchAccess)
        };
        let shown = answer.records.iter().filter_map(search::subject);
        let recorded = self.0.reads.record(&readable, look, shown).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    async fn record(
        &self,
        request: Request<GetAccessRecordRequest>,
    ) -> Result<Answer<GetAccessRecordResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let (complex, event) = parse::record(&request.complex_id, &request.event_id)?;
        let readable = auditor.may_read(complex)?;
        let row = self.0.views.access(readable.complex(), event).await?;
        let row = row.ok_or(Refusal::NotFound(Missing::Record))?;
        let mut told = search::tell(&self.0, &readable, vec![row]).await?;
        let record = told.pop().ok_or(Refusal::Internal)?;

        let log = parse::log_id(Topic::AccessEvents, readable.complex())?;
        let log = self.0.logs.reader(log)?;
        let checkpoint = log.checkpoint().await?;
        let (index, size) = (record.leaf_index, checkpoint.size());
        if index >= size {
            // Only of a log that is halted.
            return Err(Refusal::Unavailable("LEAF_NOT_IN_TREE"));
        }
        let proof = log.prove(index, &checkpoint).await?;
        if !leaf::is_of(&proof.leaf, &record) {
            let log = readable.complex().as_str();
            tracing::error!(log, index, "a view's record is not the one in the tree");
            return Err(Refusal::Contradiction("VIEW_CONTRADICTS_TREE"));
        }
        let look = Look {
            object: record.event_id.clone(),
            ..Look::at_all(ReadMethod::GetRecord)
        };
        let shown = search::subject(&record);
        let recorded = self.0.reads.record(&readable, look, shown).await?;
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

    async fn checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Answer<GetCheckpointResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
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

    async fn consistency(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Answer<GetConsistencyProofResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let (complex, topic) = parse::log(&request.complex_id, request.log)?;
        let log = self.log(&auditor.may_read(complex)?, topic)?;
        let hashes = log
            .consistency_proof(request.old_size, request.new_size)
            .await?;
        Ok(Answer::of_nobody(GetConsistencyProofResponse {
            hashes: hashes.into_iter().map(Vec::from).collect(),
        }))
    }

    async fn completeness(
        &self,
        request: Request<GetCompletenessRequest>,
    ) -> Result<Answer<GetCompletenessResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let readable = auditor.may_read(parse::id("complex_id", &request.complex_id)?)?;
        let (device, from) = parse::completeness(&request)?;
        let answer = completeness::tell(&self.0, &readable, device.as_ref(), from).await?;
        let look = Look {
            from,
            device,
            ..Look::at_all(ReadMethod::Completeness)
        };
        let recorded = self.0.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    async fn alarms(
        &self,
        request: Request<SearchAlarmsRequest>,
    ) -> Result<Answer<SearchAlarmsResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let asked = parse::alarms(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let answer = alarms::search(&self.0, &readable, &request, &asked).await?;
        let kinds = asked.query.kinds.iter();
        let kinds = kinds.map(|kind| format!("kind={}", kind.as_str_name()));
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            device: asked.query.device,
            further: kinds.collect::<Vec<_>>().join(" "),
            ..Look::at_all(ReadMethod::SearchAlarms)
        };
        let recorded = self.0.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    async fn reads(
        &self,
        request: Request<SearchReadsRequest>,
    ) -> Result<Answer<SearchReadsResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let request = request.into_inner();
        let asked = parse::reads(&request)?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let answer = who_read::search(&self.0, &request, &asked).await?;
        let look = Look {
            from: asked.query.from,
            until: asked.query.until,
            subject: asked.query.scope.person(),
            ..Look::at_all(ReadMethod::SearchReads)
        };
        let shown = who_read::shown(&answer);
        let recorded = self.0.reads.record(&readable, look, shown).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    async fn statistics(
        &self,
        request: Request<AccessStatisticsRequest>,
    ) -> Result<Answer<AccessStatisticsResponse>, Refusal> {
        let auditor = self.0.tokens.auditor(&request).await?;
        let asked = statistics::parse(request.get_ref())?;
        let readable = auditor.may_read(asked.query.complex.clone())?;
        let answer = statistics::count(&self.0, &asked).await?;
        let look = Look {
            from: Some(asked.from),
            until: Some(asked.until),
            further: asked.words(),
            device: asked.query.device,
            ..Look::at_all(ReadMethod::Statistics)
        };
        let recorded = self.0.reads.record(&readable, look, []).await?;
        Ok(Answer::recorded(answer, recorded))
    }

    fn log(&self, readable: &Readable, topic: Topic) -> Result<Arc<auditlog::LogReader>, Refusal> {
        let log = parse::log_id(topic, readable.complex())?;
        Ok(self.0.logs.reader(log)?)
    }
}
