//! The login page and its answers.

use dev_issuer::NOTICE;
use reqwest::header::LOCATION;

use crate::scene::{PASSWORD, REDIRECT, Scene, USER, redirected, refused};

#[tokio::test]
async fn the_page_says_what_it_is_and_tells_nobody_who_may_log_in() {
    let scene = Scene::start().await;
    let answer = scene.get(scene.authorization(&[])).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    let page = answer.text().await.unwrap();
    assert!(page.contains(NOTICE));
    for label in [r#"<label for="username">"#, r#"<label for="password">"#] {
        assert!(page.contains(label));
    }
    assert!(!page.contains(USER) && !page.contains(PASSWORD) && !page.contains("f2b1"));
    scene.stop().await;
}

#[tokio::test]
async fn a_login_goes_back_with_code_state_and_issuer() {
    let scene = Scene::start().await;
    let answer = scene.submit(scene.authorization(&[]), PASSWORD).await;
    let parameters = redirected(&answer);
    assert_eq!(parameters["state"], "s-1");
    assert_eq!(
        parameters["iss"],
        scene.issuer.as_str().trim_end_matches('/')
    );
    assert_eq!(parameters["code"].len(), 43);
}

#[tokio::test]
async fn a_registered_query_is_kept() {
    let scene = Scene::start().await;
    let url = scene.authorization(&[("redirect_uri", "org.example.app:/callback?from=login")]);
    let answer = scene.submit(url, PASSWORD).await;
    let target = answer.headers()[LOCATION].to_str().unwrap();
    assert!(target.starts_with("org.example.app:/callback?from=login&code="));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let scene = Scene::start().await;
    let answer = scene.submit(scene.authorization(&[]), "guess").await;
    assert_eq!(answer.status(), 403);
    let page = answer.text().await.unwrap();
    assert!(page.contains(r#"role="alert""#) && !page.contains("guess"));
    assert!(refused(scene.login("guess", "access").await).contains("wrong"));
}

#[tokio::test]
async fn a_doubtful_client_or_redirect_uri_is_never_redirected_to() {
    let scene = Scene::start().await;
    let slash = format!("{REDIRECT}/");
    let longer = format!("{REDIRECT}?x=1");
    let cases = [
        [("client_id", "nobody")],
        [("client_id", "")],
        [("redirect_uri", "https://evil.example/callback")],
        [("redirect_uri", &slash)],
        [("redirect_uri", &longer)],
        [("redirect_uri", "")],
        // Another client's.
        [("redirect_uri", "https://console.example/callback")],
    ];
    for case in cases {
        let url = scene.authorization(&case);
        for answer in [
            scene.get(url.clone()).await,
            scene.submit(url, PASSWORD).await,
        ] {
            assert_eq!(answer.status(), 400, "{case:?}");
            assert!(!answer.headers().contains_key(LOCATION), "{case:?}");
            assert!(answer.text().await.unwrap().contains(NOTICE));
        }
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_not_read() {
    let scene = Scene::start().await;
    let mut url = scene.authorization(&[]);
    url.query_pairs_mut()
        .append_pair("redirect_uri", "https://evil.example/");
    assert_eq!(scene.get(url).await.status(), 400);
}

#[tokio::test]
async fn only_the_code_flow_with_pkce_s256_within_the_clients_scopes_is_served() {
    let scene = Scene::start().await;
    let long = "n".repeat(513);
    let cases = [
        (("code_challenge_method", "plain"), "invalid_request"),
        // Absent means plain (RFC 7636, section 4.3).
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "openid admin"), "invalid_scope"),
        (("scope", ""), "invalid_scope"),
        (("prompt", "none"), "login_required"),
        (("nonce", &long), "invalid_request"),
        (("request", "x.y.z"), "request_not_supported"),
        (
            ("request_uri", "https://x.example"),
            "request_uri_not_supported",
        ),
    ];
    for (change, expected) in cases {
        let url = scene.authorization(&[change]);
        for answer in [
            scene.get(url.clone()).await,
            scene.submit(url, PASSWORD).await,
        ] {
            let parameters = redirected(&answer);
            assert_eq!(parameters["error"], expected, "{change:?}");
            assert_eq!(parameters["state"], "s-1");
            assert!(parameters.contains_key("iss") && !parameters.contains_key("code"));
        }
    }
}
