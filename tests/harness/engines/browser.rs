//! A browser for tests of pages: Debian's Chromium, driven through WebDriver, and axe-core, which knows
//! what makes a page hard to use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use url::Url;

use super::fetched::{self, Files, is_there};
use crate::http;
use crate::process::{Port, Process, Spec, free_port};

/// With the version of `package.json`.
const NAME: &str = "axe-core-4.14.1";
const FILES: Files = &[
    ("package.json", include_str!("axe/package.json")),
    ("package-lock.json", include_str!("axe/package-lock.json")),
    (".npmrc", include_str!("axe/.npmrc")),
];
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
const DRIVER: &str = "chromedriver";
/// How long it may take to start. Only a broken one takes so long.
const READY: Duration = Duration::from_secs(60);

/// Why it can't be had here, if it can't: it is installed where that is possible.
pub fn lacking() -> Option<String> {
    let there = || is_there("chromium") && is_there(DRIVER);
    if !there() && rustix::process::geteuid().is_root() && is_there("apt-get") {
        eprintln!("Installing Chromium (once)");
        let apt = |arguments: &[&str]| {
            let mut apt = Command::new("apt-get");
            apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
            fetched::run(apt)
        };
        let [browser, driver] = PACKAGES;
        let installed = apt(&["update"])
            .and_then(|()| apt(&["install", "-y", "--no-install-recommends", browser, driver]));
        if let Err(error) = installed {
            return Some(format!("{error:#}"));
        }
    }
    if !there() {
        return Some("there is no `chromium` or no `chromedriver` on the path".to_owned());
    }
    let fetched = fetched::folder_of(NAME, FILES).is_ok_and(|dir| dir.join("done").is_file());
    (!fetched && !is_there("npm")).then(|| "there is no `npm` on the path".to_owned())
}

/// The text of axe-core's script.
///
/// # Errors
/// It can't be fetched.
pub fn axe() -> Result<String> {
    let dir: PathBuf = fetched::once(NAME, FILES, fetched::npm)?;
    Ok(std::fs::read_to_string(
        dir.join("node_modules/axe-core/axe.min.js"),
    )?)
}

/// A running driver, which starts a browser for each session.
pub struct Driver {
    _process: Process,
    port: Port,
}

impl Driver {
    /// Starts it, with a log below `dir`.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(dir: &Path) -> Result<Self> {
        let port = free_port()?;
        let log = dir.join("logs/chromedriver.log");
        let spec = Spec::program(DRIVER, log).arg(format!("--port={}", port.number()));
        let mut process = Process::spawn(&spec)?;
        let driver = format!("http://127.0.0.1:{}/status", port.number());
        process
            .wait_ready_http(&http::plain()?, &Url::parse(&driver)?, READY)
            .await?;
        Ok(Self {
            _process: process,
            port,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// What every session of it asks for: no window, and the site's certificates taken as they are.
    pub fn wishes() -> serde_json::Map<String, serde_json::Value> {
        let wishes = serde_json::json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage",
            ] },
        });
        wishes.as_object().cloned().unwrap_or_default()
    }
}
