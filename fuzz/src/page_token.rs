//! Page tokens of searches, as a caller may send them back.

use std::sync::LazyLock;

use projector::serve::paging::PageKey;
use projector::store::AccessCursor;
use proto::access::SearchAccessRequest;

use crate::lines;

static KEY: LazyLock<PageKey> = LazyLock::new(|| PageKey::new(&[7; 32]).expect("a key"));
static OTHER: LazyLock<PageKey> = LazyLock::new(|| PageKey::new(&[8; 32]).expect("a key"));

/// Lines: complex, device, time and offset of a cursor, page size, token. `{}` in the token is
/// ours for that query and cursor.
pub fn check(data: &[u8]) {
    let ([complex, device, time, offset, size], token) = lines::parts(data);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let number = |bytes: &[u8]| text(bytes).trim().parse().unwrap_or(0);
    let query = SearchAccessRequest {
        complex_id: text(complex),
        device_id: text(device),
        page_size: number(size) as u32,
        ..SearchAccessRequest::default()
    };
    let cursor = AccessCursor {
        time: number(time),
        offset: number(offset) as u64,
    };
    let ours = KEY.seal(&query, cursor);
    let token = text(token).replace("{}", &ours);

    let opened = KEY.open(&query, &token);
    assert_eq!(
        opened,
        (token == ours).then_some(cursor),
        "only a token of ours, as it was given out"
    );
    assert_eq!(OTHER.open(&query, &token), None, "no other key's");
    let elsewhere = SearchAccessRequest {
        complex_id: format!("{}x", query.complex_id),
        ..query.clone()
    };
    assert_eq!(KEY.open(&elsewhere, &token), None, "no other query's");
    let larger = SearchAccessRequest {
        page_size: query.page_size.wrapping_add(1),
        page_token: token.clone(),
        ..query
    };
    assert_eq!(KEY.open(&larger, &token), opened, "at any page size");
}
