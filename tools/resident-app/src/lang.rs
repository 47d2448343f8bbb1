//! Russian and English. Both stand side by side where they are said.

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Russian.
    Ru,
    /// English.
    En,
}

impl Lang {
    /// The one that this page is in.
    pub(crate) fn t<'a>(self, ru: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ru => ru,
            Self::En => en,
        }
    }

    /// As `<html lang>` has it.
    pub(crate) fn code(self) -> &'static str {
        self.t("ru", "en")
    }

    /// Its code's language.
    pub(crate) fn of(code: &str) -> Option<Self> {
        match code {
            "ru" => Some(Self::Ru),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// An instant, as people write it.
    pub(crate) fn time(self, at: Timestamp, zone: &TimeZone) -> String {
        let at = at.to_zoned_datetime(zone.clone());
        let format = self.t("%d.%m.%Y, %H:%M", "%-d %b %Y, %H:%M");
        at.strftime(format).to_string()
    }
}

/// As the person chose, else as the browser asks, else Russian.
fn chosen(parts: &Parts) -> Lang {
    let cookies = parts.headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|line| line.to_str().ok());
    let chosen = cookies
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("lang="));
    let asked = parts.headers.get(ACCEPT_LANGUAGE);
    let asked = asked.and_then(|value| value.to_str().ok()).unwrap_or("");
    let first = asked
        .split(',')
        .find_map(|one| Lang::of(one.trim().get(..2)?));
    chosen.and_then(Lang::of).or(first).unwrap_or(Lang::Ru)
}

impl<S: Sync> FromRequestParts<S> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(chosen(parts))
    }
}
