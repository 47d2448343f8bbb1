//! The token endpoint, the tokens, and the end of a login.

use serde_json::Value;

use crate::scene::{
    CLIENT, PASSWORD, REDIRECT, SCOPE, Scene, VERIFIER, error_code, redirected, refused,
};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

fn is(actual: &(u16, String), expected: (u16, &str)) {
    assert_eq!((actual.0, actual.1.as_str()), expected);
}

#[tokio::test]
async fn a_login_yields_tokens_that_say_who_and_for_whom() {
    let scene = Scene::start().await;
    let tokens = scene.login(PASSWORD, SCOPE).await.unwrap();
    assert_eq!(tokens.expires_in.unwrap().as_secs(), 300);

    let (header, claims) = scene.verify(&tokens.access_token, "smarthome").await;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(claims["sub"], "f2b1");
    assert_eq!(claims["client_id"], CLIENT);
    assert_eq!(claims["scope"], "access openid");
    assert_eq!(claims["acr"], "1");
    assert_eq!(claims["roles"], serde_json::json!(["owner"]));
    assert_eq!(claims["complexes"], serde_json::json!(["sunrise"]));
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 300);
    assert_eq!(seconds("auth_time"), seconds("iat"));
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);

    let (header, claims) = scene.verify(&tokens.id_token.unwrap(), CLIENT).await;
    assert_eq!(header.typ.as_deref(), Some("JWT"));
    assert_eq!(claims["sub"], "f2b1");
}

#[tokio::test]
async fn an_id_token_comes_only_with_openid_and_carries_the_nonce() {
    let scene = Scene::start().await;
    let answer = scene.exchange(&scene.code().await, VERIFIER).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.unwrap();
    let (_, claims) = scene
        .verify(body["id_token"].as_str().unwrap(), CLIENT)
        .await;
    assert_eq!(claims["nonce"], "n-1");

    let tokens = scene.login(PASSWORD, "access").await.unwrap();
    assert_eq!(tokens.id_token, None);
}

#[tokio::test]
async fn another_verifier_is_refused_and_spends_the_code() {
    let scene = Scene::start().await;
    let code = scene.code().await;
    let other = "x".repeat(43);
    is(
        &error_code(scene.exchange(&code, &other).await).await,
        INVALID_GRANT,
    );
    is(
        &error_code(scene.exchange(&code, VERIFIER).await).await,
        INVALID_GRANT,
    );

    let code = scene.code().await;
    let none = scene.exchange(&code, "").await;
    is(&error_code(none).await, (400, "invalid_request"));
}

#[tokio::test]
async fn a_code_used_twice_ends_the_login_it_began() {
    let scene = Scene::start().await;
    let code = scene.code().await;
    let first: Value = scene.exchange(&code, VERIFIER).await.json().await.unwrap();
    is(
        &error_code(scene.exchange(&code, VERIFIER).await).await,
        INVALID_GRANT,
    );
    let token = first["refresh_token"].as_str().unwrap();
    assert_eq!(refused(scene.refresh(token).await), "invalid_grant");
}

#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let scene = Scene::start().await;
    let code = scene.code().await;
    scene.advance(60);
    is(
        &error_code(scene.exchange(&code, VERIFIER).await).await,
        INVALID_GRANT,
    );
}

#[tokio::test]
async fn a_code_is_bound_to_its_client_and_redirect_uri() {
    let scene = Scene::start().await;
    for (name, value) in [
        ("client_id", "auditor-console"),
        ("redirect_uri", "org.example.app:/callback?from=login"),
    ] {
        let code = scene.code().await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("code", &code),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(key, _)| *key != name);
        form.push((name, value));
        is(&error_code(scene.token(&form).await).await, INVALID_GRANT);
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_keep_the_time_of_the_login() {
    let scene = Scene::start().await;
    let first = scene.login(PASSWORD, SCOPE).await.unwrap();
    let (_, before) = scene.verify(&first.access_token, "smarthome").await;
    scene.advance(200);
    let token = first.refresh_token.unwrap();
    let second = scene.refresh(&token).await.unwrap();
    assert_ne!(second.refresh_token.as_ref(), Some(&token));
    let (_, after) = scene.verify(&second.access_token, "smarthome").await;
    assert_eq!(after["auth_time"], before["auth_time"]);
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
    scene.refresh(&second.refresh_token.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_the_family() {
    let scene = Scene::start().await;
    let first = scene.login(PASSWORD, SCOPE).await.unwrap();
    let copied = first.refresh_token.unwrap();
    let second = scene.refresh(&copied).await.unwrap();
    assert_eq!(refused(scene.refresh(&copied).await), "invalid_grant");
    let newest = second.refresh_token.unwrap();
    assert_eq!(refused(scene.refresh(&newest).await), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_but_not_widen_it() {
    let scene = Scene::start().await;
    let token = scene.login(PASSWORD, SCOPE).await.unwrap().refresh_token;
    let token = token.unwrap();
    let ask = async |token: &str, scope_asked: &str| {
        scene
            .token(&[
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT),
                ("refresh_token", token),
                ("scope", scope_asked),
            ])
            .await
    };
    let wider = ask(&token, "access audit").await;
    is(&error_code(wider).await, (400, "invalid_scope"));
    let narrower: Value = ask(&token, "access").await.json().await.unwrap();
    assert_eq!(narrower["scope"], "access");
    assert!(narrower.get("id_token").is_none());
    let next = narrower["refresh_token"].as_str().unwrap();
    assert_eq!(scene.refresh(next).await.unwrap().scope, "access openid");
}

#[tokio::test]
async fn what_is_no_token_request_of_a_known_public_client_is_refused() {
    let scene = Scene::start().await;
    let grant = ("grant_type", "refresh_token");
    let cases: [(&[(&str, &str)], _); 5] = [
        (&[grant, ("client_id", "nobody")], (401, "invalid_client")),
        (&[grant], (401, "invalid_client")),
        (
            &[grant, ("client_id", CLIENT), ("client_secret", "x")],
            (401, "invalid_client"),
        ),
        (
            &[("grant_type", "password"), ("client_id", CLIENT)],
            (400, "unsupported_grant_type"),
        ),
        (
            &[grant, grant, ("client_id", CLIENT)],
            (400, "invalid_request"),
        ),
    ];
    for (form, expected) in cases {
        is(&error_code(scene.token(form).await).await, expected);
    }
    let request = scene.http.post(scene.url("/token"));
    let json = request.json(&serde_json::json!({})).send().await.unwrap();
    is(&error_code(json).await, (400, "invalid_request"));
}

#[tokio::test]
async fn keys_rotate_and_the_old_one_proves_its_tokens_for_its_time() {
    let scene = Scene::start().await;
    let before = scene.login(PASSWORD, "access").await.unwrap();
    let rotated = scene.http.post(scene.url("/dev/rotate")).send().await;
    let rotated: Value = rotated.unwrap().json().await.unwrap();
    let after = scene.login(PASSWORD, "access").await.unwrap();

    let (old, _) = scene.verify(&before.access_token, "smarthome").await;
    let (new, _) = scene.verify(&after.access_token, "smarthome").await;
    assert_ne!(old.kid, new.kid);
    assert_eq!(rotated["kid"], new.kid.clone().unwrap());
    scene.advance(900);
    assert_eq!(scene.key_ids().await, [new.kid.unwrap()]);
}

#[tokio::test]
async fn a_login_through_the_form_and_by_the_library_are_the_same() {
    let scene = Scene::start().await;
    let answer = scene.submit(scene.authorization(&[]), PASSWORD).await;
    let code = redirected(&answer).remove("code").unwrap();
    let by_hand: Value = scene.exchange(&code, VERIFIER).await.json().await.unwrap();
    let by_library = scene.login(PASSWORD, SCOPE).await.unwrap();
    let token = by_hand["access_token"].as_str().unwrap();
    let (_, mut a) = scene.verify(token, "smarthome").await;
    let (_, mut b) = scene.verify(&by_library.access_token, "smarthome").await;
    for claims in [&mut a, &mut b] {
        for own in ["jti", "iat", "exp", "auth_time"] {
            claims.as_object_mut().unwrap().remove(own).unwrap();
        }
    }
    assert_eq!(a, b);
}
