//! What every call gets: a place among the calls in work, a deadline, a span, a count.

use std::time::{Duration, Instant};

use service::trace::{TRACEPARENT, TraceContext};
use tokio::sync::Semaphore;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument as _;

use super::reads::Recorded;
use super::status::Refusal;
use crate::store::one_generation;

/// Bounds of calls.
pub(super) struct Calls {
    permits: Semaphore,
    longest: Duration,
}

/// One call.
pub(super) struct Call {
    method: &'static str,
    trace: TraceContext,
    asked: Option<Duration>,
}

/// What a call answers.
pub(super) struct Answer<T>(T);

impl<T> Answer<T> {
    /// What is answered.
    pub(super) fn into_inner(self) -> T {
        self.0
    }

    /// Of rows: it stands in the log that the caller is given them.
    pub(super) fn recorded(answer: T, _: Recorded) -> Self {
        Self(answer)
    }

    /// Of hashes and signatures, or of nothing at all.
    pub(super) fn of_nobody(answer: T) -> Self {
        Self(answer)
    }
}

impl Call {
    /// How long the caller waits.
    pub(super) fn asked(&self) -> Option<Duration> {
        self.asked
    }

    pub(super) fn new<T>(method: &'static str, request: &Request<T>) -> Self {
        let metadata = request.metadata();
        let text = |name| metadata.get(name).and_then(|value| value.to_str().ok());
        Self {
            method,
            trace: TraceContext::from_header(text(TRACEPARENT)),
            asked: timeout(metadata),
        }
    }
}

impl Calls {
    pub(super) fn new(at_once: usize, longest: Duration) -> Self {
        let permits = Semaphore::new(at_once);
        Self { permits, longest }
    }

    /// Does a call's work.
    pub(super) async fn run<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<Answer<T>, Refusal>>,
    ) -> Result<Response<T>, Status> {
        let begun = Instant::now();
        let span = call.trace.span(call.method);
        let time = call
            .asked
            .map_or(self.longest, |asked| asked.min(self.longest));
        let bounded = async {
            if time.is_zero() {
                return Err(Refusal::Deadline);
            }
            let _place = self.permits.try_acquire().map_err(|_| Refusal::Busy)?;
            let work = one_generation(work);
            let done = tokio::time::timeout(time, work).await;
            done.map_err(|_| Refusal::Deadline)?
        };
        let answer = bounded.instrument(span.clone()).await;
        let answer = answer.map(|Answer(answer)| Response::new(answer));
        let answer = answer.map_err(Status::from);
        let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
        let labels = [
            ("method", call.method.to_owned()),
            ("code", format!("{code:?}")),
        ];
        metrics::counter!("projector_calls_total", &labels).increment(1);
        metrics::histogram!("projector_call_seconds", "method" => call.method)
            .record(begun.elapsed());
        span.in_scope(|| tracing::info!(method = call.method, ?code, "answered"));
        answer
    }
}

/// The caller's deadline (gRPC over HTTP/2, `grpc-timeout`). Its last moments are left to the
/// answer, so that the caller learns why.
fn timeout(metadata: &MetadataMap) -> Option<Duration> {
    const ANSWER: Duration = Duration::from_millis(5);
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    let time = match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(time.saturating_sub(ANSWER))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let read = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            timeout(&metadata)
        };
        assert_eq!(read("105m"), Some(Duration::from_millis(100)));
        assert_eq!(read("1S"), Some(Duration::from_millis(995)));
        assert_eq!(read("1n"), Some(Duration::ZERO));
        for bad in ["", "S", "1", "1s", "-1S", "123456789S"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn too_many_and_too_slow_are_told_apart() {
        let call = || Call {
            method: "Test",
            trace: TraceContext::root(),
            asked: Some(Duration::from_millis(1)),
        };
        let calls = Calls::new(1, Duration::from_secs(60));
        let slow = calls.run(
            call(),
            std::future::pending::<Result<Answer<()>, Refusal>>(),
        );
        assert_eq!(slow.await.unwrap_err().code(), Code::DeadlineExceeded);
        let none = Calls::new(0, Duration::from_secs(60));
        let busy = none.run(call(), async { Ok(Answer::of_nobody(())) });
        assert_eq!(busy.await.unwrap_err().code(), Code::ResourceExhausted);
        assert!(
            calls
                .run(call(), async { Ok(Answer::of_nobody(())) })
                .await
                .is_ok()
        );
    }
}
