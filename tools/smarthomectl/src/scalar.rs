//! Single values of a document: each reader gives the value, or says what was expected. What was
//! found is never repeated: it may be anything.

use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::IdError;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::yaml::{Node, Value};

/// The longest name, in characters; `records` has the last word.
const MAX_NAME: usize = 100;
/// The longest `acr`, in characters; `records` has the last word.
const MAX_ACR: usize = 64;

/// Text.
pub(crate) fn text(node: &Node) -> Result<&str, String> {
    match &node.value {
        Value::Text(text) => Ok(text),
        Value::Bool(_) | Value::Integer(_) | Value::Fraction => {
            Err("expected text; put it in quotes".to_owned())
        }
        _ => Err("expected text".to_owned()),
    }
}

/// An id.
pub(crate) fn id<T: FromStr<Err = IdError>>(node: &Node) -> Result<T, String> {
    text(node)?
        .parse()
        .map_err(|error: IdError| error.to_string())
}

/// A word of a vocabulary.
pub(crate) fn word<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
) -> impl Fn(&Node) -> Result<T, String> {
    move |node| {
        // Anything else is no word either.
        let text = match &node.value {
            Value::Text(text) => text,
            _ => "",
        };
        one_of(text, all, name)
    }
}

/// The same, of a bare text.
pub(crate) fn one_of<T: Copy>(
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().find(|word| name(**word) == text);
    found.copied().ok_or_else(|| {
        let all: Vec<_> = all.iter().map(|word| name(*word)).collect();
        format!("expected {}", all.join(" or "))
    })
}

/// True or false.
pub(crate) fn flag(node: &Node) -> Result<bool, String> {
    match node.value {
        Value::Bool(flag) => Ok(flag),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A whole number.
pub(crate) fn number(range: RangeInclusive<u32>) -> impl Fn(&Node) -> Result<u32, String> {
    move |node| {
        let number = match node.value {
            Value::Integer(number) => u32::try_from(number).ok(),
            _ => None,
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!(
                    "expected a number from {} to {}",
                    range.start(),
                    range.end()
                )
            })
    }
}

/// A name for people to read.
pub(crate) fn name(node: &Node) -> Result<String, String> {
    let name = text(node)?;
    let printable = !name.chars().any(char::is_control);
    if printable && (1..=MAX_NAME).contains(&name.chars().count()) {
        Ok(name.to_owned())
    } else {
        Err(format!("expected 1 to {MAX_NAME} printable characters"))
    }
}

/// An authentication context class (OpenID Connect Core, section 2).
pub(crate) fn acr(node: &Node) -> Result<String, String> {
    let acr = text(node)?;
    if (1..=MAX_ACR).contains(&acr.len()) && acr.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(acr.to_owned())
    } else {
        Err(format!(
            "expected 1 to {MAX_ACR} ASCII characters without spaces"
        ))
    }
}

/// A time zone of the IANA database.
pub(crate) fn time_zone(node: &Node) -> Result<String, String> {
    let zone = text(node)?;
    match TimeZone::get(zone) {
        Ok(_) => Ok(zone.to_owned()),
        Err(_) => Err("expected an IANA time zone, e.g. Europe/Moscow".to_owned()),
    }
}

/// An instant (RFC 3339).
pub(crate) fn time(node: &Node) -> Result<Timestamp, String> {
    instant(text(node)?)
}

/// The same, of a bare text.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a time with its offset (RFC 3339), e.g. 2026-12-31T21:00:00Z".to_owned()
    })
}

/// A day (ISO 8601).
pub(crate) fn date(node: &Node) -> Result<Date, String> {
    let text = text(node)?;
    let date = text.parse().ok();
    date.filter(|date: &Date| date.to_string() == text)
        .ok_or_else(|| "expected a date, e.g. 2026-01-12".to_owned())
}

/// A minute of the day, 0 to 1440, written as hours and minutes.
pub(crate) fn minute(node: &Node) -> Result<u16, String> {
    minute_of(text(node)?)
}

/// The same, of a bare text.
pub(crate) fn minute_of(text: &str) -> Result<u16, String> {
    let minute = text.split_once(':').and_then(|(hours, minutes)| {
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(hours) || !digits(minutes) {
            return None;
        }
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        Some(hours * 60 + minutes).filter(|minute| minutes < 60 && *minute <= 24 * 60)
    });
    minute.ok_or_else(|| "expected hours and minutes in quotes, \"00:00\" to \"24:00\"".to_owned())
}

/// 32 bytes in base64 (RFC 4648, section 4).
pub(crate) fn bytes(node: &Node) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text(node)?).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "expected 32 bytes in base64".to_owned())
}
