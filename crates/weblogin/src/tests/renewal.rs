//! Tokens are renewed, one renewal at a time.

use futures::future::join_all;

use super::page::{Browser, Page};
use crate::SessionError;

/// So short that every use renews it.
const SHORT: u32 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_spend_no_refresh_token_twice() {
    let page = Page::start(SHORT).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    let session = page.session(&browser).unwrap();
    let tokens = join_all((0..8).map(|_| session.access_token())).await;
    let tokens: Result<std::collections::BTreeSet<_>, _> = tokens.into_iter().collect();
    assert_eq!(tokens.unwrap().len(), 8, "each use renewed it");
}

#[tokio::test]
async fn a_renewal_that_is_refused_ends_the_session() {
    let page = Page::start(SHORT).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    let session = page.session(&browser).unwrap();
    session.access_token().await.unwrap();
    let hint = session.id_token().await;
    let url = format!("{}/logout?id_token_hint={hint}", page.issuer);
    assert!(
        page.http
            .get(url)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    assert_eq!(session.access_token().await, Err(SessionError::Ended));
    assert!(page.session(&browser).is_none());
    let answer = page.get(&mut browser, "/me").await;
    assert_eq!(answer.location, "/login?to=%2Fme");
}

#[tokio::test]
async fn a_session_outlives_an_issuer_that_was_not_reached() {
    let page = Page::start(SHORT).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    page.stop_issuer().await;
    let session = page.session(&browser).unwrap();
    assert_eq!(session.access_token().await, Err(SessionError::Unavailable));
    assert!(page.session(&browser).is_some(), "nothing was lost");
}
