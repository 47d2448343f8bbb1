//! CloudEvents in the headers of a log record.

use bytes::Bytes;
use eventlog::CloudEvent;

/// Lines: `name: value`, each a header.
pub fn check(data: &[u8]) {
    let headers: Vec<(String, Bytes)> = data
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.windows(2).position(|pair| pair == b": ")?;
            let name = String::from_utf8_lossy(&line[..colon]).into_owned();
            Some((name, Bytes::copy_from_slice(&line[colon + 2..])))
        })
        .collect();
    let Ok(event) = CloudEvent::from_headers(&headers) else {
        return;
    };
    assert_eq!(event.validate(), Ok(()), "what is read could be written");
    let again = CloudEvent::from_headers(&event.to_headers());
    assert_eq!(again.as_ref(), Ok(&event), "written, it reads the same");

    let mut twice = headers.clone();
    twice.extend(headers.iter().find(|(name, _)| name == "ce_id").cloned());
    assert!(
        CloudEvent::from_headers(&twice).is_err(),
        "two ids are no id"
    );
}
