//! Cookies (RFC 6265bis): of this host alone, over TLS alone, out of reach of scripts.

use axum::http::{HeaderMap, HeaderValue, header};

/// The value of a cookie that came exactly once. A browser takes `__Host-` cookies from this host only.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut values = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(own, _)| *own == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Sets one; an empty `value` removes it. It ends with the browser, or with the session before.
pub(crate) fn set(name: &str, value: &str) -> Option<HeaderValue> {
    let age = if value.is_empty() { "; Max-Age=0" } else { "" };
    // Lax, since the browser comes back from the issuer's host.
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
