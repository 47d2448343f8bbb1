//! The end of a login, and where it leads.

use reqwest::Response;
use reqwest::header::LOCATION;

use crate::scene::{CLIENT, PASSWORD, SCOPE, SIGNED_OUT, Scene, refused};

async fn log_out(scene: &Scene, parameters: &[(&str, &str)]) -> Response {
    let mut url = scene.url("/logout");
    url.query_pairs_mut().extend_pairs(parameters);
    scene.get(url).await
}

#[tokio::test]
async fn signing_out_ends_the_login() {
    let scene = Scene::start().await;
    let tokens = scene.login(PASSWORD, SCOPE).await.unwrap();
    assert_eq!(log_out(&scene, &[]).await.status(), 400);
    let access = [("id_token_hint", tokens.access_token.as_str())];
    assert_eq!(log_out(&scene, &access).await.status(), 400, "no id token");

    let id_token = tokens.id_token.unwrap();
    let hint = ("id_token_hint", id_token.as_str());
    let other = [
        hint,
        ("client_id", "auditor-console"),
        (
            "post_logout_redirect_uri",
            "https://console.example/signed-out",
        ),
    ];
    assert_eq!(log_out(&scene, &other).await.status(), 400, "another's");
    let refresh_token = tokens.refresh_token.unwrap();
    let goes_on = scene.refresh(&refresh_token).await.unwrap();

    assert_eq!(log_out(&scene, &[hint]).await.status(), 200);
    let refreshed = scene.refresh(&goes_on.refresh_token.unwrap()).await;
    assert_eq!(refused(refreshed), "invalid_grant");
}

#[tokio::test]
async fn a_logout_leads_to_what_the_client_has_registered_and_nowhere_else() {
    let scene = Scene::start().await;
    let tokens = scene.login(PASSWORD, SCOPE).await.unwrap();
    let id_token = tokens.id_token.unwrap();
    let hint = ("id_token_hint", id_token.as_str());
    let to = |uri| {
        [
            hint,
            ("client_id", CLIENT),
            ("post_logout_redirect_uri", uri),
        ]
    };

    let answer = log_out(&scene, &to(SIGNED_OUT)).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()[LOCATION], SIGNED_OUT);
    for uri in [
        "https://app.example/signed-out/",
        "https://app.example/signed-out?x=1",
        "https://app.example/callback",
        "https://console.example/signed-out",
        "https://evil.example/",
        "",
    ] {
        let answer = log_out(&scene, &to(uri)).await;
        assert_eq!(answer.status(), 200, "{uri}");
        assert!(!answer.headers().contains_key(LOCATION), "{uri}");
    }
    let unhinted = [
        ("client_id", CLIENT),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    assert_eq!(log_out(&scene, &unhinted).await.status(), 400);

    let form = [
        hint,
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "s 1"),
    ];
    let request = scene.http.post(scene.url("/logout")).form(&form);
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.headers()[LOCATION],
        format!("{SIGNED_OUT}?state=s+1")
    );
}
