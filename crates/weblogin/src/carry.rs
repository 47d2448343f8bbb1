//! Carries the protocol library's requests by our HTTP client.

use futures::FutureExt as _;
use futures::future::BoxFuture;

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// What did not come back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsent {
    #[error(transparent)]
    Http(reqwest::Error),
    #[error("no answer that can be read")]
    Other,
}

type Carried = BoxFuture<'static, Result<oauth2::HttpResponse, Unsent>>;

/// Owns all that it needs.
pub(crate) fn sender(
    http: &reqwest::Client,
) -> impl Fn(oauth2::HttpRequest) -> Carried + Send + Sync + use<> {
    let http = http.clone();
    move |request| send(http.clone(), request).boxed()
}

async fn send(
    http: reqwest::Client,
    request: oauth2::HttpRequest,
) -> Result<oauth2::HttpResponse, Unsent> {
    let request = request.try_into().map_err(|_| Unsent::Other)?;
    let answer = http.execute(request).await;
    let answer = answer.map_err(|error| Unsent::Http(error.without_url()))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = limited(answer).await?;
    let mut response = oauth2::HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A body, unless it is too long.
pub(crate) async fn limited(mut answer: reqwest::Response) -> Result<Vec<u8>, Unsent> {
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await;
        let chunk = chunk.map_err(|error| Unsent::Http(error.without_url()))?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Unsent::Other);
        }
        body.extend_from_slice(&chunk);
    }
}
