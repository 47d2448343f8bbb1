//! Logins as a browser makes them, and as whoever wishes it ill would, at the development issuer.
#![allow(clippy::unwrap_used)]

mod bounds;
mod hostile;
mod page;
mod renewal;

use axum::http::StatusCode;

use self::page::{Browser, Page};
use crate::RequiredLogin;

#[tokio::test]
async fn a_login_ends_at_the_page_that_was_wanted_and_tokens_stay_at_the_server() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    let asked = page.get(&mut browser, "/me?tab=2").await;
    assert_eq!(asked.location, "/login?to=%2Fme%3Ftab%3D2");
    let answer = page.log_in_from(&mut browser, &asked.location).await;
    assert_eq!(answer.location, "/me?tab=2");
    let cookie = answer
        .cookies
        .iter()
        .find(|line| line.starts_with("__Host-page="));
    let cookie = cookie.unwrap();
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(browser.cookies.len(), 1, "the login's own cookie is gone");
    let me = page.get(&mut browser, "/me").await;
    assert_eq!(me.status, StatusCode::OK);
    let token = page
        .session(&browser)
        .unwrap()
        .access_token()
        .await
        .unwrap();
    assert!(!me.text.contains(&token) && !me.text.contains("f2b1"));
}

#[tokio::test]
async fn a_logout_ends_the_session_here_and_at_the_issuer() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    let (before, csrf) = (browser.clone(), page.csrf(&browser));
    let held = page.session(&browser).unwrap();
    let answer = page.post(&mut browser, "/logout", &[("csrf", &csrf)]).await;
    assert!(browser.cookies.is_empty());
    assert!(
        answer
            .location
            .starts_with(&format!("{}/logout?id_token_hint=", page.issuer))
    );
    let at_issuer = page.http.get(&answer.location).send().await.unwrap();
    let back = at_issuer.headers()["location"].to_str().unwrap();
    assert_eq!(back, format!("{}/signed-out", page::ORIGIN));
    assert!(
        page.session(&before).is_none(),
        "the old cookie opens nothing"
    );
    assert!(
        held.access_token().await.is_err(),
        "nor does a request under way"
    );
}

#[tokio::test]
async fn a_login_that_is_required_is_asked_for_and_one_that_falls_short_is_none() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    let before = browser.clone();
    let required = |acr: &str| RequiredLogin {
        max_age: Some(60),
        acr: Some(acr.to_owned()),
    };
    let login = required("1").address("/me");
    let asked = page.get(&mut browser, &login).await;
    for part in ["&max_age=60", "&acr_values=1", "&prompt=login"] {
        assert!(asked.location.contains(part), "{part}: {}", asked.location);
    }
    let answer = page.log_in_from(&mut browser, &login).await;
    assert_eq!(answer.location, "/me");
    assert!(page.session(&before).is_none(), "the login before is over");

    // This issuer knows one way to log in.
    let now = browser.clone();
    let login = required("2").address("/me");
    let answer = page.log_in_from(&mut browser, &login).await;
    assert_eq!(answer.location, "/signed-out?reason=weak");
    assert!(page.session(&now).is_some(), "what there was goes on");
    let unclear = page.get(&mut browser, "/login?max_age=soon").await;
    assert_eq!(unclear.location, "/signed-out?reason=expired");
}

#[tokio::test]
async fn an_issuer_that_is_away_is_told_and_nobody_is_logged_in() {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    page.stop_issuer().await;
    let answer = page.get(&mut browser, "/login").await;
    assert_eq!(answer.location, "/signed-out?reason=unavailable");
    assert!(browser.cookies.is_empty());
}
