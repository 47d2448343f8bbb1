//! Scopes (RFC 6749, section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

/// A set of scope tokens, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Scope(BTreeSet<String>);

impl Scope {
    /// Reads the wire form: tokens between single spaces.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::try_from(text.split(' ').map(str::to_owned).collect::<Vec<_>>()).ok()
    }

    pub(crate) fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    pub(crate) fn is_subset(&self, of: &Self) -> bool {
        self.0.is_subset(&of.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl TryFrom<Vec<String>> for Scope {
    type Error = &'static str;

    fn try_from(tokens: Vec<String>) -> Result<Self, Self::Error> {
        let legal = |c: char| matches!(c, '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
        if tokens.is_empty()
            || tokens
                .iter()
                .any(|token| token.is_empty() || !token.chars().all(legal))
        {
            return Err("scopes must be non-empty scope tokens (RFC 6749, section 3.3)");
        }
        Ok(Self(tokens.into_iter().collect()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            let gap = if position == 0 { "" } else { " " };
            write!(f, "{gap}{token}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_tokens_between_single_spaces_are_read() {
        assert_eq!(Scope::parse("b a b").unwrap().to_string(), "a b");
        for text in ["", " a", "a  b", "a\"b", "a\\b", "ä"] {
            assert_eq!(Scope::parse(text), None, "{text:?}");
        }
    }
}
