//! What is kept from whom, and what browsers are kept from.

use reqwest::StatusCode;

use super::pages::with_an_opening;
use super::{Browser, Pages, Shown};

#[tokio::test(flavor = "multi_thread")]
async fn another_complex_is_as_one_that_is_not_there() {
    let (pages, event) = with_an_opening().await;
    let mut browser = Browser::default();
    pages.log_in(&mut browser, "one", "/c/sunrise/now").await;
    for part in ["now", "search", "pictures", "reads", "export", "integrity"] {
        let mut texts = Vec::new();
        for complex in ["sunset", "no-such", "NO-ID"] {
            let shown = pages
                .get(&mut browser, &format!("/c/{complex}/{part}"))
                .await;
            assert_eq!(shown.status, StatusCode::NOT_FOUND, "{complex}/{part}");
            texts.push(shown.text.replace(complex, ""));
        }
        assert_eq!(texts[0], texts[1], "{part}");
        assert_eq!(texts[0], texts[2], "{part}");
    }
    let elsewhere = pages
        .get(&mut browser, &format!("/c/sunset/records/{event}"))
        .await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    let path = "/c/sunset/integrity/consistency?log=1&old=1&new=2";
    assert_eq!(
        pages.get(&mut browser, path).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_for_registered_auditors_who_have_logged_in() {
    let pages = Pages::start().await;
    let mut nobody = Browser::default();
    for path in ["/", "/c/sunrise/now", "/c/sunrise/search", "/no-such-page"] {
        let shown = pages.get(&mut nobody, path).await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER, "{path}");
        assert!(shown.header("location").starts_with("/login?"), "{path}");
    }
    for (who, reason) in [
        ("stranger", "READER_UNKNOWN"),
        ("resident", "ROLE_REQUIRED"),
    ] {
        let mut browser = Browser::default();
        let shown = pages.log_in(&mut browser, who, "/c/sunrise/search").await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN, "{who}");
        assert!(shown.text.contains(reason), "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_do_what_pages_need_and_keeps_no_copy() {
    let pages = Pages::start().await;
    let mut browser = Browser::default();
    let safe = |shown: &Shown| {
        let policy = shown.header("content-security-policy");
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split("; ").any(|one| one == directive), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let form = format!("form-action 'self' {}", pages.provider);
        assert!(policy.contains(&form), "{policy}");
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert_eq!(shown.header("referrer-policy"), "same-origin");
    };
    let shown = pages.log_in(&mut browser, "one", "/c/sunrise/now").await;
    safe(&shown);
    assert_eq!(shown.header("cache-control"), "no-store");
    for inline in ["<style", " style=", "onclick", "javascript:", "<script>"] {
        assert!(!shown.text.contains(inline), "{inline}");
    }
    let script = pages.get(&mut browser, "/assets/proof.js").await;
    safe(&script);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    for back in [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "/c/\\evil",
    ] {
        let path = format!("/language/ru?back={back}");
        let shown = pages.get(&mut browser, &path).await;
        assert_eq!(shown.header("location"), "/", "{back}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_takes_a_form_of_the_session_and_ends_it() {
    let pages = Pages::start().await;
    let mut browser = Browser::default();
    let shown = pages.log_in(&mut browser, "one", "/c/sunrise/now").await;
    let csrf = shown.between("name=\"csrf\" value=\"", "\"").to_owned();
    let own = pages.origin.clone();
    for (token, from) in [
        ("", own.as_str()),
        ("x", &own),
        (&csrf, "https://evil.example"),
    ] {
        let refused = pages
            .post(&mut browser, "/logout", &[("csrf", token)], from)
            .await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{from}");
    }
    let still = pages.get(&mut browser, "/c/sunrise/now").await;
    assert_eq!(still.status, StatusCode::OK);
    let session = browser.cookies.clone();
    let out = pages
        .post(&mut browser, "/logout", &[("csrf", &csrf)], &own)
        .await;
    assert!(
        out.header("location").starts_with(&pages.provider),
        "at the provider too"
    );
    browser.cookies = session;
    let gone = pages.get(&mut browser, "/c/sunrise/now").await;
    assert_eq!(
        gone.status,
        StatusCode::SEE_OTHER,
        "an old cookie opens nothing"
    );
    let shown = pages.get(&mut browser, "/signed-out").await;
    assert!(shown.text.contains("You are logged out."));
}
