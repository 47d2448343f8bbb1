//! Requests that change something come from our own pages.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::config::Origin;
use crate::web::WebLogin;

/// Turns away whatever changes something and was not sent by a page of this origin; for
/// `axum::middleware::from_fn_with_state`. It stands before the tokens in forms, not in their place.
/// A page's `Referrer-Policy` must not be `no-referrer`: browsers then send forms with `Origin: null`.
pub async fn same_origin(State(web): State<WebLogin>, request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if reads || ours(request.headers(), web.origin()) {
        return next.run(request).await;
    }
    metrics::counter!("web_foreign_requests_total").increment(1);
    (
        StatusCode::FORBIDDEN,
        "This request came from another page.\n",
    )
        .into_response()
}

/// By `Sec-Fetch-Site` (W3C Fetch Metadata) where the browser has it, and by `Origin`; one of them is
/// there in every browser's POST.
pub(crate) fn ours(headers: &HeaderMap, own: &Origin) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next();
        value.filter(|_| values.next().is_none())
    };
    let site = one("sec-fetch-site").map(|site| site == "same-origin");
    let origin = one(header::ORIGIN.as_str()).map(|origin| origin == own.as_str());
    let twice = headers.get_all("sec-fetch-site").iter().count() > 1
        || headers.get_all(header::ORIGIN).iter().count() > 1;
    !twice && site.or(origin).is_some() && site != Some(false) && origin != Some(false)
}
