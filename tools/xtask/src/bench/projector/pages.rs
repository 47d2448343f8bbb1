//! The same searches as pages of the auditors' console, as browsers ask for them: TLS, session, search,
//! record of the read, HTML.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use harness::site::{Site, USERS};
use hdrhistogram::Histogram;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::access::SearchAccessRequest;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use tokio::task::JoinSet;

use super::READER;
use super::records::mixed;
use super::searches::{AUDITORS, SEARCHES, any};

/// The time of each page, in microseconds, until its last byte.
///
/// # Errors
/// A page is refused.
pub(super) async fn measure(site: &Site) -> Result<Histogram<u64>> {
    let visitor = Arc::new(Visitor::log_in(site).await?);
    let mut looking = JoinSet::new();
    for number in 0..AUDITORS {
        let visitor = Arc::clone(&visitor);
        looking.spawn(async move {
            let mut taken = Histogram::<u64>::new(3)?;
            for search in 0..SEARCHES {
                let mut address = visitor.address(&any(mixed(number * SEARCHES + search)))?;
                for _page in 0..2 {
                    let begun = Instant::now();
                    let page = visitor.page(&address).await?;
                    taken.record(u64::try_from(begun.elapsed().as_micros())?)?;
                    let Some(next) = next(&page) else { break };
                    address = visitor.console.join(&next)?;
                }
            }
            anyhow::Ok(taken)
        });
    }
    let mut all = Histogram::<u64>::new(3)?;
    while let Some(taken) = looking.join_next().await {
        all.add(taken??)?;
    }
    Ok(all)
}

/// Somebody's browser, logged in.
struct Visitor {
    http: Client,
    console: Url,
    cookies: Vec<String>,
}

impl Visitor {
    /// Goes to the console, is sent to the login page, fills it in, and comes back.
    async fn log_in(site: &Site) -> Result<Self> {
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        for root in Certificate::from_pem_bundle(&std::fs::read(site.pki.bundle())?)? {
            builder = builder.add_root_certificate(root);
        }
        let mut visitor = Self {
            http: builder.build()?,
            console: site.console_url().parse()?,
            cookies: Vec::new(),
        };
        let user = USERS.iter().find(|user| user.username == READER);
        let user = user.context("nobody is an auditor")?;
        let login = visitor.redirected(visitor.console.join("/login")?).await?;
        let form = [("username", user.username), ("password", user.password)];
        let sent = visitor.http.post(login.clone()).form(&form).send().await?;
        let back = login.join(location(&sent)?)?;
        visitor.redirected(back).await?;
        Ok(visitor)
    }

    /// Where an address sends it, with what it is to remember.
    async fn redirected(&mut self, from: Url) -> Result<Url> {
        let answer = self
            .with_cookies(self.http.get(from.clone()))
            .send()
            .await?;
        for line in answer.headers().get_all(SET_COOKIE) {
            let cookie = line.to_str()?.split(';').next().unwrap_or_default();
            self.cookies.push(cookie.to_owned());
        }
        Ok(from.join(location(&answer)?)?)
    }

    fn with_cookies(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(COOKIE, self.cookies.join("; "))
    }

    /// The address of a search.
    fn address(&self, asked: &SearchAccessRequest) -> Result<Url> {
        let mut url = self
            .console
            .join(&format!("/c/{}/search", asked.complex_id))?;
        let mut query = url.query_pairs_mut();
        for (name, time) in [("from", &asked.from), ("until", &asked.until)] {
            let time = time.as_ref().context("a time")?;
            let time = TimeZone::UTC.to_datetime(Timestamp::new(time.seconds, 0)?);
            query.append_pair(name, &time.to_string());
        }
        query.append_pair("subject", &asked.subject_ref);
        query.append_pair("device", &asked.device_id);
        if asked.automation != 0 {
            query.append_pair("automation", &asked.automation.to_string());
        }
        drop(query);
        Ok(url)
    }

    async fn page(&self, address: &Url) -> Result<String> {
        let answer = self
            .with_cookies(self.http.get(address.clone()))
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "{address}: {}",
            answer.status()
        );
        Ok(answer.text().await?)
    }
}

fn location(answer: &Response) -> Result<&str> {
    let location = answer.headers().get(LOCATION);
    let location = location.with_context(|| format!("{} sends nowhere", answer.status()))?;
    Ok(location.to_str()?)
}

/// The address of the next page of a search, if there is one.
fn next(page: &str) -> Option<String> {
    let (_, address) = page.split_once("rel=\"next\" href=\"")?;
    let address = address.split('"').next()?;
    Some(address.replace("&amp;", "&").replace("&#38;", "&"))
}
