//! A browser's window, by WebDriver (W3C): JSON over HTTP.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::engines::browser::{Driver, axe};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

/// How long a page may take to show what it is waited for, in milliseconds. Only a broken one takes so long.
const PATIENCE: u32 = 30_000;
/// Widths and heights that pages are looked at in.
const SIZES: [(&str, u32, u32); 2] = [("phone", 390, 844), ("wide", 1280, 800)];
/// A4 paper, as browsers lay it out.
const PAPER: (u32, u32) = (794, 1123);
/// What reaches beyond the window, where the page can be moved sideways.
const WIDE: &str = "return document.documentElement.scrollWidth <= innerWidth ? [] : \
                    Array.from(document.querySelectorAll('body *')) \
                    .filter((one) => one.getBoundingClientRect().right > innerWidth) \
                    .map((one) => one.outerHTML.slice(0, 90))";
/// The name of an element's id (WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) struct Window {
    http: reqwest::Client,
    session: String,
}

impl Window {
    /// A window of a browser without a past.
    pub(crate) async fn open(driver: &Driver, language: &str) -> Result<Self> {
        let mut wishes = Value::from(Driver::wishes());
        wishes["goog:chromeOptions"]["prefs"] = json!({ "intl.accept_languages": language });
        wishes["timeouts"] = json!({ "implicit": PATIENCE, "script": PATIENCE });
        let http = harness::http::plain()?;
        let mut window = Self {
            http,
            session: format!("{}/session", driver.url()),
        };
        let wishes = json!({ "capabilities": { "alwaysMatch": wishes } });
        let begun = window.send(Method::POST, "", wishes).await?;
        let id = begun["sessionId"].as_str().context("no session")?;
        window.session = format!("{}/{id}", window.session);
        window.resize(SIZES[0].1, SIZES[0].2).await?;
        Ok(window)
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let address = format!("{}{path}", self.session);
        let mut request = self.http.request(method.clone(), address);
        if method == Method::POST {
            request = request.json(&body);
        }
        let mut answer: Value = request.send().await?.json().await?;
        if let Some(error) = answer["value"]["error"].as_str() {
            bail!("{path}: {error}: {}", answer["value"]["message"]);
        }
        Ok(answer["value"].take())
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(Method::POST, path, body).await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.send(Method::DELETE, "", Value::Null).await?;
        Ok(())
    }

    pub(crate) async fn go(&self, address: &str) -> Result<()> {
        self.post("/url", json!({ "url": address })).await?;
        Ok(())
    }

    pub(crate) async fn address(&self) -> Result<Url> {
        let address = self.get("/url").await?;
        Ok(address.as_str().context("no address")?.parse()?)
    }

    /// Waits until a selector finds something; what it is, for commands.
    pub(crate) async fn wait(&self, selector: &str) -> Result<String> {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", asked).await;
        if found.is_err() {
            eprintln!("{}", self.get("/source").await.unwrap_or_default());
        }
        let found = found.with_context(|| format!("no {selector}"))?;
        let id = found[ELEMENT].as_str().context("no element")?;
        Ok(format!("/element/{id}"))
    }

    /// The text of what a selector finds, once it is there.
    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let element = self.wait(selector).await?;
        let text = self.get(&format!("{element}/text")).await?;
        Ok(text.as_str().context("no text")?.to_owned())
    }

    pub(crate) async fn value(&self, selector: &str) -> Result<String> {
        let element = self.wait(selector).await?;
        let value = self.get(&format!("{element}/property/value")).await?;
        Ok(value.as_str().context("no value")?.to_owned())
    }

    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let element = self.wait(selector).await?;
        self.post(&format!("{element}/click"), json!({})).await?;
        Ok(())
    }

    pub(crate) async fn keys(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.wait(selector).await?;
        self.post(&format!("{element}/value"), json!({ "text": text }))
            .await?;
        Ok(())
    }

    /// As somebody without a mouse does it: with the focus on it, Enter.
    pub(crate) async fn enter(&self, selector: &str) -> Result<()> {
        self.keys(selector, "\u{e007}").await
    }

    pub(crate) async fn run(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    /// Logs in at the page of whoever people log in at, which the page leads to.
    pub(crate) async fn log_in(&self, address: &str, username: &str, password: &str) -> Result<()> {
        self.go(address).await?;
        self.fill_in(username, password).await
    }

    /// The same, once that page is there.
    pub(crate) async fn fill_in(&self, username: &str, password: &str) -> Result<()> {
        self.keys("#username", username).await?;
        self.keys("#password", password).await?;
        self.click("button[type=submit]").await
    }

    /// Logs out here and where the login was, which sends the browser back; `page` then asks for a login,
    /// with a password.
    pub(crate) async fn log_out(&self, origin: &str, page: &str) -> Result<()> {
        self.click("header form button").await?;
        self.wait("main a[href='/login']").await?;
        let ended = format!("{origin}/signed-out");
        assert_eq!(self.address().await?.as_str(), ended);
        self.go(&format!("{origin}{page}")).await?;
        self.wait("#password").await?;
        let asked = self.address().await?;
        assert_ne!(asked.origin(), origin.parse::<Url>()?.origin());
        Ok(())
    }

    /// What axe-core finds wrong with the page.
    pub(crate) async fn barriers(&self) -> Result<Vec<String>> {
        self.run(&axe()?).await?;
        let run = "const done = arguments[0]; axe.run().then((found) => done(found.violations.map(\
                   (one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' '))));";
        let asked = json!({ "script": run, "args": [] });
        let found = self.post("/execute/async", asked).await?;
        Ok(serde_json::from_value(found)?)
    }

    /// Looks at the page in both languages, light and dark, on a phone and on a desk: nothing may keep
    /// anybody out or be wider than the window, and a picture of each is kept. `to` is where the
    /// language is chosen from; none where the page is shown once and no more.
    pub(crate) async fn look(&self, name: &str, origin: &str, to: Option<&str>) -> Result<()> {
        let languages: &[&str] = if to.is_some() { &["ru", "en"] } else { &[""] };
        for language in languages {
            if let Some(to) = to {
                self.run(&format!(
                    "return fetch('/language/{language}?to=/signed-out').then(() => 1)"
                ))
                .await?;
                self.go(&format!("{origin}{to}")).await?;
                self.post("/refresh", json!({})).await?;
                if to.starts_with("/pass") {
                    self.wait("#pass form").await?;
                }
            }
            for scheme in ["light", "dark"] {
                let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
                self.own(
                    "Emulation.setEmulatedMedia",
                    json!({ "features": features }),
                )
                .await?;
                for (size, width, height) in SIZES {
                    self.resize(width, height).await?;
                    let wide = self.run(WIDE).await?;
                    assert_eq!(wide, json!([]), "{name} is wider than a {size}");
                    let barriers = self.barriers().await?;
                    assert!(
                        barriers.is_empty(),
                        "{name}, {language} {scheme} {size}: {barriers:#?}"
                    );
                    let file = format!("{name}-{language}-{scheme}-{size}.png");
                    self.keep(&file, width, height).await?;
                }
            }
        }
        self.resize(SIZES[0].1, SIZES[0].2).await
    }

    /// Looks at the page as it is printed on A4 paper, and keeps a picture of it.
    pub(crate) async fn print(&self, name: &str) -> Result<()> {
        self.own("Emulation.setEmulatedMedia", json!({ "media": "print" }))
            .await?;
        self.resize(PAPER.0, PAPER.1).await?;
        assert_eq!(
            self.run(WIDE).await?,
            json!([]),
            "{name} is wider than paper"
        );
        let file = format!("{name}-print.png");
        self.keep(&file, PAPER.0, PAPER.1).await?;
        self.own("Emulation.setEmulatedMedia", json!({ "media": "" }))
            .await?;
        self.resize(SIZES[0].1, SIZES[0].2).await
    }

    /// Keeps a picture of all of the page, however long.
    async fn keep(&self, file: &str, width: u32, height: u32) -> Result<()> {
        let tall = "return document.documentElement.scrollHeight";
        let tall = self.run(tall).await?.as_u64().unwrap_or(0);
        self.resize(width, height.max(u32::try_from(tall)?)).await?;
        let picture = self.get("/screenshot").await?;
        let picture = STANDARD.decode(picture.as_str().context("no picture")?)?;
        Ok(std::fs::write(pictures()?.join(file), picture)?)
    }

    async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.own("Emulation.setDeviceMetricsOverride", metrics)
            .await
    }

    async fn own(&self, command: &'static str, parameters: Value) -> Result<()> {
        let asked = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", asked).await?;
        Ok(())
    }
}

fn pictures() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let mut above = executable.ancestors();
    let target = above.find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let folder = target.context("cargo's target folder")?.join("screenshots");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
