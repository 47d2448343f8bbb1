//! Sessions and logins are bounded in number and in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::page::{Browser, Page};
use crate::SessionLimits;
use crate::session::Session;
use crate::sessions::Sessions;

const MINUTE: Duration = Duration::from_secs(60);

fn limits() -> SessionLimits {
    SessionLimits {
        most: 3,
        most_of_one: 2,
        idle: 10 * MINUTE,
        longest: 30 * MINUTE,
        most_pending: 2,
        pending: MINUTE,
    }
}

async fn somebody() -> (Page, Arc<Session>) {
    let page = Page::start(300).await;
    let mut browser = Browser::default();
    page.log_in(&mut browser).await;
    let session = page.session(&browser).unwrap();
    (page, session)
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let (_page, session) = somebody().await;
    let (sessions, begun) = (Sessions::new(limits()), Instant::now());
    let id = sessions.begin(Arc::clone(&session), begun).unwrap();
    for minutes in [9, 18, 27] {
        assert!(
            sessions.find(&id, begun + minutes * MINUTE).is_some(),
            "{minutes}"
        );
    }
    assert!(
        sessions.find(&id, begun + 30 * MINUTE).is_none(),
        "it is old"
    );
    let id = sessions.begin(session, begun).unwrap();
    assert!(
        sessions.find(&id, begun + 10 * MINUTE).is_none(),
        "it was idle"
    );
    assert!(sessions.find(&id, begun).is_none(), "and stays ended");
}

#[tokio::test]
async fn ones_oldest_session_makes_room_for_ones_newest() {
    let (_page, session) = somebody().await;
    let (sessions, begun) = (Sessions::new(limits()), Instant::now());
    let mut ids = Vec::new();
    for second in 0..3 {
        let at = begun + Duration::from_secs(second);
        ids.push(sessions.begin(Arc::clone(&session), at).unwrap());
    }
    let living = ids
        .iter()
        .map(|id| sessions.find(id, begun + MINUTE).is_some());
    assert_eq!(living.collect::<Vec<_>>(), [false, true, true]);
    let mut strict = limits();
    strict.most = 1;
    let sessions = Sessions::new(strict);
    sessions.begin(Arc::clone(&session), begun).unwrap();
    assert!(
        sessions.begin(Arc::clone(&session), begun).is_err(),
        "it is full"
    );
    let later = begun + 10 * MINUTE;
    assert!(
        sessions.begin(session, later).is_ok(),
        "what has ended takes no room"
    );
}

#[tokio::test]
async fn the_oldest_login_makes_room_and_a_slow_one_is_over() {
    let mut short = limits();
    short.pending = Duration::from_nanos(1);
    let page = Page::with(300, short).await;
    let mut slow = Browser::default();
    let answer = page.log_in_from(&mut slow, "/login").await;
    assert_eq!(answer.location, "/signed-out?reason=expired");

    let page = Page::with(300, limits()).await;
    let mut browsers: [Browser; 3] = Default::default();
    let mut answers = Vec::new();
    for browser in &mut browsers {
        answers.push(page.at_issuer(browser, "/login").await);
    }
    let mut ends = Vec::new();
    for (browser, back) in browsers.iter_mut().zip(&answers) {
        ends.push(page.get(browser, back).await.location);
    }
    assert_eq!(ends, ["/signed-out?reason=expired", "/", "/"]);
}
