//! What both gRPC services share.

use std::time::Instant;

use domain::IdError;
use service::trace::TraceContext;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use crate::refusal::Refusal;

/// The caller's trace, continued; a new one where there is none.
pub(crate) fn trace(metadata: &MetadataMap) -> TraceContext {
    let header = metadata
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    TraceContext::from_header(header).child()
}

/// Counts, times and maps the result of a call.
pub(crate) async fn reply<T>(
    method: &'static str,
    work: impl Future<Output = Result<T, Refusal>>,
) -> Result<Response<T>, Status> {
    let started = Instant::now();
    let result = work.await;
    metrics::histogram!("grpc_request_seconds", "method" => method).record(started.elapsed());
    let code = result.as_ref().map_or_else(Refusal::reason, |_| "OK");
    metrics::counter!("grpc_requests_total", "method" => method, "result" => code).increment(1);
    result.map(Response::new).map_err(Status::from)
}

/// Parses an id.
///
/// # Errors
/// Names the field.
pub(crate) fn id<T: std::str::FromStr<Err = IdError>>(
    field: &str,
    text: &str,
) -> Result<T, Refusal> {
    text.parse()
        .map_err(|error: IdError| Refusal::field(field, error.to_string()))
}
