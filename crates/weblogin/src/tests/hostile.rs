//! Answers that were seen before, meant for others, or planted; forms of foreign pages.

use axum::http::StatusCode;

use super::page::{Browser, ORIGIN, Page};

const EXPIRED: &str = "/signed-out?reason=expired";
const REFUSED: &str = "/signed-out?reason=refused";

#[tokio::test]
async fn an_answer_works_once() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    let back = page.at_issuer(&mut browser, "/login").await;
    let thief = browser.clone();
    assert_eq!(page.get(&mut browser, &back).await.location, "/");
    for mut again in [browser, thief] {
        let cookies = again.cookies.clone();
        let answer = page.get(&mut again, &back).await;
        assert_eq!(
            (answer.location.as_str(), &again.cookies),
            (EXPIRED, &cookies)
        );
    }
}

#[tokio::test]
async fn an_answer_is_taken_from_the_browser_that_asked_alone() {
    let page = Page::start(300).await;
    let (mut own, mut victim) = (Browser::default(), Browser::default());
    let back = page.at_issuer(&mut own, "/login").await;
    // A login of somebody else's choice: without a login begun, and with one.
    assert_eq!(page.get(&mut victim, &back).await.location, EXPIRED);
    let back = page.at_issuer(&mut own, "/login").await;
    page.get(&mut victim, "/login").await;
    assert_eq!(page.get(&mut victim, &back).await.location, EXPIRED);
    assert!(page.session(&victim).is_none());
    // It was shown to others, so it is worth nothing.
    assert_eq!(page.get(&mut own, &back).await.location, EXPIRED);
}

#[tokio::test]
async fn a_code_of_another_login_is_refused() {
    let page = Page::start(300).await;
    let (mut own, mut other) = (Browser::default(), Browser::default());
    let stolen = page.at_issuer(&mut other, "/login").await;
    let back = page.at_issuer(&mut own, "/login").await;
    let part = |back: &str, name: &str| {
        let mut pairs = back.split(['?', '&']);
        pairs
            .find(|pair| pair.starts_with(name))
            .unwrap()
            .to_owned()
    };
    let injected = back.replace(&part(&back, "code="), &part(&stolen, "code="));
    assert_eq!(page.get(&mut own, &injected).await.location, REFUSED);
    assert!(page.session(&own).is_none());
}

#[tokio::test]
async fn an_answer_of_another_issuer_or_of_none_is_refused() {
    let page = Page::start(300).await;
    for change in [
        |back: &str| back.replace("iss=https", "iss=http"),
        |back: &str| back.replace("&iss=", "&was="),
        |back: &str| format!("{back}&iss=https%3A%2F%2Fevil.example"),
    ] {
        let mut browser = Browser::default();
        let back = page.at_issuer(&mut browser, "/login").await;
        assert_eq!(
            page.get(&mut browser, &change(&back)).await.location,
            REFUSED
        );
        assert!(page.session(&browser).is_none());
    }
}

#[tokio::test]
async fn an_id_that_was_planted_or_known_before_is_nobodys_after_a_login() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    let planted = "A".repeat(43);
    browser
        .cookies
        .insert("__Host-page".to_owned(), planted.clone());
    page.log_in(&mut browser).await;
    let first = browser.clone();
    assert_ne!(first.cookies["__Host-page"], planted);
    page.log_in(&mut browser).await;
    assert_ne!(first.cookies, browser.cookies);
    assert!(
        page.session(&first).is_none(),
        "the session before has ended"
    );
    assert!(page.session(&browser).is_some());
}

#[tokio::test]
async fn a_form_is_taken_from_a_page_of_the_same_session_alone() {
    let page = Page::start(300).await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    page.log_in(&mut browser).await;
    page.log_in(&mut other).await;
    let (own, foreign) = (page.csrf(&browser), page.csrf(&other));
    let good = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", ORIGIN), ("sec-fetch-site", "same-site")],
        &[
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("origin", ORIGIN), ("origin", ORIGIN)],
    ] {
        let form = [("csrf", own.as_str()), ("what", "open")];
        let answer = page.post_from(&mut browser, "/act", &form, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    for csrf in [&foreign, "", &own.to_lowercase()] {
        let form = [("csrf", csrf), ("what", "open")];
        let answer = page.post_from(&mut browser, "/act", &form, &good).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let twice = [
        ("csrf", own.as_str()),
        ("csrf", own.as_str()),
        ("what", "open"),
    ];
    let answer = page.post_from(&mut browser, "/act", &twice, &good).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let form = [("csrf", own.as_str()), ("what", "open")];
    for headers in [&good[..], &good[..1], &good[1..]] {
        let answer = page.post_from(&mut browser, "/act", &form, headers).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::OK, "open")
        );
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_page_after_a_login() {
    let page = Page::start(300).await;
    for to in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a%0d%0aset-cookie:x",
        "javascript:x",
    ] {
        let mut browser = Browser::default();
        let answer = page
            .log_in_from(&mut browser, &format!("/login?to={to}"))
            .await;
        assert_eq!(answer.location, "/", "{to}");
    }
}
