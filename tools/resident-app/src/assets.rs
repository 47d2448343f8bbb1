//! Files that pages load, part of the program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/app.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// Their addresses.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |kind: &'static str, text: &'static str| {
        get(async move || ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")], text))
    };
    Router::new()
        .route("/assets/style.css", file("text/css; charset=utf-8", STYLE))
        .route(
            "/assets/app.js",
            file("text/javascript; charset=utf-8", SCRIPT),
        )
        .route("/assets/icon.svg", file("image/svg+xml", ICON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_page_is_small() {
        let all = STYLE.len() + SCRIPT.len() + ICON.len();
        assert!(all < 100 * 1024, "{all}");
    }
}
