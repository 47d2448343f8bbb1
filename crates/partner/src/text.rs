//! Text that comes from a partner.

use std::fmt;

/// A code or reference in a partner's words, fit for records: at most 64 of `A-Z a-z 0-9 _ . -`.
/// Anything else is dropped whole and leaves it empty, so that nothing else can slip through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PartnerText(String);

impl PartnerText {
    const LONGEST: usize = 64;

    /// Keeps `text` if it is fit.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let fit = text.len() <= Self::LONGEST
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        Self(if fit { text } else { String::new() })
    }

    /// The text; empty where there was none that is fit.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PartnerText> for String {
    fn from(text: PartnerText) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fit_text_is_kept() {
        for fit in ["", "opened", "blocked_by_guard", "a.B-9", &"x".repeat(64)] {
            assert_eq!(PartnerText::new(fit).as_str(), fit);
        }
        for unfit in [
            "two words",
            "Иван",
            "+7999",
            "a/b",
            "a\nb",
            "<b>",
            &"x".repeat(65),
        ] {
            assert_eq!(PartnerText::new(unfit).as_str(), "", "{unfit}");
        }
    }
}
