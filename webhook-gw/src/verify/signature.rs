//! Signatures as Standard Webhooks describes them.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};

use super::NotVerified;
use super::secrets::Secret;

/// How far the partner's clock and ours may be apart.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Most signatures that are looked at; a rotation needs two.
const MAX_SIGNATURES: usize = 8;

/// Checks that one of the request's signatures was made with one of `secrets`.
///
/// # Errors
/// [`NotVerified`].
pub(super) fn check(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotVerified> {
    let id = header(headers, HEADER_WEBHOOK_ID)?;
    let signatures = header(headers, HEADER_WEBHOOK_SIGNATURE)?;
    let sent = timestamp(header(headers, HEADER_WEBHOOK_TIMESTAMP)?)?;
    if sent < now - TOLERANCE {
        return Err(NotVerified::TimestampTooOld);
    }
    if sent > now + TOLERANCE {
        return Err(NotVerified::TimestampInTheFuture);
    }
    let right = secrets
        .iter()
        .filter_map(|secret| secret.sign(id, sent, body))
        .any(|expected| {
            signatures
                .split(' ')
                .take(MAX_SIGNATURES)
                .any(|given| verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok())
        });
    if right {
        Ok(())
    } else {
        Err(NotVerified::SignatureMismatch)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, NotVerified> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => {
            value.to_str().map_err(|_| NotVerified::Header(name))
        }
        _ => Err(NotVerified::Header(name)),
    }
}

/// Whole seconds since the Unix epoch, in the one form that the signature covers.
fn timestamp(text: &str) -> Result<Timestamp, NotVerified> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(NotVerified::Header(HEADER_WEBHOOK_TIMESTAMP))
}
