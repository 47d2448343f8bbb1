//! Tokens: for whom, for what, bound to which certificate.

use reqwest::{Method, StatusCode};
use rustls::version;
use serde_json::json;
use uuid::Uuid;

use crate::support::{COMMAND_SVC, Caller, OPEN, Site, WEBHOOK_GW, in_seconds, problem};

#[tokio::test]
async fn a_token_works_only_over_its_own_certificate_and_while_it_lasts() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let token = caller.token(OPEN, "sunrise").await;
    let stolen = site.caller(running.partner.api, COMMAND_SVC);
    let command = Uuid::now_v7();
    let (status, answer) = stolen
        .open(&token, "sunrise.lobby", command, in_seconds(30))
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::UNAUTHORIZED, &problem("token-invalid"))
    );
    running
        .post("/control/clock", json!({"offset_seconds": 301}))
        .await;
    let (status, answer) = caller.state(&token, command).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::UNAUTHORIZED, &problem("token-invalid"))
    );
}

#[tokio::test]
async fn without_a_token_nothing_and_the_challenge_says_how() {
    let site = Site::new(None);
    let running = site.start().await;
    let http = site.pki.client(&format!("uri:{COMMAND_SVC}"));
    let base = format!("https://localhost:{}", running.partner.api.port());
    let paths = [
        (
            Method::POST,
            "/v1/complexes/sunrise/devices/sunrise.lobby/open",
        ),
        (
            Method::GET,
            "/v1/commands/018f4e9c-0000-7000-8000-000000000001",
        ),
        (
            Method::POST,
            "/v1/commands/018f4e9c-0000-7000-8000-000000000001/cancel",
        ),
        (Method::GET, "/v1/complexes/sunrise/devices"),
        (Method::GET, "/v1/complexes/sunrise/events"),
        (Method::GET, "/v1/complexes/sunrise/credentials"),
        (
            Method::PUT,
            "/v1/complexes/sunrise/credentials/018f4e9c-0000-7000-8000-000000000001",
        ),
        (
            Method::DELETE,
            "/v1/complexes/sunrise/credentials/018f4e9c-0000-7000-8000-000000000001",
        ),
        (Method::PUT, "/v1/complexes/sunrise/token-key"),
        (Method::GET, "/v1/security/attestation"),
    ];
    for (method, path) in paths {
        let response = http
            .request(method.clone(), format!("{base}{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            response.status(),
            StatusCode::UNAUTHORIZED,
            "{method} {path}"
        );
        assert_eq!(
            response.headers()["www-authenticate"],
            "Bearer realm=\"partner\""
        );
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let response = http
            .request(method, format!("{base}{path}"))
            .bearer_auth("guess")
            .send()
            .await
            .unwrap();
        assert!(
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .contains("invalid_token")
        );
    }
}

#[tokio::test]
async fn scope_and_resource_must_fit_the_operation() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let doors = caller.token("doors:open", "sunrise").await;
    let (status, answer) = caller
        .open(&doors, "sunrise.north-gate", Uuid::now_v7(), in_seconds(30))
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::FORBIDDEN, &problem("insufficient-scope"))
    );
    let (status, answer) = caller
        .open(&doors, "moonrise.lobby", Uuid::now_v7(), in_seconds(30))
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::FORBIDDEN, &problem("wrong-resource"))
    );
    let (status, answer) = caller.state(&doors, Uuid::now_v7()).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::FORBIDDEN, &problem("insufficient-scope"))
    );
    let crossing = "/v1/complexes/sunrise/devices/moonrise.lobby/open";
    let body = json!({"operation": "open_door", "expires_at": in_seconds(30).to_string()});
    let (status, _) = caller
        .call(Method::POST, crossing, &doors, Some(body))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for path in [
        "/v1/complexes/sunrise/devices",
        "/v1/complexes/sunrise/events",
        "/v1/complexes/sunrise/credentials",
        "/v1/security/attestation",
    ] {
        let (status, answer) = caller.call(Method::GET, path, &doors, None).await;
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::FORBIDDEN, &problem("insufficient-scope")),
            "{path}"
        );
    }
    assert_eq!(running.get("/control/journal").await["openings"], json!([]));
}

#[tokio::test]
async fn the_token_endpoint_grants_exactly_or_refuses() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let refused = async |caller: &Caller, client: &str, scope: &str, complex: Option<&str>| {
        let (status, answer) = caller.ask_token(client, scope, complex).await;
        (
            status.as_u16(),
            answer["error"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let error = |status: u16, error: &str| (status, error.to_owned());
    assert_eq!(
        refused(
            &caller,
            "command-svc",
            "doors:open events:read",
            Some("sunrise")
        )
        .await,
        error(400, "invalid_scope")
    );
    assert_eq!(
        refused(&caller, "command-svc", "doors:open", Some("sunset")).await,
        error(400, "invalid_target")
    );
    assert_eq!(
        refused(&caller, "command-svc", "doors:open", None).await,
        error(400, "invalid_target")
    );
    assert_eq!(
        refused(&caller, "webhook-gw", "events:read", Some("sunrise")).await,
        error(401, "invalid_client")
    );
    let gateway = site.caller(running.partner.api, WEBHOOK_GW);
    assert_eq!(
        refused(&gateway, "webhook-gw", "doors:open", Some("sunrise")).await,
        error(400, "invalid_scope")
    );
    let (status, _) = caller
        .ask_token("command-svc", "attestation:read", None)
        .await;
    assert_eq!(status, StatusCode::OK);

    running
        .post(
            "/control/token-endpoint",
            json!({"mode": "shrink_scope", "times": 1}),
        )
        .await;
    let (_, shrunk) = caller
        .ask_token("command-svc", "doors:open commands:read", Some("sunrise"))
        .await;
    assert_eq!(shrunk["scope"], "commands:read");
    running
        .post("/control/token-endpoint", json!({"mode": "down"}))
        .await;
    assert_eq!(
        caller
            .ask_token("command-svc", "doors:open", Some("sunrise"))
            .await
            .0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    running
        .post("/control/token-endpoint", json!({"mode": "invalid_client"}))
        .await;
    assert_eq!(
        refused(&caller, "command-svc", "doors:open", Some("sunrise")).await,
        error(401, "invalid_client")
    );
    running
        .control(Method::DELETE, "/control/token-endpoint", None)
        .await;
    caller.token("doors:open", "sunrise").await;
}

#[tokio::test]
async fn metadata_says_where_and_how() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let (_, metadata) = caller
        .call(
            Method::GET,
            "/.well-known/oauth-authorization-server",
            "",
            None,
        )
        .await;
    let issuer = metadata["issuer"].as_str().unwrap();
    assert_eq!(metadata["token_endpoint"], format!("{issuer}/oauth/token"));
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["tls_client_auth"])
    );
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
}

#[tokio::test]
async fn a_connection_needs_tls_1_3_and_a_certificate_of_the_authority() {
    let site = Site::new(None);
    let running = site.start().await;
    let url = format!(
        "https://localhost:{}/v1/security/attestation",
        running.partner.api.port()
    );
    let send = async |tls: rustls::ClientConfig| {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap();
        client.get(&url).send().await
    };
    assert!(
        send(site.pki.tls(&[&version::TLS13]).with_no_client_auth())
            .await
            .is_err()
    );
    assert!(
        send(site.pki.tls(&[&version::TLS12]).with_no_client_auth())
            .await
            .is_err()
    );
    let stranger = crate::support::Pki::new();
    let (certificate, key) = stranger.issue(&format!("uri:{COMMAND_SVC}"));
    use rustls_pki_types::pem::PemObject;
    let chain =
        vec![rustls_pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let tls = site
        .pki
        .tls(&[&version::TLS13])
        .with_client_auth_cert(chain, key)
        .unwrap();
    assert!(send(tls).await.is_err());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let site = Site::new(None);
    let running = site.start().await;
    let caller = site.caller(running.partner.api, COMMAND_SVC);
    let (status, answer) = caller.call(Method::GET, "/v2/x", "", None).await;
    assert_eq!(
        (status, &answer["type"]),
        (StatusCode::NOT_FOUND, &problem("not-found"))
    );
    let (status, answer) = caller
        .call(Method::DELETE, "/v1/security/attestation", "", None)
        .await;
    assert_eq!(
        (status, &answer["type"]),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            &problem("method-not-allowed")
        )
    );
}
