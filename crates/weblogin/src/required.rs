//! A fresher or stronger login than the one there is, as a service asks for it (RFC 9470).

use jiff::{SignedDuration, Timestamp};
use url::{Url, form_urlencoded};

use crate::answer::one;
use crate::handlers::LOGIN;

/// Longest name of an authentication context class.
const LONGEST_ACR: usize = 100;
/// How far clocks may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(5);

/// What a login must be like; any will do unless something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredLogin {
    /// The person has proved who they are at most so many seconds ago.
    pub max_age: Option<u32>,
    /// In this way: a name of one authentication context class.
    pub acr: Option<String>,
}

impl RequiredLogin {
    /// The address of this page that begins such a login, and leads to `to` then.
    pub fn address(&self, to: &str) -> String {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", to)
            .extend_pairs(self.members())
            .finish();
        format!("{LOGIN}?{query}")
    }

    /// What such an address asks for. None where it can't be made out: then nobody is sent anywhere.
    pub(crate) fn of(address: &Url) -> Option<Self> {
        let stands = |name| address.query_pairs().any(|(own, _)| own == name);
        let max_age = one(address, "max_age").map(|text| text.parse().ok());
        let acr = one(address, "acr").filter(|acr| is_one_name(acr));
        let required = Self {
            max_age: max_age.flatten(),
            acr,
        };
        let whole = required.max_age.is_some() == stands("max_age")
            && required.acr.is_some() == stands("acr");
        whole.then_some(required)
    }

    /// Parameters of an authorization request (OpenID Connect Core 1.0, section 3.1.2.1). `prompt` is
    /// there because some servers count `max_age` in whole seconds, and let the last one pass.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if let Some(max_age) = self.max_age {
            parameters.push(("max_age", max_age.to_string()));
        }
        if let Some(acr) = &self.acr {
            parameters.push(("acr_values", acr.clone()));
        }
        if !parameters.is_empty() {
            parameters.push(("prompt", "login".to_owned()));
        }
        parameters
    }

    /// Whether a login with these claims of its ID token is such a one (section 3.1.3.7, 12 and 13): a
    /// server need not heed what it is asked for.
    pub(crate) fn is_met(
        &self,
        auth_time: Option<Timestamp>,
        acr: Option<&str>,
        now: Timestamp,
    ) -> bool {
        let fresh = self.max_age.is_none_or(|seconds| {
            let oldest = SignedDuration::from_secs(i64::from(seconds)) + LEEWAY;
            auth_time.is_some_and(|at| now.duration_since(at) <= oldest)
        });
        fresh && (self.acr.is_none() || self.acr.as_deref() == acr)
    }

    fn members(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let max_age = self.max_age.map(|seconds| ("max_age", seconds.to_string()));
        let acr = self.acr.clone().map(|acr| ("acr", acr));
        max_age.into_iter().chain(acr)
    }
}

/// One name in a list that is separated by spaces.
fn is_one_name(acr: &str) -> bool {
    !acr.is_empty() && acr.len() <= LONGEST_ACR && acr.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(max_age: Option<u32>, acr: Option<&str>) -> RequiredLogin {
        let acr = acr.map(str::to_owned);
        RequiredLogin { max_age, acr }
    }

    fn read(address: &str) -> Option<RequiredLogin> {
        let page = Url::parse("https://app.example").ok()?;
        RequiredLogin::of(&page.join(address).ok()?)
    }

    #[test]
    fn an_address_is_read_as_it_was_written() {
        for wanted in [
            required(None, None),
            required(Some(300), None),
            required(Some(0), Some("urn:example:loa:2")),
            required(None, Some("a&b=c")),
        ] {
            assert_eq!(read(&wanted.address("/?door=a.b")), Some(wanted));
        }
        for unclear in [
            "/login?max_age=",
            "/login?max_age=-1",
            "/login?max_age=1&max_age=1",
            "/login?acr=",
            "/login?acr=gold+silver",
            "/login?acr=a&acr=a",
        ] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }

    #[test]
    fn a_login_is_asked_for_anew_where_something_is_required_of_it() {
        assert!(required(None, None).parameters().is_empty());
        let asked = [
            ("max_age", "60".to_owned()),
            ("acr_values", "gold".to_owned()),
            ("prompt", "login".to_owned()),
        ];
        assert_eq!(required(Some(60), Some("gold")).parameters(), asked);
    }

    #[test]
    fn what_the_server_did_not_heed_is_noticed() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let ago = |seconds| Some(now - SignedDuration::from_secs(seconds));
        let wanted = required(Some(60), Some("gold"));
        assert!(wanted.is_met(ago(60), Some("gold"), now));
        assert!(!wanted.is_met(ago(70), Some("gold"), now), "it is old");
        assert!(!wanted.is_met(None, Some("gold"), now), "nobody says when");
        assert!(!wanted.is_met(ago(1), Some("silver"), now));
        assert!(!wanted.is_met(ago(1), None, now));
        assert!(required(None, None).is_met(None, None, now));
    }
}
