//! A person's browser at a login: it keeps cookies, follows redirects, and fills in the form that it is
//! shown.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use harness::engines::apps::OWNER;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response};
use url::Url;

/// More steps than any login takes.
const STEPS: usize = 10;

/// A browser of one person, for one site: cookies have names, and no regard to paths.
pub(crate) struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// Where a login has led.
pub(crate) struct Arrival {
    /// The address, which was not opened.
    pub(crate) url: Url,
    /// Whether the person was asked for a password on the way.
    pub(crate) asked: bool,
}

impl Browser {
    /// One that trusts these roots alone.
    pub(crate) fn new(roots: &Path) -> Result<Self> {
        Ok(Self {
            http: dev_issuer::http_client(&std::fs::read(roots)?)?,
            cookies: BTreeMap::new(),
        })
    }

    /// The same, for what is no page.
    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Opens an address and logs in, if asked to, until it is sent on to `target`.
    pub(crate) async fn visit(&mut self, url: Url, target: &str) -> Result<Arrival> {
        let (mut url, mut asked) = (url, false);
        let mut request = self.http.get(url.clone());
        for _ in 0..STEPS {
            let page = self.send(request).await?;
            if page.status().is_redirection() {
                let location = page.headers().get(LOCATION).context("to nowhere")?;
                url = url.join(location.to_str()?)?;
                if url.as_str().starts_with(target) {
                    return Ok(Arrival { url, asked });
                }
                request = self.http.get(url.clone());
                continue;
            }
            let status = page.status();
            ensure!(status.is_success(), "{}: {status}", url.path());
            ensure!(!asked, "asked twice: the login failed");
            let form = Form::read(&page.text().await?, &url)?;
            (url, asked) = (form.action, true);
            request = self.http.post(url.clone()).form(&form.fields);
        }
        bail!("no end after {STEPS} steps")
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Response> {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = match cookies.is_empty() {
            true => request,
            false => request.header(COOKIE, cookies.join("; ")),
        };
        let answer = request.send().await?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?;
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie")?;
            // What is to go is sent again, without a value.
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Ok(answer)
    }
}

/// A login form (HTML), filled in.
struct Form {
    action: Url,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(page: &str, url: &Url) -> Result<Self> {
        let form = tags(page, "form").next().context("a page without a form")?;
        let action = attribute(form, "action").unwrap_or_default();
        let mut fields = vec![
            ("username".to_owned(), OWNER.username.to_owned()),
            ("password".to_owned(), OWNER.password.to_owned()),
        ];
        let mut asks = false;
        for input in tags(page, "input") {
            let kind = attribute(input, "type");
            asks |= kind.as_deref() == Some("password");
            if kind.as_deref() == Some("hidden") {
                let name = attribute(input, "name").context("a field without a name")?;
                fields.push((name, attribute(input, "value").unwrap_or_default()));
            }
        }
        ensure!(asks, "a form that asks for no password");
        Ok(Self {
            action: url.join(&action)?,
            fields,
        })
    }
}

/// What stands in each tag of this name.
fn tags<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("<{name} ");
    let starts: Vec<_> = page.match_indices(&opening).map(|(at, _)| at).collect();
    starts
        .into_iter()
        .filter_map(|at| page[at..].split('>').next())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&"))
}
