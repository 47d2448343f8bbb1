//! What the named failures do to an answer on its way out.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderValue, StatusCode, header};

use crate::devices::Fault;
use crate::listener::Connection;

/// Spoils the answer, or never gives it.
pub(super) async fn spoil(fault: Fault, answer: Response, connection: &Connection) -> Response {
    match fault {
        Fault::Hang => std::future::pending().await,
        Fault::Reset => {
            connection.abort.cancel();
            std::future::pending().await
        }
        Fault::Truncate => truncated(answer).await,
        Fault::BareServerError => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Fault::NotFound => StatusCode::NOT_FOUND.into_response(),
        Fault::Garbage => {
            let json = [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )];
            (json, "{\"result\": \"exec\u{fffd}").into_response()
        }
    }
}

/// The head of the answer with its full length, half of the body, then the end of the stream.
async fn truncated(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let half: Result<Bytes, std::io::Error> = Ok(whole.slice(..whole.len() / 2));
    let broken = Err(std::io::Error::other("truncated on purpose"));
    Response::from_parts(head, Body::from_stream(stream::iter([half, broken])))
}
