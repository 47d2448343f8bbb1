//! Reading a body within its limits.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::refusal::Refusal;
use crate::gateway::Limits;

/// The most bytes that the body can turn out to have.
///
/// # Errors
/// [`Refusal::BodyTooLarge`] where it is announced to be.
pub(super) fn most(headers: &HeaderMap, limits: &Limits) -> Result<usize, Refusal> {
    let max = limits.max_body;
    let Some(announced) = announced(headers) else {
        return Ok(max);
    };
    let fits = usize::try_from(announced).ok().filter(|most| *most <= max);
    fits.ok_or(Refusal::BodyTooLarge { max })
}

/// Reads the whole body.
///
/// # Errors
/// [`Refusal::BodyTooLarge`], without reading on; [`Refusal::BodyIncomplete`] where it broke off
/// or took too long.
pub(super) async fn read(body: Body, limits: &Limits) -> Result<Bytes, Refusal> {
    let too_large = Refusal::BodyTooLarge {
        max: limits.max_body,
    };
    let whole = async {
        let mut frames = body.into_data_stream();
        let mut whole = BytesMut::new();
        while let Some(frame) = frames.next().await {
            let frame = frame.map_err(|_| Refusal::BodyIncomplete)?;
            if whole.len() + frame.len() > limits.max_body {
                return Err(too_large);
            }
            whole.extend_from_slice(&frame);
        }
        Ok(whole.freeze())
    };
    tokio::time::timeout(limits.body_timeout, whole)
        .await
        .unwrap_or(Err(Refusal::BodyIncomplete))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use futures::stream;
    use jiff::SignedDuration;

    use super::*;

    const LIMITS: Limits = Limits {
        max_body: 10,
        max_batch: 1,
        max_in_flight: 1,
        body_timeout: Duration::from_millis(20),
        lateness: SignedDuration::from_hours(1),
    };

    async fn read_frames(
        frames: Vec<Result<&'static str, std::io::Error>>,
    ) -> Result<Bytes, Refusal> {
        read(Body::from_stream(stream::iter(frames)), &LIMITS).await
    }

    #[tokio::test]
    async fn up_to_the_limit_and_no_further() {
        assert_eq!(
            read_frames(vec![Ok("12345"), Ok("67890")]).await.unwrap(),
            "1234567890"
        );
        let refused = read_frames(vec![Ok("12345"), Ok("678901")]).await;
        assert!(matches!(refused, Err(Refusal::BodyTooLarge { max: 10 })));
        let mut headers = HeaderMap::new();
        assert_eq!(most(&headers, &LIMITS), Ok(10), "not announced");
        headers.insert(CONTENT_LENGTH, "7".parse().unwrap());
        assert_eq!(most(&headers, &LIMITS), Ok(7));
        headers.insert(CONTENT_LENGTH, "11".parse().unwrap());
        let refused = most(&headers, &LIMITS);
        assert!(matches!(refused, Err(Refusal::BodyTooLarge { .. })));
    }

    #[tokio::test]
    async fn what_breaks_off_or_never_ends_is_refused() {
        let broken = Err(std::io::ErrorKind::ConnectionReset.into());
        assert!(matches!(
            read_frames(vec![Ok("1"), broken]).await,
            Err(Refusal::BodyIncomplete)
        ));
        let endless = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
        let refused = read(endless, &LIMITS).await;
        assert!(matches!(refused, Err(Refusal::BodyIncomplete)));
    }
}
