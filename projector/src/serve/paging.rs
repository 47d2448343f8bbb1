//! Page tokens: where a search goes on, authenticated and bound to the query.

mod cursors;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proto::access::{
    DeviceHistoryRequest, SearchAccessRequest, SearchAlarmsRequest, SearchReadsRequest,
    WatchAccessRequest, WatchAlarmsRequest, WatchDeviceStatusesRequest,
};
use service::config::SecretFile;

use super::watch::{DeviceCursor, LeafCursor};
use crate::store::{AccessCursor, StatusCursor};

const TAG: usize = 32;
const LEAST_KEY: usize = 32;

/// A query whose answer comes in pages.
pub trait Paged: prost::Message + Clone {
    /// What is authenticated besides: nothing else may be made of this key.
    const PURPOSE: &'static [u8];
    /// The field that the token comes in.
    const FIELD: &'static str = "page_token";
    /// Where it goes on.
    type Cursor: Cursor;

    /// What is asked; the page's size may change.
    fn without_page(&self) -> Self;
}

/// A place in the order of a query.
pub trait Cursor: Sized {
    /// As bytes.
    fn encode(self) -> Vec<u8>;
    /// From bytes that were authenticated; none for what another version wrote.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

macro_rules! paged {
    ($request:ident, $cursor:ident, $method:literal) => {
        impl Paged for $request {
            const PURPOSE: &'static [u8] =
                concat!("smarthome.access.v1.", $method, " page token\n").as_bytes();
            type Cursor = $cursor;

            fn without_page(&self) -> Self {
                Self {
                    page_size: 0,
                    page_token: String::new(),
                    ..self.clone()
                }
            }
        }
    };
}

paged!(
    SearchAccessRequest,
    AccessCursor,
    "AuditService/SearchAccess"
);
paged!(
    SearchAlarmsRequest,
    AccessCursor,
    "AuditService/SearchAlarms"
);
paged!(SearchReadsRequest, AccessCursor, "AuditService/SearchReads");
paged!(
    DeviceHistoryRequest,
    StatusCursor,
    "DeviceStatusService/History"
);

macro_rules! watched {
    ($request:ident, $cursor:ident, $method:literal) => {
        impl Paged for $request {
            const PURPOSE: &'static [u8] =
                concat!("smarthome.access.v1.", $method, " resume token\n").as_bytes();
            const FIELD: &'static str = "resume_token";
            type Cursor = $cursor;

            fn without_page(&self) -> Self {
                Self {
                    resume_token: String::new(),
                    ..self.clone()
                }
            }
        }
    };
}

watched!(WatchAccessRequest, LeafCursor, "AuditService/WatchAccess");
watched!(WatchAlarmsRequest, LeafCursor, "AuditService/WatchAlarms");
watched!(
    WatchDeviceStatusesRequest,
    DeviceCursor,
    "DeviceStatusService/Watch"
);

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
    pub fn seal<Q: Paged>(&self, query: &Q, cursor: Q::Cursor) -> String {
        let cursor = cursor.encode();
        let tag = hmac::sign(&self.0, &message(&cursor, query));
        URL_SAFE_NO_PAD.encode([&cursor, tag.as_ref()].concat())
    }

    /// Where the query goes on; none if the token isn't one of ours for this query.
    pub fn open<Q: Paged>(&self, query: &Q, token: &str) -> Option<Q::Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (cursor, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        hmac::verify(&self.0, &message(cursor, query), tag).ok()?;
        Cursor::decode(cursor)
    }
}

/// Authenticated are the cursor and what is asked.
fn message<Q: Paged>(cursor: &[u8], query: &Q) -> Vec<u8> {
    [Q::PURPOSE, cursor, &query.without_page().encode_to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use domain::event::DeviceSequence;

    use super::*;
    use crate::serve::watch::Limits;

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
    fn a_device_history_goes_on_where_it_was() {
        let query = DeviceHistoryRequest {
            device_id: "sunrise.gate".to_owned(),
            ..DeviceHistoryRequest::default()
        };
        let cursor = StatusCursor {
            time: i64::MIN,
            sequence: DeviceSequence {
                epoch: u64::MAX,
                sequence: 7,
            },
        };
        let token = key(1).seal(&query, cursor);
        assert_eq!(key(1).open(&query, &token), Some(cursor));
        let alarms = SearchAlarmsRequest::default();
        assert_eq!(key(1).open(&alarms, &token), None);
    }

    #[test]
    fn a_watch_of_devices_goes_on_where_it_was() {
        let query = WatchDeviceStatusesRequest {
            complex_id: "sunrise".to_owned(),
            ..WatchDeviceStatusesRequest::default()
        };
        let cursor = DeviceCursor {
            time: -1,
            limits: Limits([7; 8]),
            next: [(0, 1), (u32::MAX, u64::MAX)].into(),
        };
        let token = key(1).seal(&query, cursor.clone());
        let resumed = WatchDeviceStatusesRequest {
            resume_token: token.clone(),
            ..query
        };
        assert_eq!(key(1).open(&resumed, &token), Some(cursor));
        // Of the same form, but of another method.
        let accesses = key(1).seal(&WatchAccessRequest::default(), LeafCursor(7));
        assert_eq!(key(1).open(&WatchAlarmsRequest::default(), &accesses), None);
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
