//! The language of a page: chosen by a cookie, else by what the browser asks for.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use jiff::SignedDuration;

/// The cookie that keeps the choice.
pub(super) const COOKIE_NAME: &str = "__Host-language";

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    En,
    Ru,
}

impl Lang {
    /// From its code (ISO 639-1).
    pub(super) fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "ru" => Some(Self::Ru),
            _ => None,
        }
    }

    /// Its code.
    pub(super) fn code(self) -> &'static str {
        self.t("en", "ru")
    }

    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::En => Self::Ru,
            Self::Ru => Self::En,
        }
    }

    /// The text that is written in this language.
    pub(super) fn t(self, en: &'static str, ru: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Ru => ru,
        }
    }

    /// How long ago something was, in few words.
    pub(super) fn ago(self, since: SignedDuration) -> String {
        let seconds = since.as_secs().max(0);
        let (number, unit) = match seconds {
            0..60 => (seconds, self.t("s ago", "с назад")),
            60..3_600 => (seconds / 60, self.t("min ago", "мин назад")),
            3_600..86_400 => (seconds / 3_600, self.t("h ago", "ч назад")),
            _ => (seconds / 86_400, self.t("d ago", "дн. назад")),
        };
        format!("{number} {unit}")
    }

    /// What a request asks for; English where it asks for neither.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|text| text.split(';'));
        let chosen = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME));
        let chosen = chosen.and_then(|rest| Self::parse(rest.strip_prefix('=')?));
        chosen.unwrap_or_else(|| accepted(headers))
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// By `Accept-Language` (RFC 9110, section 12.5.4): the one with the greater weight, the first of
/// equals.
fn accepted(headers: &HeaderMap) -> Lang {
    let header = headers.get(ACCEPT_LANGUAGE);
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut best = (Lang::En, 0.0);
    for range in text.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let primary = tag.trim().split('-').next().unwrap_or("");
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.parse().unwrap_or(0.0);
        if let Some(lang) = Lang::parse(&primary.to_ascii_lowercase())
            && weight > best.1
        {
            best = (lang, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(accept: &str, cookie: &str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, accept.parse().unwrap());
        headers.insert(COOKIE, cookie.parse().unwrap());
        Lang::of(&headers)
    }

    #[test]
    fn a_while_is_told_in_its_greatest_unit() {
        let ago = |seconds| Lang::En.ago(SignedDuration::from_secs(seconds));
        let told = [-3, 59, 3_599, 86_399, 900_000].map(ago);
        assert_eq!(
            told,
            ["0 s ago", "59 s ago", "59 min ago", "23 h ago", "10 d ago"]
        );
        assert_eq!(Lang::Ru.ago(SignedDuration::from_secs(60)), "1 мин назад");
    }

    #[test]
    fn the_cookie_rules_then_the_browser() {
        assert_eq!(of("", ""), Lang::En);
        assert_eq!(of("ru-RU,ru;q=0.9,en;q=0.8", ""), Lang::Ru);
        assert_eq!(of("de,en;q=0.3,ru;q=0.7", ""), Lang::Ru);
        assert_eq!(of("en,ru", ""), Lang::En);
        assert_eq!(of("ru", "a=b; __Host-language=en"), Lang::En);
        assert_eq!(of("ru", "__Host-language=fr"), Lang::Ru);
    }
}
