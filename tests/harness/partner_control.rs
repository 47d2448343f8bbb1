//! The reference partner's control API: what happens at the doors.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::process::wait_until;
use crate::site::Site;

/// Only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the control API.
#[derive(Debug, Clone)]
pub struct PartnerControl {
    http: reqwest::Client,
    base: String,
}

impl PartnerControl {
    /// For the partner of a site.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(site: &Site) -> Result<Self> {
        Self::at(site.ports.control.number())
    }

    /// For a partner with its control API at `port`.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn at(port: u16) -> Result<Self> {
        Ok(Self {
            http: crate::http::plain()?,
            base: format!("http://127.0.0.1:{port}/control"),
        })
    }

    /// Deletes `path`: whatever was set there.
    ///
    /// # Errors
    /// The answer is no success.
    pub async fn delete(&self, path: &str) -> Result<()> {
        let request = self.http.delete(format!("{}{path}", self.base));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Posts to `path`.
    ///
    /// # Errors
    /// The answer is no success.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let answer = self
            .http
            .post(format!("{}{path}", self.base))
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "POST {path}: {status}: {text}");
        Ok(if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)?
        })
    }

    /// Gets `path`.
    ///
    /// # Errors
    /// The answer is no success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// A car stands before the camera.
    ///
    /// # Errors
    /// The call fails.
    pub async fn plate(&self, device: &str, plate: &str) -> Result<Value> {
        self.post(
            &format!("/devices/{device}/plate"),
            json!({ "plate": plate }),
        )
        .await
    }

    /// The camera recognises a face that was enrolled under `reference`.
    ///
    /// # Errors
    /// The call fails.
    pub async fn face(&self, device: &str, reference: &str) -> Result<Value> {
        self.post(
            &format!("/devices/{device}/face"),
            json!({ "reference": reference }),
        )
        .await
    }

    /// Moves the partner's clock; 0 sets it right again.
    ///
    /// # Errors
    /// The call fails.
    pub async fn shift_clock(&self, seconds: i64) -> Result<()> {
        let body = json!({ "offset_seconds": seconds });
        self.post("/clock", body).await.map(drop)
    }

    /// The next `times` opens of a device fail in a named way.
    ///
    /// # Errors
    /// The call fails.
    pub async fn fail(&self, device: &str, mode: &str, times: u32) -> Result<()> {
        let body = json!({ "mode": mode, "times": times });
        self.post(&format!("/devices/{device}/failure"), body)
            .await
            .map(drop)
    }

    /// The next `times` events of a device are not told: `unsent` ones are kept for backfill,
    /// `forgotten` ones are not.
    ///
    /// # Errors
    /// The call fails.
    pub async fn withhold(&self, device: &str, how: &str, times: u32) -> Result<()> {
        let body = json!({ "how": how, "times": times });
        let path = format!("/devices/{device}/withhold");
        self.post(&path, body).await.map(drop)
    }

    /// A device's status changes.
    ///
    /// # Errors
    /// The call fails.
    pub async fn status(&self, device: &str, status: Value) -> Result<()> {
        self.post(&format!("/devices/{device}/status"), status)
            .await
            .map(drop)
    }

    /// Waits until everything that the partner had to tell has been taken in.
    ///
    /// # Errors
    /// It is not, for a minute.
    pub async fn delivered(&self) -> Result<()> {
        wait_until(PATIENCE, "the partner's outbox to be empty", || async {
            let held = self.get("/held").await;
            held.is_ok_and(|held| {
                let pending = held.pointer("/outbox/pending");
                pending.and_then(Value::as_i64).unwrap_or(0) == 0
            })
        })
        .await
    }
}
