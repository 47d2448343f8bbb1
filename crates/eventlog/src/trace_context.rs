/// Whether the text is a `traceparent` as W3C Trace Context, section 3.2.2,
/// writes version 00: lower-case hexadecimal, and neither id all zeros. Later
/// versions are accepted by their first four fields.
pub(crate) fn is_traceparent(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut field = |length: usize| {
        fields.next().filter(|field| {
            field.len() == length
                && field
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    let zeros = |id: &str| id.bytes().all(|byte| byte == b'0');
    let complete = match version {
        "ff" => false,
        "00" => fields.next().is_none(),
        _ => true,
    };
    complete && !zeros(trace) && !zeros(parent)
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn accepts_the_standard_form_only() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(&good.replacen("00", "01", 1)));
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
