//! What arrived, byte for byte: kept by the simulation alone, so that tests can search it for what
//! must not leave the service.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;

use crate::problem::{Kind, Problem};

/// A file of the requests to the API, and of the answers to webhooks.
#[derive(Debug)]
pub(crate) struct Received(Mutex<File>);

impl Received {
    /// Goes on with `file`, which holds secrets.
    pub(crate) fn open(file: &Path) -> io::Result<Arc<Self>> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(file)?;
        Ok(Arc::new(Self(Mutex::new(file))))
    }

    /// Keeps a message.
    pub(crate) fn keep(&self, start: &str, headers: &HeaderMap, body: &[u8]) -> io::Result<()> {
        let mut message = format!("{start}\n").into_bytes();
        for (name, value) in headers {
            message.extend_from_slice(name.as_str().as_bytes());
            message.extend_from_slice(b": ");
            message.extend_from_slice(value.as_bytes());
            message.push(b'\n');
        }
        message.push(b'\n');
        message.extend_from_slice(body);
        message.extend_from_slice(b"\n\n");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&message)
    }
}

/// Keeps a request before it is answered: one that can't be kept is refused.
pub(crate) async fn keep(
    State((received, limit)): State<(Arc<Received>, usize)>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, limit).await else {
        return Problem::new(Kind::BodyTooLarge, "See the contract.").into_response();
    };
    let start = format!("{} {}", parts.method, parts.uri);
    match received.keep(&start, &parts.headers, &body) {
        Ok(()) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(error) => {
            tracing::error!(%error, "a request can't be kept");
            Problem::new(Kind::Internal, "Ask again.").into_response()
        }
    }
}
