//! The pages that people see. They need no script and no style, and say what they are.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::NOTICE;
use crate::refusal::NO_STORE;

/// Nothing is loaded, nothing may frame the page, and no address with a code in it is passed on.
const PROTECTION: [(header::HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// The login form. It is posted to the address that it was got from, so the request stays as it was.
pub(crate) fn login(client_id: &str, failed: bool) -> Response {
    let (status, alert) = if failed {
        (
            StatusCode::FORBIDDEN,
            r#"<p role="alert" id="alert">User name or password is wrong. Please try again.</p>"#,
        )
    } else {
        (StatusCode::OK, "")
    };
    let described = if failed {
        r#" aria-describedby="alert" aria-invalid="true""#
    } else {
        ""
    };
    let client = escape(client_id);
    let body = format!(
        r#"<p>You are signing in to <strong>{client}</strong>.</p>
{alert}
<form method="post">
<p><label for="username">User name</label><br>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required{described}></p>
<p><label for="password">Password</label><br>
<input id="password" name="password" type="password" autocomplete="current-password" required{described}></p>
<p><button type="submit">Sign in</button></p>
</form>"#
    );
    page(status, "Sign in", &body)
}

/// A page with one sentence.
pub(crate) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &format!("<p>{}</p>", escape(text)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} - DEVELOPMENT ONLY</title>
</head>
<body>
<header><p><strong>{NOTICE}</strong></p></header>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"#
    );
    (status, NO_STORE, PROTECTION, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape(r#"<a href="x">'&'</a>"#),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }
}
