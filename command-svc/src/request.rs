//! Requests of the BFF, parsed: after this, nothing is a bare string.

use aws_lc_rs::digest::{SHA256, digest};
use domain::DeviceId;
use domain::commands::{LEEWAY, MAX_EXPIRY};
use domain::event::RequestContext;
use domain::vocabulary::Operation;
use jiff::Timestamp;
use privacy::PassSecret;
use proto::access::{self as pb, InputMethod};
use records::timestamp_from_wire;
use uuid::Uuid;

use crate::refusal::Refusal;

/// A well-formed open request, not yet tied to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenRequest {
    /// What to open.
    pub device: DeviceId,
    /// How.
    pub operation: Operation,
    /// The BFF's key.
    pub key: Uuid,
    /// Instant inside the key.
    pub key_time: Timestamp,
    /// Not to be carried out afterwards.
    pub expires_at: Timestamp,
    /// App version and input method.
    pub context: RequestContext,
}

impl OpenRequest {
    /// SHA-256 over device and operation: what a retry must repeat.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let text = format!("{}\n{}", self.device, self.operation);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        bytes
    }
}

/// Parses an owner's request.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn parse(request: &pb::OpenRequest, now: Timestamp) -> Result<OpenRequest, Refusal> {
    let device = request
        .device_id
        .parse()
        .map_err(|error: domain::IdError| Refusal::field("device_id", error.to_string()))?;
    let operation = Operation::from_number(request.operation)
        .ok_or_else(|| Refusal::field("operation", "expected OPEN_DOOR or OPEN_BARRIER"))?;
    let (key, key_time) = parse_key(&request.idempotency_key, now)?;
    Ok(OpenRequest {
        device,
        operation,
        key,
        key_time,
        expires_at: parse_expiry(request.expires_at.as_ref(), now)?,
        context: parse_context(request.context.as_ref())?,
    })
}

/// A guest's request is an owner's with a secret.
pub(crate) fn without_secret(request: pb::OpenWithPassRequest) -> (pb::OpenRequest, String) {
    let open = pb::OpenRequest {
        device_id: request.device_id,
        operation: request.operation,
        idempotency_key: request.idempotency_key,
        expires_at: request.expires_at,
        context: request.context,
    };
    (open, request.pass_secret)
}

/// A guest's secret.
///
/// # Errors
/// It is none.
pub(crate) fn pass_secret(text: &str) -> Result<PassSecret, Refusal> {
    PassSecret::parse(text).map_err(|error| Refusal::field("pass_secret", error.to_string()))
}

/// RFC 9562 section 5.7: the first 48 bits are Unix milliseconds.
pub(crate) fn parse_key(text: &str, now: Timestamp) -> Result<(Uuid, Timestamp), Refusal> {
    let refuse = |why: &str| Refusal::field("idempotency_key", why);
    let key = Uuid::try_parse(text)
        .ok()
        .filter(|key| key.hyphenated().to_string() == text && key.get_version_num() == 7)
        .ok_or_else(|| refuse("expected a UUIDv7 in lower case with hyphens (RFC 9562)"))?;
    let millis =
        i64::try_from(key.as_u128() >> 80).map_err(|_| refuse("its time is out of range"))?;
    let time =
        Timestamp::from_millisecond(millis).map_err(|_| refuse("its time is out of range"))?;
    if time > now + LEEWAY {
        return Err(refuse(
            "its time is in the future; check the clock that minted it",
        ));
    }
    Ok((key, time))
}

fn parse_expiry(at: Option<&prost_types::Timestamp>, now: Timestamp) -> Result<Timestamp, Refusal> {
    let refuse = |why: &str| Refusal::field("expires_at", why);
    let at = at.ok_or_else(|| refuse("required"))?;
    let at = timestamp_from_wire("expires_at", at).map_err(|_| refuse("out of range"))?;
    // The service's and the BFF's clocks may differ by a little; the partner judges by expiry.
    if at > now + MAX_EXPIRY {
        return Err(refuse("at most 60 s ahead"));
    }
    Ok(at)
}

fn parse_context(context: Option<&pb::RequestContext>) -> Result<RequestContext, Refusal> {
    let Some(context) = context else {
        return Ok(RequestContext::default());
    };
    if !(context.app_version.is_empty() || is_version(&context.app_version)) {
        return Err(Refusal::field(
            "context.app_version",
            "a version such as 4.12.0, ios-4.12.0 or 4.12.0-beta.1: at most 32 characters, and 8 \
             digits in a row",
        ));
    }
    let method = match InputMethod::try_from(context.method) {
        Ok(InputMethod::Unspecified) => "",
        Ok(InputMethod::Button) => "button",
        Ok(InputMethod::Widget) => "widget",
        Ok(InputMethod::Voice) => "voice",
        Err(_) => {
            return Err(Refusal::field(
                "context.method",
                "expected BUTTON, WIDGET or VOICE",
            ));
        }
    };
    Ok(RequestContext {
        app_version: context.app_version.clone(),
        method: method.to_owned(),
    })
}

/// Whether `text` can be an app's version: maybe a platform's name, numbers, maybe a label. It is
/// recorded, so neither a name nor a telephone number can be one.
fn is_version(text: &str) -> bool {
    let sane = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let platform = |c: char| c.is_ascii_alphabetic();
    let version = text.trim_start_matches(platform);
    let version = version.strip_prefix(['-', '_']).unwrap_or(version);
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let runs = text.split(|c: char| !c.is_ascii_digit());
    text.len() <= 32
        && text.bytes().all(sane)
        && numbers
            .split('.')
            .all(|number| !number.is_empty() && digits(number))
        && runs.into_iter().all(|run| run.len() <= 8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use records::timestamp_to_wire;

    fn now() -> Timestamp {
        // What a UUIDv7 holds: whole milliseconds.
        Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap()
    }

    fn good() -> pb::OpenRequest {
        pb::OpenRequest {
            device_id: "sunrise.gate".to_owned(),
            operation: 2,
            idempotency_key: Uuid::now_v7().to_string(),
            expires_at: Some(timestamp_to_wire(
                now() + jiff::SignedDuration::from_secs(20),
            )),
            context: None,
        }
    }

    fn refused_field(change: impl Fn(&mut pb::OpenRequest)) -> String {
        let mut request = good();
        change(&mut request);
        match parse(&request, now()) {
            Err(Refusal::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_keys_time_is_read() {
        let request = parse(&good(), now()).unwrap();
        assert!((now() - request.key_time).as_secs().abs() < 5);
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(
            refused_field(|r| r.device_id = "gate".to_owned()),
            "device_id"
        );
        assert_eq!(refused_field(|r| r.operation = 0), "operation");
        assert_eq!(refused_field(|r| r.operation = 77), "operation");
        assert_eq!(
            refused_field(|r| r.idempotency_key.clear()),
            "idempotency_key"
        );
        let v4 = Uuid::new_v4().to_string();
        assert_eq!(
            refused_field(|r| r.idempotency_key.clone_from(&v4)),
            "idempotency_key"
        );
        let upper = Uuid::now_v7().to_string().to_uppercase();
        assert_eq!(
            refused_field(|r| r.idempotency_key.clone_from(&upper)),
            "idempotency_key"
        );
        assert_eq!(refused_field(|r| r.expires_at = None), "expires_at");
        let late = now() + jiff::SignedDuration::from_secs(61);
        assert_eq!(
            refused_field(|r| r.expires_at = Some(timestamp_to_wire(late))),
            "expires_at"
        );
        let context = pb::RequestContext {
            app_version: "anna".to_owned(),
            method: 0,
        };
        assert_eq!(
            refused_field(|r| r.context = Some(context.clone())),
            "context.app_version"
        );
        let context = pb::RequestContext {
            app_version: String::new(),
            method: 9,
        };
        assert_eq!(
            refused_field(|r| r.context = Some(context.clone())),
            "context.method"
        );
    }

    #[test]
    fn the_digest_covers_device_and_operation() {
        let one = parse(&good(), now()).unwrap();
        let mut door = good();
        door.operation = 1;
        assert_ne!(one.digest(), parse(&door, now()).unwrap().digest());
        assert_eq!(one.digest(), parse(&good(), now()).unwrap().digest());
    }

    #[test]
    fn a_version_names_nobody() {
        for version in ["4", "4.12.0", "4.12.0-beta.1+20261126", "ios-5.1", "v2"] {
            assert!(is_version(version), "{version}");
        }
        for other in [
            "anna",
            "anna.petrova",
            "user-6e0b-anna",
            "+79161234567",
            "79161234567",
            "4.0 b",
            "4.0/ю",
            "4..0",
        ] {
            assert!(!is_version(other), "{other}");
        }
        assert!(!is_version(&"1.".repeat(17)));
    }
}
