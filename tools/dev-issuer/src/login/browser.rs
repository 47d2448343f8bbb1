//! A person's browser at a login: it keeps cookies, follows redirects, and fills in the form that it is
//! shown, at any server whose login is a form with a password.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use super::{protocol, refusal};
use crate::error::Error;

/// More steps than any login takes.
const STEPS: usize = 10;
/// What is told of the person's part.
const STEP: &str = "login page";

/// A browser of one person, for one site: cookies have names, and no regard to paths.
pub struct Browser {
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// Where a login has led.
pub struct Arrival {
    /// The address, which was not opened.
    pub url: Url,
    /// Whether the person was asked for a password on the way.
    pub asked: bool,
}

impl Browser {
    /// One without a past. `http` must not follow redirects, as [`http_client`](crate::http_client)'s
    /// doesn't.
    pub fn new(http: reqwest::Client) -> Self {
        Self {
            http,
            cookies: BTreeMap::new(),
        }
    }

    /// The same, for what is no page.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Opens an address and logs in, if asked to, until it is sent on to what begins with `target`.
    ///
    /// # Errors
    /// The server can't be reached, refuses, or shows what is no login.
    pub async fn visit(
        &mut self,
        mut url: Url,
        target: &str,
        (username, password): (&str, &str),
    ) -> Result<Arrival, Error> {
        let mut asked = false;
        let mut request = self.http.get(url.clone());
        for _ in 0..STEPS {
            let page = self.send(request).await?;
            let status = page.status();
            if status.is_redirection() {
                url = sent_to(&page, &url)?;
                if url.as_str().starts_with(target) {
                    return Ok(Arrival { url, asked });
                }
                request = self.http.get(url.clone());
                continue;
            }
            // Some servers show the form again with 200, others refuse.
            if asked && (status == StatusCode::FORBIDDEN || status.is_success()) {
                return Err(Error::Refused {
                    step: "login",
                    reason: "user name or password is wrong".to_owned(),
                });
            }
            if !status.is_success() {
                return Err(refusal(STEP, status));
            }
            let page = page.text().await;
            let page = page.map_err(|error| Error::Unreachable(error.without_url()))?;
            let (action, mut fields) = form(&page, &url)?;
            fields.push(("username".to_owned(), username.to_owned()));
            fields.push(("password".to_owned(), password.to_owned()));
            (url, asked) = (action, true);
            request = self.http.post(url.clone()).form(&fields);
        }
        Err(protocol(STEP, "it goes on without an end"))
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Response, Error> {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = match cookies.is_empty() {
            true => request,
            false => request.header(COOKIE, cookies.join("; ")),
        };
        let answer = request.send().await;
        let answer = answer.map_err(|error| Error::Unreachable(error.without_url()))?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|line| line.split(';').next());
            let pair = pair.and_then(|pair| pair.split_once('='));
            let (name, value) = pair.ok_or(protocol(STEP, "it sets a cookie that is none"))?;
            // What is to go is sent again, without a value.
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Ok(answer)
    }
}

fn sent_to(answer: &Response, from: &Url) -> Result<Url, Error> {
    let location = answer.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| from.join(location).ok());
    url.ok_or(protocol("login", "the redirect leads nowhere"))
}

/// Where a page's login form (HTML) is sent, and what it holds before anybody fills it in.
fn form(page: &str, url: &Url) -> Result<(Url, Vec<(String, String)>), Error> {
    let none = || protocol(STEP, "it holds no form that asks for a password");
    let form = tags(page, "form").next().ok_or_else(none)?;
    let action = attribute(form, "action").unwrap_or_default();
    let mut fields = Vec::new();
    let mut asks = false;
    for input in tags(page, "input") {
        let kind = attribute(input, "type");
        asks |= kind.as_deref() == Some("password");
        if kind.as_deref() == Some("hidden") {
            let name = attribute(input, "name").ok_or_else(none)?;
            fields.push((name, attribute(input, "value").unwrap_or_default()));
        }
    }
    let action = url.join(&action).ok().filter(|_| asks).ok_or_else(none)?;
    Ok((action, fields))
}

/// What stands in each tag of this name.
fn tags<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("<{name} ");
    let starts: Vec<_> = page.match_indices(&opening).map(|(at, _)| at).collect();
    starts
        .into_iter()
        .filter_map(|at| page.get(at..)?.split('>').next())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&"))
}
