//! Page tokens: where a search goes on, authenticated and bound to the query.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message as _;
use proto::access::SearchAccessRequest;
use service::config::SecretFile;

use crate::store::AccessCursor;

/// The first byte of a token: its form.
const FORM: u8 = 1;
const CURSOR: usize = 17;
const TAG: usize = 32;
/// What is authenticated besides: nothing else may be made of this key.
const PURPOSE: &[u8] = b"smarthome.access.v1.AuditService/SearchAccess page token\n";
const LEAST_KEY: usize = 32;

/// The key that authenticates page tokens.
pub struct PageKey(hmac::Key);

impl PageKey {
    /// The key of these bytes: 32 or more that are hard to guess.
    ///
    /// # Errors
    /// They are too few.
    pub fn new(bytes: &[u8]) -> anyhow::Result<Self> {
        anyhow::ensure!(
            bytes.len() >= LEAST_KEY,
            "`serve.paging.key_file` must hold at least {LEAST_KEY} random bytes"
        );
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Reads the key.
    pub(super) fn load(file: &SecretFile) -> anyhow::Result<Self> {
        Self::new(&file.read()?)
    }

    /// The token of what follows `cursor` in this query.
    pub fn seal(&self, query: &SearchAccessRequest, cursor: AccessCursor) -> String {
        let cursor = encode(cursor);
        let tag = hmac::sign(&self.0, &message(&cursor, query));
        URL_SAFE_NO_PAD.encode([&cursor, tag.as_ref()].concat())
    }

    /// Where the query goes on; none if the token isn't one of ours for this query.
    pub fn open(&self, query: &SearchAccessRequest, token: &str) -> Option<AccessCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let bytes: [u8; CURSOR + TAG] = bytes.try_into().ok()?;
        let (cursor, tag) = bytes.split_at(CURSOR);
        hmac::verify(&self.0, &message(cursor, query), tag).ok()?;
        decode(cursor)
    }
}

/// Authenticated are the cursor and what is asked; the page's size may change.
fn message(cursor: &[u8], query: &SearchAccessRequest) -> Vec<u8> {
    let query = SearchAccessRequest {
        page_size: 0,
        page_token: String::new(),
        ..query.clone()
    };
    [PURPOSE, cursor, &query.encode_to_vec()].concat()
}

fn encode(cursor: AccessCursor) -> [u8; CURSOR] {
    let mut bytes = [FORM; CURSOR];
    bytes[1..9].copy_from_slice(&cursor.time.to_be_bytes());
    bytes[9..].copy_from_slice(&cursor.offset.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<AccessCursor> {
    let (&form, rest) = bytes.split_first()?;
    let (time, offset) = rest.split_first_chunk()?;
    (form == FORM).then_some(AccessCursor {
        time: i64::from_be_bytes(*time),
        offset: u64::from_be_bytes(offset.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PageKey {
        PageKey(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]))
    }

    fn query(complex: &str) -> SearchAccessRequest {
        SearchAccessRequest {
            complex_id: complex.to_owned(),
            ..SearchAccessRequest::default()
        }
    }

    #[test]
    fn a_token_is_good_for_its_query_at_any_page_size_and_for_no_other() {
        let cursor = AccessCursor {
            time: -7,
            offset: u64::MAX,
        };
        let token = key(1).seal(&query("sunrise"), cursor);
        let next = SearchAccessRequest {
            page_size: 7,
            page_token: token.clone(),
            ..query("sunrise")
        };
        assert_eq!(key(1).open(&next, &token), Some(cursor));
        assert_eq!(key(1).open(&query("sunset"), &token), None);
        assert_eq!(key(2).open(&next, &token), None);
    }

    #[test]
    fn no_other_text_is_a_token() {
        let token = key(1).seal(&query("sunrise"), AccessCursor { time: 1, offset: 2 });
        for i in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap_or_default();
            assert_eq!(key(1).open(&query("sunrise"), &forged), None, "{i}");
        }
        for text in ["", "!", "AAAA", &format!("{token}A"), &token[1..]] {
            assert_eq!(key(1).open(&query("sunrise"), text), None);
        }
    }
}
