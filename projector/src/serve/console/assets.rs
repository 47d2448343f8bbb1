//! Style and scripts, embedded. A browser keeps them for an hour: they change with the program only.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

use super::Site;

const ALL: [(&str, &str, &str); 8] = [
    (
        "/assets/style.css",
        "text/css; charset=utf-8",
        include_str!("assets/style.css"),
    ),
    (
        "/assets/icon.svg",
        "image/svg+xml",
        include_str!("assets/icon.svg"),
    ),
    ("/assets/live.js", JS, include_str!("assets/live.js")),
    ("/assets/proof.js", JS, include_str!("assets/proof.js")),
    ("/assets/print.js", JS, include_str!("assets/print.js")),
    ("/assets/export.js", JS, include_str!("assets/export.js")),
    ("/assets/record.js", JS, include_str!("assets/record.js")),
    (
        "/assets/integrity.js",
        JS,
        include_str!("assets/integrity.js"),
    ),
];
const JS: &str = "text/javascript; charset=utf-8";

pub(super) fn routes() -> Router<Arc<Site>> {
    let headers = |kind| [(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=3600")];
    ALL.into_iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(async move || (headers(kind), text)))
        })
}
