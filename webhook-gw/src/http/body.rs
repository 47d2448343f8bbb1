//! Reading a body within its limits.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::refusal::Refusal;
use crate::gateway::Limits;

/// Reads the whole body.
///
/// # Errors
/// [`Refusal::BodyTooLarge`], without reading on; [`Refusal::BodyIncomplete`] where it broke off
/// or took too long.
pub(super) async fn read(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
) -> Result<Bytes, Refusal> {
    let too_large = Refusal::BodyTooLarge {
        max: limits.max_body,
    };
    if announced(headers).is_some_and(|length| length > limits.max_body as u64) {
        return Err(too_large);
    }
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
        read(
            Body::from_stream(stream::iter(frames)),
            &HeaderMap::new(),
            &LIMITS,
        )
        .await
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
        headers.insert(CONTENT_LENGTH, "11".parse().unwrap());
        let unread = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
        let refused = read(unread, &headers, &LIMITS).await;
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
        let refused = read(endless, &HeaderMap::new(), &LIMITS).await;
        assert!(matches!(refused, Err(Refusal::BodyIncomplete)));
    }
}
