//! The bytes of a file as text. Which letters another encoding means is not guessed.

use super::bad::Bad;

/// What a file in UTF-8 may begin with.
const BOM: &[u8] = b"\xEF\xBB\xBF";

const ADVICE: &str = "save the file as UTF-8 (in Excel: Save As, \"CSV UTF-8\") and try again";

/// The text of a file in UTF-8 (RFC 3629), without its byte order mark.
///
/// # Errors
/// The line where it is no UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Bad> {
    let utf_16 = |line| Bad::whole(line, format!("this is UTF-16, not UTF-8; {ADVICE}"));
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(utf_16(1));
    }
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    // Every Latin letter and every digit of UTF-16 has one.
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(utf_16(line_at(bytes, at)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let line = line_at(bytes, error.valid_up_to());
        let what = format!("this is not UTF-8, but perhaps Windows-1251; {ADVICE}");
        Bad::whole(line, what)
    })
}

fn line_at(bytes: &[u8], at: usize) -> u64 {
    let before = bytes.iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count() as u64
}
