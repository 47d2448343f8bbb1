//! How a record's parts stand in the file.

use bytes::{Buf, BufMut, Bytes};
use rusqlite::Error;

/// Headers in order: for each the length (u32, little endian) and bytes of its
/// name, then of its value.
pub(super) fn encode_headers(headers: &[(String, Bytes)]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut put = |part: &[u8]| {
        // A record is smaller than 4 GiB: `LogOptions::max_record_bytes`.
        encoded.put_u32_le(part.len() as u32);
        encoded.put_slice(part);
    };
    for (name, value) in headers {
        put(name.as_bytes());
        put(value);
    }
    encoded
}

/// Reads headers back; `None` if they were not written by [`encode_headers`].
pub(super) fn decode_headers(encoded: Vec<u8>) -> Option<Vec<(String, Bytes)>> {
    let mut rest = Bytes::from(encoded);
    let mut headers = Vec::new();
    while rest.has_remaining() {
        let name = String::from_utf8(take(&mut rest)?.to_vec()).ok()?;
        headers.push((name, take(&mut rest)?));
    }
    Some(headers)
}

fn take(rest: &mut Bytes) -> Option<Bytes> {
    let length = rest.try_get_u32_le().ok()? as usize;
    (length <= rest.len()).then(|| rest.split_to(length))
}

/// An offset as an SQLite integer. One beyond its range lies past every end.
pub(super) fn to_sql(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// An offset as SQLite returned it.
pub(super) fn from_sql(integer: i64) -> rusqlite::Result<u64> {
    u64::try_from(integer).map_err(|_| Error::IntegralValueOutOfRange(0, integer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_in_order() {
        let headers = vec![
            ("b".to_owned(), Bytes::from_static(b"\x00\xff")),
            (String::new(), Bytes::new()),
            ("b".to_owned(), Bytes::from_static(b"again")),
        ];
        let encoded = encode_headers(&headers);
        assert_eq!(decode_headers(encoded), Some(headers));
        assert_eq!(decode_headers(Vec::new()), Some(Vec::new()));
    }

    #[test]
    fn broken_bytes_are_told_from_headers() {
        let whole = encode_headers(&[("name".to_owned(), Bytes::from_static(b"value"))]);
        for length in 1..whole.len() {
            assert_eq!(decode_headers(whole[..length].to_vec()), None);
        }
        assert_eq!(decode_headers(vec![255; 9]), None);
    }
}
