//! A client of the partner.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{answer, eventually};

/// A client of the partner.
#[derive(Clone)]
pub struct Caller {
    pub(super) http: reqwest::Client,
    pub(super) base: String,
}

/// Scopes of an owner's open at either kind of device.
pub const OPEN: &str = "doors:open barriers:open commands:read";

impl Caller {
    pub async fn ask_token(
        &self,
        client: &str,
        scope: &str,
        complex: Option<&str>,
    ) -> (StatusCode, Value) {
        let mut form = vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", client.to_owned()),
            ("scope", scope.to_owned()),
        ];
        form.extend(
            complex.map(|complex| ("resource", format!("urn:smarthome:complex:{complex}"))),
        );
        let response = self
            .http
            .post(format!("{}/oauth/token", self.base))
            .form(&form)
            .send()
            .await
            .unwrap();
        (
            response.status(),
            response.json().await.unwrap_or(Value::Null),
        )
    }

    pub async fn token(&self, scope: &str, complex: &str) -> String {
        let client = if scope.contains("events:read") || scope.contains("devices:read") {
            "webhook-gw"
        } else {
            "command-svc"
        };
        let (status, answer) = self.ask_token(client, scope, Some(complex)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["scope"], scope);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(token)
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path, token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await.unwrap()).await
    }

    pub fn open_request(
        &self,
        token: &str,
        device: &str,
        command: Uuid,
        expires_at: Timestamp,
    ) -> reqwest::RequestBuilder {
        let complex = device.split('.').next().unwrap();
        let operation = if device.ends_with("gate") {
            "open_barrier"
        } else {
            "open_door"
        };
        self.request(
            Method::POST,
            &format!("/v1/complexes/{complex}/devices/{device}/open"),
            token,
        )
        .header("Idempotency-Key", command.to_string())
        .json(&json!({"operation": operation, "expires_at": expires_at.to_string()}))
    }

    pub async fn open(
        &self,
        token: &str,
        device: &str,
        command: Uuid,
        expires_at: Timestamp,
    ) -> (StatusCode, Value) {
        answer(
            self.open_request(token, device, command, expires_at)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub async fn cancel(&self, token: &str, command: Uuid) -> Value {
        let path = format!("/v1/commands/{command}/cancel");
        let (status, answer) = self.call(Method::POST, &path, token, None).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    pub async fn state(&self, token: &str, command: Uuid) -> (StatusCode, Value) {
        self.call(Method::GET, &format!("/v1/commands/{command}"), token, None)
            .await
    }

    /// Waits until a command has a state that is final.
    pub async fn ended(&self, token: &str, command: Uuid) -> Value {
        eventually(|| async {
            let (_, state) = self.state(token, command).await;
            (state["final"] == true).then_some(state)
        })
        .await
    }
}
